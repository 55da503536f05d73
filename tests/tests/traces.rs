//! What a build without traces does with those of others: it passes them on.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeSet;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const HIRE: &str = "
onboarding:
  stages:
    - name: account
      steps: [create_user]
    - name: later
      after: 2s
      steps: [set_user_type: { user_type: member }]
";

const ATTRIBUTE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn hire(id: &str) -> Value {
    events::onboarding(
        id,
        json!({ "upn": format!("{id}@contoso.example"), "display_name": "Ada" }),
        events::none(),
    )
}

/// Publishes an event in binary mode, with these headers beside its attributes.
async fn in_binary_mode(testbed: &Testbed, event: &Value, others: &[(&str, &str)]) {
    let mut headers = FieldTable::default();
    let attributes = event.as_object().unwrap().iter().filter(|(name, _)| *name != "data");
    for (name, value) in attributes {
        let value = AMQPValue::LongString(value.as_str().unwrap().into());
        headers.insert(format!("cloudEvents:{name}").into(), value);
    }
    for (name, value) in others {
        headers.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let properties =
        BasicProperties::default().with_content_type("application/json".into()).with_headers(headers);
    let body = event["data"].to_string();
    testbed.publisher.publish("events", "onboarding.requested", properties, body.as_bytes()).await;
}

/// The traces that the results of an event name.
async fn traces_of(testbed: &Testbed, event: &str) -> BTreeSet<Option<String>> {
    let mut traces = BTreeSet::new();
    for message in testbed.published.take().await {
        let result: Value = serde_json::from_slice(&message.body).unwrap();
        if message.exchange.ends_with(".results") && result["causationid"] == event {
            traces.insert(message.headers["traceparent"].as_str().map(str::to_owned));
        }
    }
    traces
}

#[tokio::test]
async fn results_name_the_trace_that_the_event_came_with_also_after_a_sleep() {
    let mut testbed = Testbed::with(Tenant::empty()).workflows(HIRE).build().await;
    let worker = testbed.worker().await;
    let only = |trace: Option<&str>| BTreeSet::from([trace.map(str::to_owned)]);

    let with = |mut event: Value, traceparent: &str| {
        event["traceparent"] = traceparent.into();
        event
    };
    testbed.publisher.event(&with(hire("structured"), ATTRIBUTE)).await;
    testbed.results.end_of("structured").await;
    assert_eq!(traces_of(&testbed, "structured").await, only(Some(ATTRIBUTE)));

    in_binary_mode(&testbed, &with(hire("binary"), ATTRIBUTE), &[]).await;
    testbed.results.end_of("binary").await;
    assert_eq!(traces_of(&testbed, "binary").await, only(Some(ATTRIBUTE)));

    // The header is the span that published the message, the attribute the one where the event began.
    in_binary_mode(&testbed, &with(hire("both"), ATTRIBUTE), &[("traceparent", HEADER)]).await;
    testbed.results.end_of("both").await;
    assert_eq!(traces_of(&testbed, "both").await, only(Some(HEADER)));

    // What is none is passed on to nobody, and keeps nobody from work.
    testbed.publisher.event(&with(hire("invalid"), "ada@contoso.example")).await;
    testbed.results.end_of("invalid").await;
    assert_eq!(traces_of(&testbed, "invalid").await, only(None));

    testbed.publisher.event(&hire("none")).await;
    testbed.results.end_of("none").await;
    assert_eq!(traces_of(&testbed, "none").await, only(None));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_build_that_cannot_send_traces_says_so_when_it_is_asked_to() {
    let mut testbed = Testbed::with(Tenant::empty()).build().await;
    testbed.environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let worker = testbed.worker().await;
    let said = worker.logged("this build cannot send traces").await;
    assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && !said.contains("4318"), "{said}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
