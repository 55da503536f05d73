//! What becomes of a restore while the run that it undoes is not over, and of a run that cannot store what it takes.

use msgraph_emulator::{Fault, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::{Testbed, events};

use super::{FOREVER_MS, GRACE, id_of, restore, with_key};

/// Longer than the run sleeps and works, and shorter than a worker waits for an answer.
const HOLD_MS: u64 = 7_000;

/// Takes the licences, and the groups five seconds later.
const IN_TWO_STAGES: &str = "
offboarding:
  stages:
    - name: licences
      steps: [remove_licenses]
    - name: groups
      after: 5s
      steps: [remove_from_groups]
";

/// Locks out, then takes the licences.
const LOCKS_OUT_FIRST: &str = "
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
    - name: licences
      steps: [remove_licenses]
";

fn tenant() -> Tenant {
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3");
    let groups = ["Engineers", "Writers"].map(|name| Group::security(name).member(GRACE));
    groups
        .into_iter()
        .fold(Tenant::empty().sku(Sku::new("SPE_E3", 5).plan("TEAMS1")).user(grace), Tenant::group)
}

fn leave() -> Value {
    events::offboarding("leave", json!({ "upn": GRACE }))
}

#[tokio::test]
async fn what_a_run_takes_after_its_restore_has_read_comes_back_too() {
    let mut testbed = with_key(Testbed::with(tenant()).workflows(IN_TWO_STAGES)).await;
    let before = testbed.emulator.state();
    let (id, run) = (id_of(&before, GRACE), events::run_of(&leave()).to_string());
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    // The run says that it sleeps before the ledger does. A restore that comes between both waits for it to be over.
    while !testbed.gatehouse(&["ledger", "show", GRACE]).await.stdout.contains("asleep") {}
    // The restore reads what the run took, and then the licences of the tenant.
    let held = testbed.emulator.fault(Fault::delayed(HOLD_MS).path("/subscribedSkus").nth(1));
    testbed.publisher.event(&restore("back", &id, &run)).await;
    until(async || testbed.emulator.spoiled(held) > 0).await;
    assert!(testbed.results.received().iter().all(|received| !received.is_end()), "the run still sleeps");
    // Ends come in their order: the run has ended before the restore can act.
    assert_eq!(testbed.results.end_of("leave").await["state"], "succeeded");
    let left = testbed.emulator.state();
    assert_eq!(left["users"][&id]["memberOf"], json!([]));
    let end = testbed.results.end_of("back").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.emulator.state(), before);
    worker.logged("the run took more before its restore could act").await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_cancel_of_a_run_that_is_lost_frees_the_restore_that_waits_for_it() {
    let mut testbed = with_key(Testbed::with(tenant()).workflows(LOCKS_OUT_FIRST)).await;
    let before = testbed.emulator.state();
    let (id, run) = (id_of(&before, GRACE), events::run_of(&leave()).to_string());
    let mut lost = testbed.worker().await;
    let held = testbed.emulator.fault(Fault::delayed(FOREVER_MS).path("/assignLicense"));
    testbed.publisher.event(&leave()).await;
    until(async || testbed.emulator.spoiled(held) > 0).await;
    lost.kill().await;
    until(async || testbed.depth("workflows").await == 1).await;
    testbed.forget("workflows").await;
    testbed.emulator.clear_faults();
    assert_eq!(testbed.emulator.state()["users"][&id]["accountEnabled"], false);
    let worker = testbed.worker().await;
    testbed.publisher.event(&restore("back", &id, &run)).await;
    let waits = async || worker.metrics().await.sum("gatehouse_put_off_total", "reason=\"person\"") > 0.0;
    until(waits).await;
    let shown = testbed.gatehouse(&["runs", "cancel", &run, "--yes", "--why", "its message is lost"]).await;
    assert_eq!(shown.code, Some(0), "{}{}", shown.stdout, shown.stderr);
    let end = testbed.results.end_of("back").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.emulator.state(), before);
    testbed.drain([worker]).await;
    testbed.close().await;
}

const TAKES_LICENCES: &str = "offboarding: { stages: [{ name: take, steps: [remove_licenses] }] }";

#[tokio::test]
async fn a_step_takes_nothing_while_there_is_no_stream_for_it() {
    let mut testbed =
        Testbed::with(tenant()).workflows(TAKES_LICENCES).set("RETRY__MAX_ATTEMPTS", 2).build().await;
    let worker = testbed.worker().await;
    testbed.delete_queue("snapshots").await;
    let before = testbed.emulator.state();
    testbed.publisher.event(&leave()).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["failure"]["code"], "retries_exhausted", "{end}");
    assert!(end["failure"]["message"].as_str().unwrap().contains("`gatehouse topology apply`"), "{end}");
    assert!(testbed.emulator.journal().iter().all(|entry| !entry.write), "{:?}", testbed.effects());
    assert_eq!(testbed.emulator.state(), before);
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "it was meant"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}
