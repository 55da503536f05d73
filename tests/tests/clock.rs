//! A worker whose clock is wrong claims nothing and sets nothing aside. As soon as its clock is right it carries out
//! what has waited.

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Tenant, User};
use serde_json::json;
use system_tests::worker_process::fetch;
use system_tests::{Testbed, events};

#[tokio::test]
async fn a_worker_whose_clock_is_wrong_waits_for_the_right_time_and_only_locks_out() {
    let people = [("ada@contoso.example", "Ada Lovelace"), ("grace@contoso.example", "Grace Hopper")];
    let people = people.map(|(upn, name)| User::new(upn, name));
    let mut testbed = Testbed::with(people.into_iter().fold(Tenant::empty(), Tenant::user)).build().await;
    testbed.emulator.shift_clock(600);
    let worker = testbed.worker().await;
    worker.counts("gatehouse_ledger_ready", 1.0).await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": "ada@contoso.example" }))).await;
    worker.counts_with("gatehouse_put_off_total", "clock", 1.0).await;
    let (status, page) = fetch(&worker.admin_address().await, "/readyz").await;
    assert_eq!(status, 503, "{page}");
    let wrong = "the clock is wrong\nthe clock of this machine is ";
    assert!(page.starts_with(wrong) && page.contains(" s behind Microsoft's"), "{page}");
    let checked = testbed.gatehouse(&["check", "--no-broker"]).await;
    assert_eq!(checked.code, Some(1));
    assert!(checked.stdout.contains("the clock of this machine is"), "{}", checked.stdout);
    worker.logged("the clock of this machine is").await;

    // By the worker's clock this event is from the future. Others go by the right time.
    let time = (Timestamp::now() + 6.minutes()).to_string();
    let mut incident = events::access_revoke("incident", json!({ "upn": "grace@contoso.example" }));
    incident["time"] = time.into();
    testbed.publisher.event(&incident).await;
    testbed.changed(2).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("gatehouse_clock_wrong", ""), 1.0);
    let claims = "gatehouse_ledger_claims_total";
    assert_eq!(metrics.sum(claims, ""), metrics.sum(claims, "unread"), "{}", metrics.0);
    assert!(testbed.effects().iter().all(|effect| effect.contains("user")), "{:?}", testbed.effects());
    let locked_out = testbed.effects().len();

    testbed.emulator.shift_clock(0);
    let ends = testbed.results.ends(2).await;
    assert_eq!(ends.len(), 2);
    for end in ends.into_values() {
        assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");
    }
    assert!(testbed.effects().len() > locked_out);
    worker.answers("/readyz", 200).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_clock_wrong", ""), 0.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}
