//! Syncs over RabbitMQ: requests, pages, their end; and every way in which one of them fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod cancels;
mod failures;
mod flow;
mod kills;
mod requests;
mod schedules;
mod table;
mod trust;
mod usage;

use msgraph_emulator::{Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

/// A tenant with this many people, whose pages hold about a hundred each.
fn tenant(people: usize) -> Tenant {
    (0..people).fold(Tenant::empty(), |tenant, number| {
        let user = User::new(&format!("person.{number}@contoso.example"), &format!("Person {number}"));
        tenant.user(user.with("department", "E".repeat(60)).with("jobTitle", "J".repeat(120)))
    })
}

/// A request for a sync.
fn sync(id: &str, data: Value) -> Value {
    events::event(id, "gatehouse.sync.requested.v1", data)
}

/// A request for everybody.
fn users(id: &str) -> Value {
    sync(id, json!({ "what": "users" }))
}

/// Waits until the sync of the event with this id ends, and returns the data of its end.
async fn end_of(testbed: &mut Testbed, event: &str) -> Value {
    loop {
        let received = testbed.results.next().await;
        let is_end = received.event["type"] == "gatehouse.sync.finished.v1";
        if is_end && received.event["causationid"] == event {
            let state = received.event["data"]["state"].as_str().unwrap();
            assert_eq!(received.key, format!("sync.{state}"));
            return received.event["data"].clone();
        }
    }
}

/// The ids of everybody in the tenant.
fn everybody(testbed: &Testbed) -> Vec<String> {
    let state = testbed.emulator.state();
    state["users"].as_object().unwrap().keys().cloned().collect()
}
