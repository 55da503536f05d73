//! The main job: events in, a tenant changed, results out.

use msgraph_emulator::Tenant;
use serde_json::json;
use system_tests::{House, events};

#[tokio::test]
async fn a_hire_and_a_leaver_end_in_results_and_in_the_tenant() {
    let mut house = House::with(Tenant::contoso()).build().await;
    let mut worker = house.worker().await;
    let person = json!({
        "upn": "ada.king@contoso.example", "employee_id": "1843", "display_name": "Ada King", "usage_location": "GB",
    });
    let parameters = json!({ "licenses": ["EMS"], "groups": ["Engineers"] });
    house.queues.event(&events::onboarding("hire-1", person, parameters)).await;
    let hired = house.results.end_of(events::run_id("hire-1")).await;
    assert_eq!(hired["state"], "succeeded", "{hired}");
    house.queues.event(&events::offboarding("leave-1", json!({ "employee_id": "1843" }))).await;
    let left = house.results.end_of(events::run_id("leave-1")).await;
    assert_eq!(left["state"], "succeeded", "{left}");
    // Whether sessions have to end depends on the second in which the account was made.
    let effects: Vec<_> =
        house.effects().into_iter().filter(|effect| !effect.starts_with("revoke")).collect();
    assert_eq!(effects.first().unwrap(), "create user ada.king@contoso.example");
    assert_eq!(effects.len(), 6, "{effects:#?}");
    assert_eq!(worker.terminate().await, Some(0));
    house.close().await;
}
