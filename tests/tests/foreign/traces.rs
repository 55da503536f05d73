//! Traces, in the build that can send them: one from the event to its results, another after each sleep, and no person
//! in any.

use std::collections::BTreeSet;

use msgraph_emulator::{Fault, Group, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

use crate::receiver::{Receiver, Span};

const HIRE: &str = "
onboarding:
  stages:
    - name: account
      steps:
        - create_user
    - name: manager
      steps:
        - set_manager
    - name: place
      after: 2s
      steps:
        - add_to_groups: { groups: [Analysts] }
";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const ORIGIN: &str = "00f067aa0ba902b7";

// Kinds of spans.
const INTERNAL: u64 = 1;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

fn tenant() -> Tenant {
    Tenant::empty()
        .user(User::new("grace@contoso.example", "Grace Hopper").with("employeeId", "19061209"))
        .group(Group::security("Analysts"))
}

fn hire() -> Value {
    let person = json!({
        "upn": "ada@contoso.example", "employee_id": "18151210", "display_name": "Ada Lovelace", "given_name": "Augusta Ada",
        "family_name": "Lovelace", "job_title": "Analyst", "usage_location": "GB",
    });
    let event = events::onboarding("hire-ada-18151210", person, events::none());
    let mut event = events::with(event, "manager", json!({ "upn": "grace@contoso.example" }));
    event["traceparent"] = format!("00-{TRACE}-{ORIGIN}-01").into();
    event["correlationid"] = "ticket-of-ada".into();
    event
}

/// The only span with this name in a trace.
fn only<'a>(spans: &'a [Span], trace: &str, name: &str) -> &'a Span {
    let of: Vec<_> = spans.iter().filter(|span| span.trace == trace && span.name == name).collect();
    assert_eq!(of.len(), 1, "{name}: {spans:#?}");
    of[0]
}

/// Whether nobody is named: neither the people, nor what the publisher called them, nor an id of theirs.
fn names_nobody(receiver: &Receiver, testbed: &Testbed, event: &Value) {
    let state = testbed.emulator.state();
    let ids = state["users"].as_object().unwrap().keys().cloned();
    let words = [
        "augusta",
        "lovelace",
        "grace",
        "hopper",
        "contoso.example",
        "18151210",
        "19061209",
        "hire-",
        "ticket-of",
    ];
    let mut names: Vec<String> = words.map(str::to_owned).into_iter().chain(ids).collect();
    names.push(state["groups"].as_object().unwrap().keys().next().unwrap().clone());
    names.push(event["id"].as_str().unwrap().to_owned());
    assert!(names.len() >= words.len() + 3, "{names:?}");
    for body in receiver.bodies() {
        let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
        let found: Vec<_> = names.iter().filter(|name| text.contains(name.as_str())).collect();
        assert!(found.is_empty(), "{found:?} in {text}");
    }
}

/// The delivery of the event is below the publisher's span, and the one that acts, which did not sleep, below the first.
fn of_first_delivery(spans: &[Span], prefix: &str, event: &Value) -> (Span, Span) {
    let first: Vec<_> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let ids: BTreeSet<_> = first.iter().map(|span| span.id.as_str()).collect();
    for span in &first {
        assert!(span.parent == ORIGIN || ids.contains(span.parent.as_str()), "{span:#?}");
    }
    let process = format!("process {prefix}.workflows");
    let deliveries: Vec<_> = first.iter().filter(|span| span.kind == CONSUMER).collect();
    assert_eq!(deliveries.len(), 2, "{spans:#?}");
    for delivery in &deliveries {
        assert_eq!(delivery.name, process);
        assert_eq!(delivery.attribute("gatehouse.run.id"), events::run_of(event).to_string());
        assert_eq!(delivery.attribute("gatehouse.workflow"), "onboarding");
        assert_eq!(delivery.attribute("gatehouse.tenant"), "contoso");
        assert_eq!(delivery.attribute("messaging.system"), "rabbitmq");
        assert_eq!(delivery.attribute("cloudevents.event_type"), "gatehouse.onboarding.requested.v1");
        assert!(delivery.links.is_empty(), "{delivery:?}");
    }
    let begun = only(spans, TRACE, &format!("send {prefix}.work"));
    let of_event = deliveries.iter().find(|delivery| delivery.parent == ORIGIN).unwrap();
    let acted = deliveries.iter().find(|delivery| delivery.parent == begun.id).unwrap();
    assert_eq!((begun.kind, begun.parent.as_str()), (PRODUCER, of_event.id.as_str()));
    (Span::clone(of_event), Span::clone(acted))
}

/// A step, and the calls it makes.
fn of_step(spans: &[Span], acted: &Span, of_event: &Span) {
    let step = only(spans, TRACE, "create_user");
    assert_eq!((step.kind, step.parent.as_str()), (INTERNAL, acted.id.as_str()));
    assert_eq!(step.attribute("gatehouse.outcome"), "changed");
    let created = only(spans, TRACE, "POST /users");
    assert_eq!((created.kind, created.parent.as_str(), created.status), (CLIENT, step.id.as_str(), 0));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("server.address", "127.0.0.1"),
        ("url.template", "/users"),
    ] {
        assert_eq!(created.attribute(name), value, "{created:#?}");
    }
    assert!(uuid::Uuid::parse_str(created.attribute("azure.service.request.id")).is_ok(), "{created:#?}");
    let manager = only(spans, TRACE, "PUT /users/{id}/manager/$ref");
    assert_eq!(manager.parent, only(spans, TRACE, "set_manager").id);
    let mut looks = spans.iter().filter(|span| span.kind == CLIENT && span.parent == of_event.id);
    assert!(looks.next().is_some(), "what the run looks at first");
}

/// The run sleeps, and what goes on when it wakes has a trace of its own.
fn of_sleep(spans: &[Span], prefix: &str, acted: &Span) -> Span {
    let slept = only(spans, TRACE, &format!("send {prefix}.delay"));
    assert_eq!((slept.kind, slept.parent.as_str()), (PRODUCER, acted.id.as_str()));
    assert_eq!(acted.attribute("gatehouse.next"), "sleep");
    let link = (TRACE.to_owned(), slept.id.clone());
    let woken = spans.iter().find(|span| span.links.contains(&link)).unwrap();
    assert_eq!(
        (woken.name.clone(), woken.kind, woken.parent.as_str()),
        (format!("process {prefix}.workflows"), CONSUMER, "")
    );
    assert_ne!(woken.trace, TRACE);
    assert_eq!(only(spans, &woken.trace, "add_to_groups").parent, woken.id);
    assert_eq!(woken.attribute("gatehouse.run.state"), "succeeded");
    assert_eq!(woken.attribute("gatehouse.next"), "over");
    let traces: BTreeSet<_> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces, BTreeSet::from([TRACE, woken.trace.as_str()]));
    woken.clone()
}

/// Results name the span that sent them.
async fn of_results(spans: &[Span], testbed: &mut Testbed, woken: &Span) {
    let prefix = testbed.prefix().to_owned();
    let sent: BTreeSet<_> = spans
        .iter()
        .filter(|span| span.kind == PRODUCER && span.name == format!("send {prefix}.results"))
        .map(|span| format!("00-{}-{}-01", span.trace, span.id))
        .collect();
    let published = testbed.published.take().await;
    let results: Vec<_> = published.iter().filter(|message| message.exchange.ends_with(".results")).collect();
    assert!(results.len() >= 5 && results.len() == sent.len(), "{} of {}", results.len(), sent.len());
    for result in results {
        let traceparent = result.headers["traceparent"].as_str().unwrap();
        assert!(sent.contains(traceparent), "{result:?}");
        let is_end = result.key.starts_with("run.") && result.key != "run.waiting";
        assert!(!is_end || traceparent.contains(&woken.trace), "{result:?}");
    }
}

#[tokio::test]
async fn a_trace_leads_from_an_event_to_its_results_and_another_goes_on_after_a_sleep() {
    let receiver = Receiver::listen().await;
    let mut testbed = Testbed::with(tenant()).workflows(HIRE).build().await;
    testbed.environment("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint());
    testbed.environment("OTEL_BSP_SCHEDULE_DELAY", "200");
    let mut worker = testbed.worker().await;
    worker.logged("traces are sent").await;
    let event = hire();
    testbed.publisher.event(&event).await;
    let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    // What is left is sent before the worker ends.
    assert_eq!(worker.terminate().await, Some(0));
    let (spans, prefix) = (receiver.spans(), testbed.prefix().to_owned());
    let (first, acted) = of_first_delivery(&spans, &prefix, &event);
    of_step(&spans, &acted, &first);
    let woken = of_sleep(&spans, &prefix, &acted);
    of_results(&spans, &mut testbed, &woken).await;
    assert_eq!(receiver.service().get("service.name").map(String::as_str), Some("gatehouse"));
    names_nobody(&receiver, &testbed, &event);
    testbed.close().await;
}

#[tokio::test]
async fn a_failed_call_is_an_error_and_names_nobody_either() {
    let receiver = Receiver::listen().await;
    let mut testbed = Testbed::with(tenant()).workflows(HIRE).build().await;
    testbed.environment("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint());
    testbed.environment("OTEL_SERVICE_NAME", "people");
    testbed.environment("OTEL_BSP_SCHEDULE_DELAY", "200");
    testbed.emulator.fault(Fault::status(403).method("POST").path("/users"));
    let mut worker = testbed.worker().await;
    let event = hire();
    testbed.publisher.event(&event).await;
    testbed.results.end_of(event["id"].as_str().unwrap()).await;
    receiver.until(|spans| spans.iter().any(|span| span.attribute("gatehouse.next") == "set_aside")).await;
    let spans = receiver.spans();
    let refused = only(&spans, TRACE, "POST /users");
    assert_eq!((refused.status, refused.attribute("error.type")), (2, "403"), "{refused:#?}");
    let step = only(&spans, TRACE, "create_user");
    assert_eq!((step.status, step.attribute("gatehouse.outcome")), (2, "failed"), "{step:#?}");
    assert!(!step.attribute("error.type").is_empty());
    assert_eq!(receiver.service().get("service.name").map(String::as_str), Some("people"));
    names_nobody(&receiver, &testbed, &event);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.close().await;
}

#[tokio::test]
async fn a_receiver_that_is_away_holds_nothing_up_and_a_bad_variable_is_said() {
    // Nobody listens at this address any more.
    let away = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut testbed = Testbed::with(tenant()).workflows(HIRE).build().await;
    testbed.environment("OTEL_EXPORTER_OTLP_ENDPOINT", &away);
    testbed.environment("OTEL_BSP_SCHEDULE_DELAY", "100");
    testbed.environment("OTEL_BSP_MAX_QUEUE_SIZE", "many-for-ada");
    let mut worker = testbed.worker().await;
    let said = worker.logged("some OTEL_* variables cannot be used").await;
    assert!(said.contains("OTEL_BSP_MAX_QUEUE_SIZE must be a whole number"), "{said}");
    assert!(!said.contains("many-for-ada"), "{said}");
    testbed.publisher.event(&hire()).await;
    let end = testbed.results.end_of("hire-ada-18151210").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    worker.logged("traces were not taken").await;
    let stopping = std::time::Instant::now();
    assert_eq!(worker.terminate().await, Some(0));
    assert!(stopping.elapsed().as_secs() < 10, "{:?}", stopping.elapsed());
    let said = worker.log().into_iter().filter(|line| line.contains("traces were not taken")).count();
    assert_eq!(said, 1, "it is said once");
    testbed.close().await;
}

#[tokio::test]
async fn an_endpoint_that_is_none_sends_nothing_and_keeps_nobody_from_work() {
    let mut testbed = Testbed::with(tenant()).workflows(HIRE).build().await;
    testbed.environment("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
    let mut worker = testbed.worker().await;
    let said = worker.logged("some OTEL_* variables cannot be used").await;
    assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT must be an address"), "{said}");
    assert!(!worker.log().iter().any(|line| line.contains(r#""message":"traces are sent""#)));
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
