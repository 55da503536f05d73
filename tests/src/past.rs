//! A past that never was: results of runs in the history, as workers publish them, by the ten thousand.

use jiff::{SignedDuration, Timestamp};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::{Value, json};
use uuid::Uuid;

/// How many entries each run has in the history: its steps and its end.
pub const ENTRIES_OF_A_RUN: usize = 14;
/// How many entries are on their way at a time.
const WINDOW: usize = 2_000;

/// The object id of one of the people of the past.
pub fn person(number: u64) -> Uuid {
    Uuid::from_u128(0x6f0a_8a6c_0000_4000_8000_0000_0000_0000 | u128::from(number))
}

/// The id of a run of the past.
pub fn run(number: u64) -> Uuid {
    Uuid::from_u128(0x7f0f_8f5e_0000_5000_9000_0000_0000_0000 | u128::from(number))
}

/// Puts so many runs into the history under this prefix, of as many people. Every hundredth failed. The first was long ago,
/// the last is a minute old.
///
/// They go to the stream itself: nothing else that is bound to the results hears of them.
pub async fn fill(url: &str, prefix: &str, runs: u64) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let history = format!("{prefix}.history");
    let mut confirms = Vec::with_capacity(WINDOW);
    for number in 0..runs {
        let left = i64::try_from(runs - number).unwrap();
        let at = Timestamp::now() - SignedDuration::from_secs(left.saturating_mul(60));
        for event in results(number, at) {
            let body = event.to_string();
            let properties = properties(person(number), at);
            let sent = channel.basic_publish(
                "".into(),
                history.clone().into(),
                BasicPublishOptions::default(),
                body.as_bytes(),
                properties,
            );
            confirms.push(sent.await.unwrap());
            if confirms.len() == WINDOW {
                for confirm in confirms.drain(..) {
                    assert!(confirm.await.unwrap().is_ack());
                }
            }
        }
    }
    for confirm in confirms {
        assert!(confirm.await.unwrap().is_ack());
    }
    connection.close(200, "done".into()).await.unwrap();
}

fn properties(person: Uuid, at: Timestamp) -> BasicProperties {
    let mut headers = FieldTable::default();
    for name in ["gatehouse-person", "x-stream-filter-value"] {
        headers.insert(name.into(), AMQPValue::LongString(person.to_string().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_timestamp(at.as_second().try_into().unwrap())
        .with_headers(headers)
}

/// What a run published: a result of each step, and its end.
fn results(number: u64, at: Timestamp) -> Vec<Value> {
    let run = run(number);
    let failed = number % 100 == 99;
    let finished = |step: usize| {
        json!({
            "stage": "remove access", "step": format!("step_{step}"), "action": "remove_from_groups",
            "outcome": "changed", "changes": 1, "left": [],
        })
    };
    let steps = ENTRIES_OF_A_RUN - 1;
    let mut events: Vec<Value> = (0..steps)
        .map(|step| {
            let data = json!({
                "run_id": run, "workflow": "offboarding", "stage": "remove access", "step": format!("step_{step}"),
                "action": "remove_from_groups", "outcome": "changed",
                "changes": [format!("remove user {} from group {}", person(number), Uuid::from_u128(7))],
                "left": [], "attempts": 1, "replays": 0, "duration_ms": 180,
                "graph_request_ids": [Uuid::from_u128(step as u128), Uuid::from_u128(9)],
            });
            result(number, at, "gatehouse.step.finished.v1", &format!("step {step}"), data)
        })
        .collect();
    let mut end = json!({
        "run_id": run, "workflow": "offboarding", "state": if failed { "failed" } else { "succeeded" },
        "started_at": at.to_string(), "finished_at": at.to_string(), "attempts": 1, "replays": 0,
        "steps": (0..steps).map(finished).collect::<Vec<_>>(),
    });
    if failed {
        end["failure"] = json!({ "class": "blocked", "code": "permission_missing", "message": "grant Group.ReadWrite.All" });
    }
    events.push(result(number, at, "gatehouse.run.finished.v1", "end", end));
    events
}

fn result(number: u64, at: Timestamp, event_type: &str, what: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": Uuid::new_v5(&run(number), what.as_bytes()), "source": "/gatehouse",
        "type": event_type, "time": at.to_string(), "subject": run(number), "datacontenttype": "application/json",
        "tenant": "contoso", "correlationid": format!("leave-{number}"), "causationid": format!("leave-{number}"),
        "causationsource": "/hr/contoso", "causationtype": "gatehouse.offboarding.requested.v1", "data": data,
    })
}
