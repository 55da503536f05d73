//! A worker dies in the middle of a cancel.

use msgraph_emulator::Fault;
use serde_json::json;
use system_tests::metrics::until;
use system_tests::{Testbed, events};

use crate::{ADA, EDSGER, GRACE, asleep, ends, hire, in_seconds, is_cancelled, run, tenant, workflows};

/// Longer than any test: whoever waits for this answer is killed.
const FOREVER_MS: u64 = 3_600_000;

/// A number that none of the hires has: each cancel claims by it, asks the tenant who that is, and claims again.
const NUMBERS: [(&str, &str); 3] = [(ADA, "1815"), (GRACE, "1906"), (EDSGER, "1930")];

#[tokio::test]
async fn a_cancel_that_is_killed_between_its_claims_still_takes_everything_out() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let mut worker = testbed.worker().await;
    let planned: Vec<_> =
        NUMBERS.iter().map(|(upn, _)| in_seconds(hire(&format!("hire {upn}"), upn), 30)).collect();
    for event in &planned {
        testbed.publisher.event(event).await;
    }
    asleep(&mut testbed, planned.len()).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    let mut cancels = Vec::new();
    for (upn, number) in NUMBERS {
        let held = testbed.emulator.fault(Fault::delayed(FOREVER_MS).path("/users").nth(1));
        let cancel =
            events::cancel(&format!("no {upn}"), json!({ "employee_id": number }), json!({ "all": true }));
        let cancel = events::made_now(cancel);
        testbed.publisher.event(&cancel).await;
        // It has claimed by the number, and asks who that is.
        until(async || testbed.emulator.spoiled(held) > 0).await;
        worker.kill().await;
        testbed.emulator.clear_faults();
        worker = testbed.worker().await;
        cancels.push(cancel);
    }
    let ends = ends(&mut testbed, 2 * NUMBERS.len()).await;
    for (cancel, event) in cancels.iter().zip(&planned) {
        let end = &ends[cancel["id"].as_str().unwrap()];
        assert_eq!(
            (&end["state"], &end["shut"][0]["run_id"]),
            (&json!("succeeded"), &json!(run(event))),
            "{end}"
        );
        is_cancelled(&ends[event["id"].as_str().unwrap()], cancel);
    }
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.close().await;
}
