//! The first event a newcomer meets succeeds as printed: that of the README, and the minimal example.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets something unexpected fails")]

use lapin::BasicProperties;
use msgraph_emulator::Tenant;
use serde_json::Value;
use system_tests::{Testbed, events, repository};

const EXAMPLE: &str = "schemas/examples/onboarding.requested.v1.minimal.json";
const MARK: &str = "<!-- first event -->\n```json\n";

/// The block of the README that shows the first event.
fn readme_event() -> String {
    let readme = repository::text("README.md");
    let (_, block) = readme.split_once(MARK).expect("the README marks its first event");
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_readme_shows_the_minimal_example() {
    let [shown, example] = [readme_event(), repository::text(EXAMPLE)];
    let [shown, example] = [shown, example].map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(shown, example);
}

#[tokio::test]
async fn the_first_event_succeeds_as_printed() {
    for text in [readme_event(), repository::text(EXAMPLE)] {
        let mut testbed = Testbed::with(Tenant::contoso()).compiled_in().build().await;
        let worker = testbed.worker().await;
        let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
        testbed.publisher.publish("events", "onboarding.requested", properties, text.as_bytes()).await;
        let event: Value = serde_json::from_str(&text).unwrap();
        let (source, id) = (event["source"].as_str().unwrap(), event["id"].as_str().unwrap());
        assert_eq!(source, events::SOURCE);
        let end = testbed.results.end_of(id).await;
        assert_eq!(end["state"], "succeeded", "{end}");
        testbed.drain([worker]).await;
        testbed.close().await;
    }
}
