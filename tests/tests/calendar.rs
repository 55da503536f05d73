//! A calendar of ten thousand events is emptied within what Exchange allows, portion by portion, even when workers are killed.

use std::collections::BTreeSet;

use msgraph_emulator::{Event, Limits, Mailbox, Sku, Tenant, User};
use serde_json::json;
use system_tests::{Testbed, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// Of ten thousand events a thousand are over; Grace called a hundred of the others for Ada.
const OVER: usize = 1_000;
const CALLED: usize = 100;
const OTHERS: usize = 8_900;

/// Together with the reads in between they stay below the ten thousand calls that Exchange allows in ten minutes, so that
/// this test need not wait for time to pass.
fn tenant() -> Tenant {
    let event = |what: &str, n: usize, month: &str| {
        let [start, end] = ["08", "09"].map(|hour| format!("2026-{month}-02T{hour}:00:00"));
        Event::new(&format!("{what} {n}"), &start, &end)
    };
    let mailbox = Mailbox::new()
        .events((0..OVER).map(|n| event("Over", n, "02").with(ADA)))
        .events((0..OTHERS).map(|n| event("Dentist", n, "04")))
        .events((0..CALLED).map(|n| event("Review", n, "04").with(ADA)));
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 2).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(ADA, "Ada Lovelace"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox))
}

const WORKFLOWS: &str = "offboarding:
  stages:
    - name: clear
      steps:
        - delete_primary_calendar_events: { from: '2026-03-02T00:00:00Z' }
";

#[tokio::test]
async fn ten_thousand_events_are_worked_off_within_the_limits_and_each_goes_once() {
    let testbed = Testbed::with(tenant()).emulator(|options| options.limits(Limits::medium()));
    let mut testbed = testbed.workflows(WORKFLOWS).build().await;
    let leave = events::offboarding("leave", json!({ "upn": GRACE }));
    let file = testbed.file("leave.json", &leave.to_string()).display().to_string();
    let planned = testbed.gatehouse(&["plan", &file]).await.ok();
    assert!(planned.contains("delete the other 8750 events of user "), "{planned}");

    let mut worker = testbed.worker().await;
    testbed.publisher.event(&leave).await;
    // In the middle of the third portion.
    testbed.changed(600).await;
    worker.kill().await;
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");

    let effects = testbed.effects();
    let distinct: BTreeSet<_> = effects.iter().collect();
    assert_eq!((effects.len(), distinct.len()), (CALLED + OTHERS, CALLED + OTHERS), "one went twice");
    let called_off = effects.iter().filter(|effect| effect.starts_with("cancel meeting Review "));
    assert_eq!(called_off.count(), CALLED);
    assert!(!effects.iter().any(|effect| effect.contains(" Over ")), "what is over stays");
    let usage = testbed.emulator.usage().get("outlook").cloned().unwrap();
    assert_eq!(usage.throttled, 0, "{usage:?}");
    println!("{usage:?}");

    let received = testbed.results.received();
    let finished = received.iter().find(|received| received.key == "step.changed").unwrap();
    let counts = json!({ "cancel": CALLED, "delete": OTHERS, "leave": 0, "outside": OVER });
    assert_eq!(finished.event["data"]["details"], counts, "{finished:?}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
