//! What a standard run costs: the calls of Microsoft Graph that it makes, and the round trips in which they travel.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::time::Duration;

use msgraph_emulator::{Entry, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const GROUPS: usize = 40;
const LICENSES: [&str; 3] = ["SPE_E3", "VISIOCLIENT", "POWER_BI_PRO"];
/// Long enough that whatever is asked for at once travels together.
const LATENCY: Duration = Duration::from_millis(50);

fn group(number: usize) -> String {
    format!("Group {number}")
}

/// A tenant in which Ada, if she is there, has three licences and forty groups.
fn tenant(has_ada: bool) -> Tenant {
    let tenant = LICENSES.iter().fold(Tenant::empty(), |tenant, sku| tenant.sku(Sku::new(sku, 9).plan(sku)));
    let ada = LICENSES.into_iter().fold(User::new("ada@contoso.example", "Ada Lovelace"), User::licensed);
    let tenant = if has_ada { tenant.user(ada.located("GB")) } else { tenant };
    let tenant = tenant.user(User::new("grace@contoso.example", "Grace Hopper"));
    (0..GROUPS).fold(tenant, |tenant, number| {
        let group = Group::security(&group(number));
        tenant.group(if has_ada { group.member("ada@contoso.example") } else { group })
    })
}

/// The calls of a run of this event, and the number of round trips.
async fn calls_of(tenant: Tenant, event: &Value) -> (Vec<Entry>, usize) {
    let builder = Testbed::with(tenant).emulator(|options| options.latency(LATENCY));
    let mut testbed = builder.build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(event).await;
    let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let (journal, round_trips) = (testbed.emulator.journal(), testbed.emulator.round_trips());
    testbed.drain([worker]).await;
    testbed.close().await;
    let calls = journal.into_iter().filter(|entry| !entry.token && !entry.path.ends_with("/$batch"));
    (calls.collect(), round_trips)
}

/// What is asked at once travels in two batches where the machine is too busy to gather it in time.
const SPLIT: usize = 2;

/// Fails with the list of what was called, if that is more than this.
fn assert_at_most((calls, round_trips): (Vec<Entry>, usize), most: (usize, usize)) {
    let list: Vec<_> = calls
        .iter()
        .map(|call| {
            let trip = call.batch.as_deref().unwrap_or("alone");
            let trip: String = trip.chars().take(8).collect();
            format!("{trip} {} {}?{}", call.method, call.path, call.query)
        })
        .collect();
    let list = list.join("\n");
    let found = (calls.len(), round_trips);
    assert!(found.0 <= most.0 && found.1 <= most.1 + SPLIT, "{found:?}, and {most:?} are enough:\n{list}");
}

#[tokio::test]
async fn a_standard_onboarding_makes_few_calls() {
    let person =
        json!({ "upn": "ada@contoso.example", "display_name": "Ada Lovelace", "usage_location": "GB" });
    let groups: Vec<String> = (0..GROUPS).map(group).collect();
    let event = events::onboarding("hire", person, json!({ "licenses": LICENSES, "groups": groups }));
    let event = events::with(event, "manager", json!({ "upn": "grace@contoso.example" }));
    assert_at_most(calls_of(tenant(false), &event).await, (70, 10));
}

#[tokio::test]
async fn a_standard_offboarding_makes_few_calls() {
    let event = events::offboarding("leave", json!({ "upn": "ada@contoso.example" }));
    assert_at_most(calls_of(tenant(true), &event).await, (56, 7));
}

#[tokio::test]
async fn a_run_in_a_tenant_of_a_hundred_thousand_makes_the_calls_of_one_in_a_tenant_of_one() {
    let person = json!({
        "upn": "ada@contoso.example", "display_name": "Ada Lovelace", "usage_location": "GB", "employee_id": "A-1815",
    });
    let hire = events::onboarding("hire", person, json!({ "licenses": LICENSES, "groups": [group(1)] }));
    let hire = events::with(hire, "manager", json!({ "upn": "grace@contoso.example" }));
    let leave = events::offboarding("leave", json!({ "upn": "ada@contoso.example" }));
    for (has_ada, event) in [(false, hire), (true, leave)] {
        let (alone, _) = calls_of(tenant(has_ada), &event).await;
        let (among_many, _) = calls_of(tenant(has_ada).crowd(7, 100_000), &event).await;
        assert_eq!(among_many.len(), alone.len(), "{}", event["id"]);
    }
}
