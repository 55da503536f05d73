//! Checks `schemas/README.md`: its events are carried out as printed, and the answers are those that it shows.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use lapin::BasicProperties;
use serde_json::{Value, json};
use system_tests::{Answers, Testbed, contoso, events, repository};

const PAGE: &str = "schemas/README.md";

/// The events and results that the page shows, in order.
fn shown() -> Vec<Value> {
    let page = repository::text(PAGE);
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

/// What the page says to set.
fn properties(answers: &Answers, ticket: &str) -> BasicProperties {
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    properties.with_reply_to(answers.queue().into()).with_correlation_id(ticket.into())
}

/// Publishes an event as the page says, made now, and returns the first answer of this type but those about a run that
/// waits for steps.
async fn ask(testbed: &Testbed, answers: &mut Answers, event: &Value, until: &str) -> Value {
    let event = events::made_now(event.clone());
    let key = event["type"].as_str().unwrap().strip_prefix("gatehouse.").unwrap();
    let key = key.strip_suffix(".v1").unwrap();
    let ticket = format!("ticket of {}", event["id"]);
    let properties = properties(answers, &ticket);
    testbed.publisher.publish("events", key, properties, event.to_string().as_bytes()).await;
    loop {
        let (correlation_id, answer) = answers.next().await;
        assert_eq!(correlation_id, Some(ticket.clone()), "{answer}");
        assert_eq!((&answer["causationsource"], &answer["causationid"]), (&event["source"], &event["id"]));
        assert_eq!(answer["correlationid"], event["id"], "the event has none of its own");
        let waits_for_steps = answer["data"]["until"].is_string() && answer["data"]["steps"] != json!([]);
        if answer["type"] == until && !waits_for_steps {
            return answer;
        }
    }
}

/// Stage, name and outcome of each step that changed something.
fn steps(end: &Value) -> Vec<[Value; 3]> {
    let steps = end["data"]["steps"].as_array().unwrap().iter();
    let changed = steps.filter(|step| step["outcome"] == "changed");
    changed.map(|step| ["stage", "step", "outcome"].map(|field| step[field].clone())).collect()
}

#[test]
fn what_the_page_shows_fits_the_schemas() {
    let shown = shown();
    assert_eq!(shown.len(), 4);
    for message in shown {
        let name = message["type"].as_str().unwrap().strip_prefix("gatehouse.").unwrap();
        assert_eq!(messages::Schema::named(name).unwrap().violations(&message), []);
    }
}

#[test]
fn the_page_lists_every_message() {
    let document: Value = serde_json::from_str(&repository::text("schemas/asyncapi.json")).unwrap();
    let channels = document["channels"].as_object().unwrap();
    let mut rows = [Vec::new(), Vec::new()];
    for channel in channels.values().filter(|channel| channel.get("title").is_some()) {
        let title = channel["title"].as_str().unwrap();
        let exchange = channel["bindings"]["amqp"]["exchange"]["name"].as_str().unwrap();
        let key = channel["address"].as_str().unwrap();
        let file = channel["messages"].as_object().unwrap().keys().next().unwrap();
        let folder = messages::Schema::named(file).unwrap().folder();
        let says = channel["description"].as_str().unwrap().split(". ").next().unwrap();
        let row = format!(
            "| [`{title}`]({folder}/{file}.json) | `{exchange}` | `{key}` | {} |",
            says.trim_end_matches('.')
        );
        rows[usize::from(folder != "requests")].push(row);
    }
    let head = "| Message | Exchange | Routing key | Says |\n|---|---|---|---|";
    let table = format!("{head}\n{}", rows.concat().join("\n"));
    let page = repository::text(PAGE);
    let (before, rest) =
        page.split_once("<!-- messages -->\n").expect("the page marks where the messages begin");
    let (_, after) = rest.split_once("<!-- /messages -->").expect("the page marks where the messages end");
    repository::golden(PAGE, &format!("{before}<!-- messages -->\n{table}\n<!-- /messages -->{after}"));
}

#[tokio::test]
async fn the_events_are_carried_out_as_printed_and_answered_as_the_page_says() {
    let [hire, change, leave, end]: [Value; 4] = shown().try_into().unwrap();
    let mut testbed = Testbed::with(contoso::tenant()).compiled_in().build().await;
    let mut answers = testbed.answers("gatehouse.replies.hr").await;
    let worker = testbed.worker().await;
    let finished = "gatehouse.run.finished.v1";

    let hired = ask(&testbed, &mut answers, &hire, finished).await;
    assert_eq!(hired["data"]["state"], "succeeded", "{hired}");
    assert!(hired["data"]["late_by_seconds"].as_u64() > Some(0), "its date is past: {hired}");
    assert_eq!(hired["personupn"], hire["data"]["person"]["upn"]);

    let changed = ask(&testbed, &mut answers, &change, finished).await;
    for field in ["id", "type", "subject", "correlationid", "causationid", "causationsource", "causationtype"]
    {
        assert_eq!(end[field], changed[field], "{field} of {changed}");
    }
    for field in ["run_id", "workflow", "state", "attempts", "replays"] {
        assert_eq!(end["data"][field], changed["data"][field], "{field} of {changed}");
    }
    assert_eq!(steps(&end), steps(&changed), "{changed}");

    // The very same event again is no second run, and with other data it is one.
    let again = ask(&testbed, &mut answers, &change, "gatehouse.event.duplicate.v1").await;
    assert_eq!((&again["subject"], &again["data"]["state"]), (&changed["subject"], &json!("done")));
    let other = events::with(change.clone(), "mode", "plan");
    let planned = ask(&testbed, &mut answers, &other, "gatehouse.run.planned.v1").await;
    assert_ne!(planned["subject"], changed["subject"]);

    let mut misspelt = events::with(change, "persn", json!({}));
    misspelt["id"] = json!("misspelt");
    let rejected = ask(&testbed, &mut answers, &misspelt, finished).await;
    assert_eq!(rejected["data"]["state"], "rejected");
    assert_eq!(rejected["data"]["violations"][0]["pointer"], "/data/persn", "{rejected}");
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "misspelt on purpose"]).await.ok();

    // Until the account is deleted, thirty days later.
    let sleeps = ask(&testbed, &mut answers, &leave, "gatehouse.run.waiting.v1").await;
    assert_eq!(sleeps["data"]["stage"], "delete", "{sleeps}");
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_event_under_a_wrong_key_is_confirmed_and_carried_out_by_nobody() {
    let testbed = Testbed::with(contoso::tenant()).build().await;
    let answers = testbed.answers("gatehouse.replies.hr").await;
    let hire = events::made_now(shown().remove(0)).to_string();
    // The publisher of the tests fails unless the broker confirms.
    testbed
        .publisher
        .publish("events", "onboarding.request", properties(&answers, "1"), hire.as_bytes())
        .await;
    system_tests::metrics::until(async || testbed.depth("unrouted").await == 1).await;
    testbed.forget("unrouted").await;
    testbed.close().await;
}
