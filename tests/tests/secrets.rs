//! That no test lets a secret slip by: every test's house looks for them, and this is the look at the look.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::Tenant;
use serde_json::json;
use system_tests::{House, events};

fn header(secret: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("gatehouse-dead-reason".into(), AMQPValue::LongString(format!("it was {secret}").into()));
    BasicProperties::default().with_headers(headers)
}

#[tokio::test]
async fn a_planted_secret_is_found_wherever_it_is() {
    let mut house = House::with(Tenant::contoso()).build().await;
    let mut worker = house.worker().await;
    let person = json!({ "upn": "ada.king@contoso.example", "display_name": "Ada King" });
    house.queues.event(&events::onboarding("hire", person, events::none())).await;
    house.results.end_of(events::run_id("hire")).await;
    assert_eq!(worker.terminate().await, Some(0));
    assert_eq!(house.leaks().await, Vec::<String>::new());
    let secrets = house.emulator.secrets();
    let kinds =
        [&secrets.client_secrets, &secrets.tokens, &secrets.passwords].map(|kind| kind.first().cloned());
    let key = format!("{}.workflows", house.prefix());
    for secret in kinds.map(|kind| kind.unwrap()) {
        let known = house.leaks().await.len();
        house.file("worker-9.log", &format!("\"error\":\"Bearer {secret}\""));
        house.queues.publish("dead", &key, header(&secret), b"{}").await;
        house.queues.publish("dead", &key, BasicProperties::default(), secret.as_bytes()).await;
        house.queues.publish("delay.1s", &key, header(&secret), b"{}").await;
        let result = json!({ "type": "planted", "data": { "why": secret } }).to_string();
        house.queues.publish("results", "run.planted", BasicProperties::default(), result.as_bytes()).await;
        let leaks = house.leaks().await;
        assert_eq!(leaks.len(), known + 5 - usize::from(known > 0), "{leaks:?}");
        for place in ["worker-9.log", ".dead ", ".delay.1s ", ".results run.planted"] {
            assert!(leaks.iter().any(|leak| leak.contains(place)), "{place} is not in {leaks:?}");
        }
    }
    house.saw(&secrets.tokens.concat());
    assert!(house.leaks().await.contains(&"an output".to_owned()));
    house.tear_down().await;
}
