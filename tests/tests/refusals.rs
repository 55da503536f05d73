//! Graph refuses one write in words that nobody knows, at every write of the default workflows in turn: no run is lost.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeSet;

use msgraph_emulator::{Application, Calendar, Device, Event, Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

/// More people than a default workflow has writes.
const PEOPLE: usize = 32;
const ADA: &str = "ada@contoso.example";

/// What the default workflows need beyond the emulator's usual permissions.
const ROLES: [&str; 7] = [
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
    "DeviceManagementManagedDevices.Read.All",
    "Group.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
    "UserAuthenticationMethod.ReadWrite.All",
];

/// Ada, and for each number somebody who leaves, somebody who moves and the groups of both.
fn tenant() -> Tenant {
    let ada = User::new(ADA, "Ada Lovelace").with("mail", ADA).located("GB").licensed("SPE_E3");
    let seats = 4 * u64::try_from(PEOPLE).unwrap();
    let application = ROLES.into_iter().fold(Application::default(), Application::role);
    let tenant = Tenant::empty()
        .application(application)
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

/// Refuses the nth write of the nth run, for n = 1, 2, … until a run has fewer writes, and answers with their number.
async fn refuse_each_write(testbed: &mut Testbed, what: &str, event: fn(usize) -> Value) -> usize {
    for number in 1..=PEOPLE {
        testbed.emulator.clear_faults();
        let before = testbed.emulator.journal().len();
        let words = "Something about grace@contoso.example that nobody has seen before.";
        let refusal = Fault::status(400).code("BadRequest").message(words).writes();
        testbed.emulator.fault(refusal.nth(u64::try_from(number).unwrap()));
        testbed.publisher.event(&event(number)).await;
        let end = testbed.results.end_of(&id(what, number)).await;
        let journal = testbed.emulator.journal();
        let Some(refused) = journal.iter().skip(before).find(|entry| entry.fault.is_some() && entry.write)
        else {
            assert_eq!(end["state"], "succeeded", "{end:#}");
            return number - 1;
        };
        let context = format!("{what}: write {number}, {} {}: {end:#}", refused.method, refused.path);
        // After the last stage nothing is left to stop.
        assert!([json!("failed"), json!("partial")].contains(&end["state"]), "{context}");
        assert_eq!(end["failure"]["class"], "blocked", "{context}");
        let message = end["failure"]["message"].as_str().unwrap();
        let request = format!("400 BadRequest ({} /", refused.method);
        assert!(message.contains(&request) && !message.contains('@'), "{context}");
    }
    panic!("{what}: more writes than people")
}

#[tokio::test]
async fn an_unknown_refusal_of_any_write_leaves_a_dead_letter_that_resumes_and_repeats_no_write() {
    let testbed = Testbed::with(tenant()).compiled_in().set("TENANTS__CONTOSO__MAIL__PASS_FROM", ADA);
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    for (what, event) in [("leave", leaves as fn(usize) -> Value), ("hire", is_hired), ("move", moves)] {
        let refused = refuse_each_write(&mut testbed, what, event).await;
        assert!(refused >= 6, "{what} has only {refused} writes");
        testbed.holds("workflows.dlq", u32::try_from(refused).unwrap()).await;
        testbed.emulator.clear_faults();
        testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
        for (run, end) in testbed.results.ends(refused).await {
            assert_eq!((&end["state"], &end["replays"]), (&json!("succeeded"), &json!(1)), "{run}: {end:#}");
        }
        println!("{what}: {refused} writes");
    }
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = testbed.effects().into_iter().filter(|effect| !seen.insert(effect.clone())).collect();
    // A pass whose mail was refused cannot be read again: it is removed, and another is issued.
    let others = twice.iter().filter(|effect| !effect.starts_with("issue temporaryAccessPass to "));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "writes made twice");
    testbed.drain([worker]).await;
    testbed.close().await;
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
