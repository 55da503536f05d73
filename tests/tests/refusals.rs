//! Graph refuses one write in words that nobody knows, at every write of the default workflows in turn, with every status
//! of a refusal: no run is lost, and what is independent of the object is done.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeSet;

use msgraph_emulator::{Calendar, Device, Event, Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

/// More people than a default workflow has writes.
const PEOPLE: usize = 32;
const ADA: &str = "ada@contoso.example";

/// Ada, and for each number somebody who leaves, somebody who moves and the groups of both.
fn tenant() -> Tenant {
    let ada = User::new(ADA, "Ada Lovelace").with("mail", ADA).located("GB").licensed("SPE_E3");
    let seats = 4 * u64::try_from(PEOPLE).unwrap();
    let tenant = Tenant::empty()
        .application(rights::of_default_workflows())
        .sku(Sku::new("SPE_E3", seats).plan("EXCHANGE_S_ENTERPRISE"))
        .sku(Sku::new("EMS", seats).plan("INTUNE_A"))
        .user(ada.mailbox(Mailbox::new()));
    let tenant = tenant.group(Group::security("Engineers")).group(team("Welcome"));
    (1..=PEOPLE).fold(tenant, |tenant, number| {
        let (leaver, mover) = (name("grace", number), name("edsger", number));
        let analysts = Group::security(&format!("Analysts {number}")).member(&leaver).owner(&leaver);
        tenant
            .user(leaver_of(&leaver))
            .user(User::new(&mover, "Edsger Dijkstra").located("NL").licensed("EMS"))
            .group(analysts.owner(ADA))
            .group(team(&format!("Kiruna {number}")).member(&leaver))
            .group(Group::security(&format!("Interns {number}")).member(&mover))
            .group(team(&format!("Old {number}")).member(&mover))
    })
}

fn name(person: &str, number: usize) -> String {
    format!("{person}.{number}@contoso.example")
}

fn team(name: &str) -> Group {
    Group::microsoft365(name).with_team().member(ADA).owner(ADA)
}

fn leaver_of(upn: &str) -> User {
    let mailbox = Mailbox::new()
        .calendar(Calendar::named("Sailing"))
        .event(Event::new("One", "2031-12-03T08:00:00", "2031-12-03T09:00:00").with(ADA))
        .event(Event::new("Two", "2031-12-04T08:00:00", "2031-12-04T09:00:00"))
        .rule("old", json!({ "stopProcessingRules": true }));
    User::new(upn, "Grace Hopper")
        .located("US")
        .licensed("SPE_E3")
        .method("fido2")
        .method("microsoftAuthenticator")
        .device(Device::company("Laptop"))
        .mailbox(mailbox)
}

fn leaves(number: usize) -> Value {
    let event = events::offboarding(&id("leave", number), json!({ "upn": name("grace", number) }));
    let parameters = json!({ "keep_account": true, "retire_devices": true });
    events::with(events::with(event, "manager", json!({ "upn": ADA })), "parameters", parameters)
}

fn is_hired(number: usize) -> Value {
    let person = json!({
        "upn": name("alan", number), "employee_id": format!("H{number}"), "display_name": "Alan Turing",
        "usage_location": "GB",
    });
    let parameters = json!({
        "licenses": ["SPE_E3"], "groups": ["Engineers"], "teams": ["Welcome"],
    });
    let event = events::onboarding(&id("hire", number), person, parameters);
    events::with(event, "manager", json!({ "upn": ADA }))
}

fn moves(number: usize) -> Value {
    let person = json!({ "upn": name("edsger", number), "department": "Structures" });
    let parameters = json!({
        "add_licenses": ["SPE_E3"], "add_groups": ["Engineers"], "add_teams": ["Welcome"],
        "remove_teams": [format!("Old {number}")], "remove_groups": [format!("Interns {number}")],
        "remove_licenses": ["EMS"],
    });
    let data = json!({ "person": person, "manager": { "upn": ADA }, "parameters": parameters });
    events::event(&id("move", number), "gatehouse.change.requested.v1", data)
}

fn id(what: &str, number: usize) -> String {
    format!("{what}-{number}")
}

/// A request by its method and path without its ids.
fn shape(method: &str, path: &str) -> String {
    let is_id = |segment: &&str| segment.contains(|c: char| c.is_ascii_digit()) && *segment != "v1.0";
    let segments = path.split('/').map(|segment| if is_id(&segment) { "…" } else { segment });
    format!("{method} {}", segments.collect::<Vec<_>>().join("/"))
}

/// Refuses the nth write of the nth run, and every repetition of it, for n = 1, 2, … until a run has fewer writes. Answers
/// with their number, and the number of those that left a dead letter.
async fn refuse_each_write(
    testbed: &mut Testbed,
    status: u16,
    what: &str,
    event: fn(usize) -> Value,
) -> (usize, usize) {
    let mut dead = 0;
    for number in 1..=PEOPLE {
        testbed.emulator.clear_faults();
        let before = testbed.emulator.journal().len();
        let words = "Something about grace@contoso.example that nobody has seen before.";
        let refusal = Fault::status(status).code("BadRequest").message(words).writes().same();
        testbed.emulator.fault(refusal.nth(u64::try_from(number).unwrap()));
        testbed.publisher.event(&event(number)).await;
        let end = testbed.results.end_of(&id(what, number)).await;
        let journal = testbed.emulator.journal();
        let Some(refused) = journal.iter().skip(before).find(|entry| entry.fault.is_some() && entry.write)
        else {
            assert_eq!(end["state"], "succeeded", "{end:#}");
            return (number - 1, dead);
        };
        let shape = shape(&refused.method, &refused.path);
        let context = format!("{what}: write {number}, {shape}: {end:#}");
        if end["state"] == "succeeded" {
            assert!(ANOTHER_WAY.contains(&shape.as_str()), "{context}");
            continue;
        }
        dead += 1;
        // After the last stage nothing is left to stop.
        assert!([json!("failed"), json!("partial")].contains(&end["state"]), "{context}");
        // A status that time may mend is tried again first. A lock goes by itself; whatever else stays the same is an
        // operator's.
        let class = if status == 423 { "retry" } else { "blocked" };
        assert_eq!(end["failure"]["class"], class, "{context}");
        let code = match status {
            423 => Some("retries_exhausted"),
            404 | 409 | 410 => Some("refused_each_time"),
            _ => None,
        };
        assert!(code.is_none_or(|code| end["failure"]["code"] == code), "{context}");
        let message = end["failure"]["message"].as_str().unwrap();
        let request = format!("{status} BadRequest ({} /", refused.method);
        assert!(message.contains(&request) && !message.contains('@'), "{context}");
        let is_done = |stage: &str| {
            let mut steps = end["steps"].as_array().unwrap().iter();
            steps.any(|step| step["stage"] == stage && step["outcome"] != "failed")
        };
        if what == "leave" && is_done("hand over") {
            assert!(is_done("take back groups and rights"), "access is kept for the one object: {context}");
        }
    }
    panic!("{what}: more writes than people")
}

/// What a run does in another way if it is refused: a meeting that is not called off is deleted.
const ANOTHER_WAY: [&str; 1] = ["POST /v1.0/users/…/events/…/cancel"];

async fn sweep(status: u16) {
    let testbed = Testbed::with(tenant()).compiled_in().set("TENANTS__CONTOSO__MAIL__PASS_FROM", ADA);
    // Teams' published limits make a replay of all wait for a moment; none of the statuses is repeated meanwhile.
    let testbed = testbed.set("GRAPH__RETRY_BUDGET_SECONDS", 20);
    let testbed = testbed.set("RETRY__MAX_ATTEMPTS", 2).set("RETRY__FIRST_DELAY_SECONDS", 1);
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    for (what, event) in [("leave", leaves as fn(usize) -> Value), ("hire", is_hired), ("move", moves)] {
        let (writes, refused) = refuse_each_write(&mut testbed, status, what, event).await;
        assert!(writes >= 6, "{what} has only {writes} writes");
        testbed.holds("workflows.dlq", u32::try_from(refused).unwrap()).await;
        testbed.emulator.clear_faults();
        testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
        for (run, end) in testbed.results.ends(refused).await {
            assert_eq!((&end["state"], &end["replays"]), (&json!("succeeded"), &json!(1)), "{run}: {end:#}");
        }
        println!("{status}, {what}: {writes} writes, {refused} dead letters");
    }
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = testbed.effects().into_iter().filter(|effect| !seen.insert(effect.clone())).collect();
    // A pass whose mail was refused cannot be read again: it is removed, and another is issued.
    let others = twice.iter().filter(|effect| !effect.contains("temporaryAccessPass"));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "writes made twice");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_unknown_400_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(400).await;
}

#[tokio::test]
async fn an_unknown_403_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(403).await;
}

#[tokio::test]
async fn an_unknown_404_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(404).await;
}

#[tokio::test]
async fn an_unknown_409_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(409).await;
}

#[tokio::test]
async fn an_unknown_410_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(410).await;
}

#[tokio::test]
async fn an_unknown_423_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    sweep(423).await;
}

/// Lets in, and then has something to do for which it needs a group.
const OWN: &str = "own:
  for: [onboarding]
  stages:
    - { name: account, steps: [create_user] }
    - { name: access, steps: [{ add_to_groups: { groups: '{{ parameters.groups }}' } }] }
";

#[tokio::test]
async fn a_run_that_a_lost_worker_has_begun_goes_on_without_its_workflow() {
    // Another worker takes over when no request of the lost one can arrive any more.
    let testbed = Testbed::with(tenant()).workflows(OWN);
    let testbed = testbed.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 20).set("LEDGER__TAKE_AFTER_SECONDS", 23);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(600_000).path("/members/$ref"));
    let mut worker = testbed.worker().await;
    let person = json!({ "upn": "edsger@contoso.example", "display_name": "Edsger Dijkstra" });
    let mut hire = events::onboarding("hire", person, json!({ "groups": ["Engineers"] }));
    hire["data"]["workflow"] = json!("own");
    testbed.publisher.event(&hire).await;
    // The account exists, the request for the group hangs.
    while testbed.results.next().await.key != "step.changed" {}
    worker.kill().await;
    testbed.emulator.clear_faults();
    // An operator removes the workflow before another worker takes the event.
    testbed.set("WORKFLOWS__FILE", testbed.file("none.yaml", "{}\n").display());
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end:#}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_unverified_domain_ends_the_run_before_its_first_write() {
    let workflow = "own:
  for: [onboarding]
  stages:
    - { name: manager, steps: [{ update_user: { user: 'ada@contoso.example', job_title: 'Countess' } }] }
    - { name: account, steps: [create_user] }
";
    let mut testbed = Testbed::with(tenant()).workflows(workflow).build().await;
    let worker = testbed.worker().await;
    let person = json!({ "upn": "edsger@fabrikam.example", "display_name": "Edsger Dijkstra" });
    let mut hire = events::onboarding("hire", person, json!({}));
    hire["data"]["workflow"] = json!("own");
    testbed.publisher.event(&hire).await;
    let end = testbed.results.end_of("hire").await;
    let found = (&end["state"], &end["failure"]["class"], &end["failure"]["code"]);
    assert_eq!(found, (&json!("failed"), &json!("rejected"), &json!("domain_not_verified")), "{end:#}");
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.drain([worker]).await;
    testbed.close().await;
}
