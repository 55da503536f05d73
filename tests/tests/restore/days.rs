//! How long a deleted account can come back: Microsoft keeps it for thirty days.

use serde_json::json;
use system_tests::{Testbed, events};

use super::{GRACE, Leaver, id_of, tenant, with_key};

/// An offboarding that deletes the account at once.
const DELETES: &str = "offboarding: { stages: [{ name: delete, steps: [disable_account, remove_licenses] }, { name: end, steps: [delete_user] }] }";

/// Grace's account was deleted so many days ago.
async fn deleted(days: u32, workflows: &str) -> Leaver {
    let testbed = with_key(Testbed::with(tenant()).workflows(workflows)).await;
    let leaver = Leaver::gone(testbed, &events::offboarding("leave", json!({ "upn": GRACE }))).await;
    assert!(leaver.testbed.emulator.state()["users"].get(&leaver.id).is_none());
    leaver.testbed.emulator.let_pass(days);
    leaver
}

#[tokio::test]
async fn a_deleted_account_is_restored_on_day_1_and_on_day_29() {
    for days in [1, 29] {
        let mut leaver = deleted(days, DELETES).await;
        let (end, _) = leaver.restored("back").await;
        assert_eq!(end["state"], "succeeded", "{end}");
        assert_eq!(leaver.testbed.emulator.state()["users"], leaver.before["users"]);
        leaver.close().await;
    }
}

#[tokio::test]
async fn on_day_31_it_is_made_anew_from_what_was_kept() {
    let mut leaver = deleted(31, DELETES).await;
    let (end, _) = leaver.restored("back").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let after = leaver.testbed.emulator.state();
    let id = id_of(&after, GRACE);
    assert!(leaver.testbed.effects().contains(&format!("create user {GRACE}")));
    let (grace, before) = (&after["users"][&id], &leaver.before["users"][&leaver.id]);
    for property in ["displayName", "employeeId", "department", "mail", "usageLocation", "licenses"] {
        assert_eq!(grace[property], before[property], "{property}");
    }
    leaver.close().await;
}

/// The workflow of a return that ships beside the compiled-in ones.
const REHIRE: &str = include_str!("../../../deploy/workflows/rehire.yaml");

#[tokio::test]
async fn who_returns_on_day_1_or_29_has_the_old_account_and_on_day_31_needs_a_new_one() {
    for days in [1, 29, 31] {
        let mut leaver = deleted(days, &format!("{DELETES}\n{REHIRE}")).await;
        let person = json!({ "upn": GRACE, "display_name": "Grace Hopper", "usage_location": "US" });
        let rehire = events::onboarding("rehire", person.clone(), json!({}));
        leaver.testbed.emulator.clear_journal();
        leaver.testbed.publisher.event(&events::with(rehire, "workflow", json!("rehire"))).await;
        let end = leaver.testbed.results.end_of("rehire").await;
        if days < 30 {
            assert_eq!(end["state"], "succeeded", "day {days}: {end}");
        } else {
            let found = (&end["state"], &end["failure"]["code"]);
            assert_eq!(found, (&json!("failed"), &json!("user_not_found")), "{end}");
            assert_eq!(leaver.testbed.effects(), [""; 0]);
            let hire = events::onboarding("hire", person, json!({}));
            leaver.testbed.publisher.event(&hire).await;
            let end = leaver.testbed.results.end_of("hire").await;
            assert_eq!(end["state"], "succeeded", "{end}");
        }
        let after = leaver.testbed.emulator.state();
        let id = id_of(&after, GRACE);
        let is_new = leaver.testbed.effects().contains(&format!("create user {GRACE}"));
        assert_eq!(is_new, days > 30, "day {days}");
        assert_eq!(after["users"][&id]["accountEnabled"], true, "day {days}");
        leaver.close().await;
    }
}
