//! The workbench for dead letters, as an operator has it after a bad night.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod files;
mod filters;
mod kills;
mod workbench;

use msgraph_emulator::Fault;
use system_tests::crowd;
use system_tests::{Testbed, Worker};

/// The fault that keeps accounts from being disabled.
fn refused() -> Fault {
    Fault::status(403).method("PATCH").path("/users/")
}

/// A testbed whose leavers have all failed and are dead letters, and a worker that is at work again.
async fn after_a_bad_night(testbed: &mut Testbed, leavers: usize) -> Worker {
    testbed.emulator.fault(refused());
    let worker = testbed.worker().await;
    for number in 0..leavers {
        testbed.publisher.event(&crowd::leave(number)).await;
    }
    testbed.results.ends(leavers).await;
    testbed.holds("workflows.dlq", u32::try_from(leavers).unwrap()).await;
    testbed.emulator.clear_faults();
    worker
}
