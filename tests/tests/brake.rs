//! The brake: once too many people leave, the next ones wait for an operator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::{Testbed, TestbedBuilder, Worker, events};

/// One write for each run.
const ONE_WRITE: &str = "
onboarding:
  stages:
    - name: let in
      steps: [enable_account]
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
";
const LEAVERS: usize = 7;

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

fn leave(number: usize) -> Value {
    events::offboarding(&format!("leave-{number}"), json!({ "upn": upn(number) }))
}

fn come(number: usize) -> Value {
    events::onboarding(&format!("come-{number}"), json!({ "upn": upn(number) }), json!({}))
}

fn with_limit(limit: &str) -> TestbedBuilder {
    let people = (0..=LEAVERS).map(|number| User::new(&upn(number), "Ada Lovelace"));
    let tenant = people.fold(Tenant::empty(), Tenant::user);
    Testbed::with(tenant).workflows(ONE_WRITE).set("TENANTS__CONTOSO__BRAKE__LIMIT", limit)
}

/// What the operator sees.
async fn shown(testbed: &mut Testbed) -> Value {
    let human = testbed.gatehouse(&["brake", "show"]).await.ok();
    assert!(human.lines().all(|line| line.len() <= 80), "{human}");
    let shown = testbed.gatehouse(&["brake", "show", "--tenant", "contoso", "--output", "json"]).await.ok();
    serde_json::from_str(&shown).unwrap()
}

/// Waits until so many leavers were admitted, so many more may pass, and so many wait. Who asks again just now does not.
async fn stands(testbed: &mut Testbed, expected: (u64, u64, usize)) {
    for _ in 0..20 {
        let shown = shown(testbed).await;
        let (brake, waiting) = (&shown["tenants"][0], shown["waiting"].as_array().unwrap());
        let found =
            (brake["admitted"].as_u64().unwrap(), brake["allowance"].as_u64().unwrap(), waiting.len());
        assert_eq!((found.0, found.1), (expected.0, expected.1));
        if found == expected {
            return;
        }
    }
    panic!("never {} runs wait", expected.2);
}

/// How often a run that the brake holds asked again, and was held again.
async fn asked_again(workers: &[Worker]) -> f64 {
    let mut sum = 0.0;
    for worker in workers {
        sum += worker.metrics().await.sum("gatehouse_put_off_total", "reason=\"brake\"");
    }
    sum
}

/// Waits until everybody who is held has asked again, twice over.
async fn all_ask_again(workers: &[Worker], held: usize) {
    let before = asked_again(workers).await;
    let enough = before + 2.0 * f64::from(u32::try_from(held).unwrap());
    until(async || asked_again(workers).await >= enough).await;
}

/// The reports of runs that wait, by run.
fn reports(testbed: &Testbed) -> BTreeMap<String, Vec<Value>> {
    let mut reports: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for received in testbed.results.received().iter().filter(|received| received.key == "run.waiting") {
        reports.entry(received.run_id().to_owned()).or_default().push(received.event["data"].clone());
    }
    reports
}

#[tokio::test]
async fn of_seven_leavers_three_are_locked_out_and_four_wait_for_an_operator() {
    let mut testbed = with_limit("3").build().await;
    let workers = [testbed.worker().await, testbed.worker().await];
    for number in 0..LEAVERS {
        testbed.publisher.event(&leave(number)).await;
    }
    let mut ended = BTreeSet::new();
    while ended.len() < 3 || reports(&testbed).len() < 4 {
        let received = testbed.results.next().await;
        if received.is_end() {
            assert_eq!(received.event["data"]["state"], "succeeded");
            ended.insert(received.run_id().to_owned());
        }
    }
    all_ask_again(&workers, 4).await;
    stands(&mut testbed, (3, 0, 4)).await;
    let writes = testbed.emulator.journal().iter().filter(|entry| entry.write && !entry.token).count();
    assert_eq!((writes, testbed.effects().len()), (3, 3), "nothing was written for those who wait");
    // Somebody who comes never waits, and an event of somebody who is out is known.
    testbed.publisher.event(&come(LEAVERS)).await;
    assert_eq!(testbed.results.end_of(&format!("come-{LEAVERS}")).await["state"], "succeeded");
    let waits = |number: &usize| reports(&testbed).contains_key(&events::run_of(&leave(*number)).to_string());
    let (held, out): (Vec<usize>, Vec<usize>) = (0..LEAVERS).partition(waits);
    assert_eq!((held.len(), out.len()), (4, 3));
    testbed.publisher.event(&leave(out[0])).await;
    while testbed.results.next().await.key != "event.duplicate" {}

    let why = ["--why", "the office closes", "--by", "ada"];
    let allowed = testbed.gatehouse(&[&["brake", "allow", "2"][..], &why].concat()).await.ok();
    assert!(allowed.starts_with("tenant contoso: 2 more may leave\n"), "{allowed}");
    let ends = testbed.results.ends(2).await;
    assert!(ends.values().all(|end| end["state"] == "succeeded"), "{ends:?}");
    all_ask_again(&workers, 2).await;
    stands(&mut testbed, (5, 0, 2)).await;
    // Newer word counts for who waits, too.
    let back = held.iter().find(|number| !ends.contains_key(&events::run_of(&leave(**number)).to_string()));
    let back = *back.unwrap();
    testbed.publisher.event(&come(back)).await;
    let end = testbed.results.end_of(&format!("leave-{back}")).await;
    assert_eq!(end["state"], "superseded", "{end}");
    testbed.gatehouse(&[&["brake", "off", "--for", "1h"][..], &why].concat()).await.ok();
    assert!(shown(&mut testbed).await["tenants"][0]["off_until"].is_string());
    testbed.drain(workers).await;
    stands(&mut testbed, (6, 0, 0)).await;
    testbed.gatehouse(&[&["brake", "on"][..], &why].concat()).await.ok();
    assert!(shown(&mut testbed).await["tenants"][0].get("off_until").is_none());
    reports_are_as_promised(&mut testbed).await;
    testbed.close().await;
}

/// Each wait was reported once and says what to do, and so was each deed of the operator.
async fn reports_are_as_promised(testbed: &mut Testbed) {
    let mut deeds = Vec::new();
    while deeds.len() < 3 {
        let received = testbed.results.received().iter().filter(|it| it.key == "operator.brake_changed");
        deeds = received.map(|received| received.event.clone()).collect();
        if deeds.len() < 3 {
            testbed.results.next().await;
        }
    }
    let user = testbed.broker.url().split(['/', ':']).nth(3).unwrap().to_owned();
    let changes: Vec<_> = deeds.iter().map(|deed| &deed["data"]["change"]).collect();
    assert_eq!(changes, ["allowed", "off", "on"]);
    for deed in &deeds {
        assert_eq!((&deed["tenant"], &deed["data"]["name"]), (&json!("contoso"), &json!("ada")), "{deed}");
        assert_eq!((&deed["data"]["by"], &deed["data"]["why"]), (&json!(user), &json!("the office closes")));
    }
    let reports = reports(testbed);
    assert_eq!(reports.len(), 4);
    for report in reports.values() {
        let reason = report[0]["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("the brake: at most 3 people of tenant contoso") && report.len() == 1,
            "{report:?}"
        );
        assert!(reason.contains("within 1d") && reason.contains("gatehouse brake allow"), "{reason}");
    }
}

#[tokio::test]
async fn who_was_admitted_is_not_counted_again_when_its_dead_letter_is_replayed() {
    let mut testbed = with_limit("1").build().await;
    testbed.emulator.fault(Fault::status(403).method("PATCH"));
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave(0)).await;
    assert_ne!(testbed.results.end_of("leave-0").await["state"], "succeeded");
    testbed.holds("workflows.dlq", 1).await;
    testbed.publisher.event(&leave(1)).await;
    while testbed.results.next().await.key != "run.waiting" {}
    testbed.emulator.clear_faults();
    testbed.gatehouse(&["dead", "replay", "--all", "--why", "consent"]).await.ok();
    assert_eq!(testbed.results.end_of("leave-0").await["state"], "succeeded");
    stands(&mut testbed, (1, 0, 1)).await;
    testbed.gatehouse(&["brake", "allow", "1", "--why", "she leaves"]).await.ok();
    assert_eq!(testbed.results.end_of("leave-1").await["state"], "succeeded");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn the_limit_of_a_large_tenant_follows_from_its_people_who_are_counted_once() {
    let tenant =
        Tenant::empty().user(User::new(&upn(0), "Ada Lovelace")).user(User::new(&upn(1), "Ada King"));
    let tenant = tenant.crowd(1843, 2_000).lifelike();
    let testbed = Testbed::with(tenant).workflows(ONE_WRITE).set("TENANTS__CONTOSO__BRAKE__LIMIT", "auto");
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    for number in [0, 1] {
        testbed.publisher.event(&leave(number)).await;
    }
    testbed.results.ends(2).await;
    let is_count = |path: &str| path.ends_with("/users/$count");
    let counted = testbed.emulator.journal().iter().filter(|entry| is_count(&entry.path)).count();
    assert_eq!(counted, 1);
    let shown = shown(&mut testbed).await;
    let brake = &shown["tenants"][0];
    let (members, limit) = (brake["members"].as_u64().unwrap(), brake["limit"].as_u64().unwrap());
    assert!((1_000..2_000).contains(&members), "without guests, and those who are blocked: {members}");
    assert_eq!(limit, (members / 50).max(20));
    testbed.drain([worker]).await;
    testbed.close().await;
}
