//! A cancel at every stage of a restore, and the restore after it that gives back the rest.

use msgraph_emulator::Fault;
use serde_json::{Value, json};
use system_tests::{Testbed, events};

use super::{Leaver, comparable, harbour, leave, restore, with_key, without_channels};

/// The stages of the default workflow, in their order.
const STAGES: [&str; 7] = ["account", "properties", "licences", "groups", "ownership", "mailbox", "sign-in"];
/// Long enough for a cancel to arrive while a stage is under way.
const ANSWERS_AFTER_MS: u64 = 150;

#[tokio::test]
async fn a_cancel_at_any_stage_of_a_restore_ends_it_there_and_another_gives_back_the_rest() {
    let tenant = without_channels().group(harbour());
    let testbed = with_key(Testbed::with(tenant).compiled_in().set("GRAPH__LIMITS_SHARE", 1000)).await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    let left = leaver.testbed.emulator.with_tenant(|tenant| tenant.clone());
    for after in 0..STAGES.len() {
        leaver.testbed.emulator.with_tenant(|tenant| *tenant = left.clone());
        leaver.testbed.emulator.fault(Fault::delayed(ANSWERS_AFTER_MS));
        let end = cancelled(&mut leaver, after).await;
        leaver.testbed.emulator.clear_faults();
        let later = |step: &&Value| STAGES[after + 1..].iter().any(|stage| step["stage"] == *stage);
        let late: Vec<_> = end["steps"].as_array().unwrap().iter().filter(later).collect();
        assert!(late.is_empty(), "after {after} stages: {late:#?}");
    }
    let (end, _) = leaver.restored("back").await;
    assert_eq!(end["state"], "partial", "{end}");
    let after = leaver.testbed.emulator.state();
    assert_eq!(comparable(&after, &leaver.id), comparable(&leaver.before, &leaver.id));
    leaver.close().await;
}

/// Restores, and cancels when this many stages have begun. Answers with how the restore ended.
async fn cancelled(leaver: &mut Leaver, after: usize) -> Value {
    let Leaver { testbed, id: user, run, .. } = leaver;
    let id = format!("restore {after}");
    let event = restore(&id, user, run);
    let run = events::run_of(&event).to_string();
    testbed.publisher.event(&event).await;
    if let Some(before) = after.checked_sub(1) {
        loop {
            let result = testbed.results.next().await;
            let data = &result.event["data"];
            assert!(!(result.is_end() && result.run_id() == run), "it ended too early: {data}");
            if result.run_id() == run && data["stage"] == STAGES[before] && data.get("step").is_some() {
                break;
            }
        }
    }
    let no = format!("no {id}");
    let cancel = events::cancel(&no, json!({ "entra_id": user }), json!({ "event": events::named(&event) }));
    testbed.publisher.event(&events::made_now(cancel.clone())).await;
    let by = events::run_of(&cancel).to_string();
    let mut ends = testbed.results.ends(2).await;
    assert_eq!(ends[&by]["state"], "succeeded", "{ends:#?}");
    let end = ends.remove(&run).unwrap();
    assert_eq!((&end["state"], &end["ended_by"]), (&json!("cancelled"), &json!(by)), "{end}");
    end
}
