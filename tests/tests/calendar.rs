//! A calendar of ten thousand events is emptied within what Exchange allows, portion by portion, whoever dies.

use std::collections::BTreeSet;

use msgraph_emulator::{Event, Limits, Mailbox, Sku, Tenant, User};
use serde_json::json;
use system_tests::{House, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// Of ten thousand events a thousand are over; Grace called a hundred of the others for Ada.
const OVER: usize = 1_000;
const CALLED: usize = 100;
const OTHERS: usize = 8_900;

/// With the looks in between they stay below the ten thousand calls that Exchange allows in ten minutes, so that
/// nothing here has to wait for time to pass.
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
    let house = House::with(tenant()).emulator(|options| options.limits(Limits::medium()));
    let mut house = house.workflows(WORKFLOWS).build().await;
    let leave = events::offboarding("leave", json!({ "upn": GRACE }));
    let file = house.file("leave.json", &leave.to_string()).display().to_string();
    let planned = house.gatehouse(&["plan", &file]).await.ok();
    assert!(planned.contains("delete the other 8750 events of user "), "{planned}");

    let mut worker = house.worker().await;
    house.queues.event(&leave).await;
    // In the middle of the third portion.
    house.changed(600).await;
    worker.kill().await;
    let worker = house.worker().await;
    let end = house.results.end_of(events::run_id("leave")).await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");

    let effects = house.effects();
    let distinct: BTreeSet<_> = effects.iter().collect();
    assert_eq!((effects.len(), distinct.len()), (CALLED + OTHERS, CALLED + OTHERS), "one went twice");
    let called_off = effects.iter().filter(|effect| effect.starts_with("cancel meeting Review "));
    assert_eq!(called_off.count(), CALLED);
    assert!(!effects.iter().any(|effect| effect.contains(" Over ")), "what is over stays");
    let usage = house.emulator.usage().get("outlook").cloned().unwrap();
    assert_eq!(usage.throttled, 0, "{usage:?}");
    println!("{usage:?}");

    let heard = house.results.heard();
    let finished = heard.iter().find(|heard| heard.key == "step.changed").unwrap();
    let counts = json!({ "cancel": CALLED, "delete": OTHERS, "leave": 0, "outside": OVER });
    assert_eq!(finished.event["data"]["details"], counts, "{finished:?}");
    house.rest([worker]).await;
    house.close().await;
}
