//! The first events a newcomer meets succeed as printed, in the tenant of the playground: that of the README, and the
//! minimal examples.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets something unexpected fails")]

use serde_json::Value;
use system_tests::{Testbed, contoso, events, repository};

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
    let mut testbed = Testbed::with(contoso::tenant()).compiled_in().build().await;
    let worker = testbed.worker().await;
    let event = events::made_now(serde_json::from_str(&readme_event()).unwrap());
    testbed.publisher.event(&event).await;
    let (source, id) = (event["source"].as_str().unwrap(), event["id"].as_str().unwrap());
    assert_eq!(source, events::SOURCE);
    let end = testbed.results.end_of(id).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn the_minimal_examples_succeed_one_after_the_other() {
    let mut testbed = Testbed::with(contoso::tenant()).compiled_in().build().await;
    let worker = testbed.worker().await;
    for (kind, last) in [
        ("onboarding", " succeeded"),
        ("change", " succeeded"),
        // The account is deleted thirty days later, and nobody waits for that at a terminal.
        ("offboarding", "; a worker then resumes it"),
    ] {
        let example = repository::root().join(format!("schemas/examples/{kind}.requested.v1.minimal.json"));
        let said =
            testbed.gatehouse(&["publish", "--now", "--wait", &example.display().to_string()]).await.ok();
        assert!(said.trim_end().ends_with(last), "{kind}: {said}");
        assert!(!said.contains("failed") && !said.contains("for an operator"), "{kind}: {said}");
    }
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
