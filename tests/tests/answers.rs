//! Answers: what a publisher gets in the queue of its own that it names in `reply_to`.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use msgraph_emulator::{Tenant, User};
use serde_json::json;
use system_tests::{Answers, Testbed, events};

const HIRE: &str = "
onboarding:
  stages:
    - name: account
      steps:
        - create_user: { if_taken: number }
    - name: later
      after: 2s
      steps: [set_user_type: { user_type: member }]
";

async fn testbed() -> Testbed {
    let tenant =
        Tenant::empty().user(User::new("ada@contoso.example", "Ada Byron").with("employeeId", "1836"));
    Testbed::with(tenant).workflows(HIRE).set("WORKER__REPLY_TO", "hr-*").build().await
}

fn asked_as(answers: &Answers, ticket: &str) -> BasicProperties {
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    properties.with_reply_to(answers.queue().into()).with_correlation_id(ticket.into())
}

#[tokio::test]
async fn an_answer_keeps_the_publishers_correlation_id_and_names_the_account_even_after_a_sleep() {
    let mut testbed = testbed().await;
    let mut answers = testbed.answers("hr").await;
    let worker = testbed.worker().await;
    let person =
        json!({ "upn": "ada@contoso.example", "employee_id": "1815", "display_name": "Ada Lovelace" });
    let hire = events::onboarding("hire", person, events::none());
    let properties = asked_as(&answers, "ticket-20771");
    testbed
        .publisher
        .publish("events", "onboarding.requested", properties, hire.to_string().as_bytes())
        .await;
    let mut kinds = Vec::new();
    let end = loop {
        let (correlation_id, answer) = answers.next().await;
        assert_eq!(correlation_id.as_deref(), Some("ticket-20771"), "{answer}");
        kinds.push(answer["type"].as_str().unwrap().to_owned());
        if answer["type"] == "gatehouse.run.finished.v1" {
            break answer;
        }
    };
    assert!(kinds.contains(&"gatehouse.run.waiting.v1".to_owned()), "it slept: {kinds:?}");
    let created = testbed.emulator.with_tenant(|tenant| tenant.user_id("ada2@contoso.example")).unwrap();
    assert_eq!(end["data"]["state"], "succeeded", "{end}");
    assert_eq!(
        (&end["personid"], &end["personupn"]),
        (&json!(created), &json!("ada2@contoso.example")),
        "{end}"
    );
    assert_eq!(end["causationsource"], hire["source"], "{end}");
    // Nobody else is told a name.
    let public = testbed.results.end_of("hire").await;
    assert_eq!(public["state"], "succeeded");
    assert!(testbed.results.received().iter().all(|result| result.event.get("personupn").is_none()));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_event_that_nobody_can_read_is_answered_too() {
    let mut testbed = testbed().await;
    let mut answers = testbed.answers("hr").await;
    let worker = testbed.worker().await;
    let nameless = events::onboarding("nameless", json!({ "display_name": "Ada Lovelace" }), events::none());
    let unknown = events::event("unknown", "gatehouse.promotion.requested.v1", json!({}));
    for (ticket, body) in [("1", nameless.to_string()), ("2", unknown.to_string()), ("3", "{".to_owned())] {
        let properties = asked_as(&answers, ticket);
        testbed.publisher.publish("events", "onboarding.requested", properties, body.as_bytes()).await;
    }
    let mut told = BTreeMap::new();
    for _ in 0..3 {
        let (correlation_id, answer) = answers.next().await;
        assert_eq!(answer.get("personid"), None, "{answer}");
        told.insert(correlation_id.unwrap(), answer);
    }
    let said = |ticket: &str| {
        let answer = &told[ticket];
        (
            answer["type"].as_str().unwrap(),
            answer["causationid"].as_str(),
            answer["data"]["failure"]["code"].as_str(),
        )
    };
    assert_eq!(said("1"), ("gatehouse.run.finished.v1", Some("nameless"), Some("invalid_event")));
    assert_eq!(said("2"), ("gatehouse.run.finished.v1", Some("unknown"), Some("unknown_type")));
    // Without an id there is no run, and the dead letter is all that can be told.
    assert_eq!(said("3"), ("gatehouse.dead_letter.added.v1", None, Some("undecodable")));
    testbed.drain([worker]).await;
    testbed.tear_down().await;
}
