//! Publishers that the settings list, by their user in the broker and by an exchange of their own: each may ask for
//! what its table allows, also after a replay, and for nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use lapin::BasicProperties;
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{BrokerNode, Publisher, Testbed, events};

/// Locks out at once, and once more when a stage wakes.
const WORKFLOW: &str = "\
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
    - name: sign out
      after: 1s
      steps: [revoke_sessions]
";

fn leave(id: &str) -> Value {
    events::offboarding(id, json!({ "upn": "edsger@contoso.example" }))
}

fn structured() -> BasicProperties {
    BasicProperties::default().with_content_type("application/cloudevents+json".into())
}

/// The next ends of runs, by event: each with its state, and why it failed.
async fn ends<const N: usize>(testbed: &mut Testbed, events: [&str; N]) -> BTreeMap<String, String> {
    let mut ends = BTreeMap::new();
    while ends.len() < events.len() {
        let received = testbed.results.next().await;
        if received.is_end() {
            let (event, end) = (received.event["causationid"].as_str().unwrap(), &received.event["data"]);
            let code = end["failure"]["code"].as_str().unwrap_or_default();
            let said = format!("{} {code}", end["state"].as_str().unwrap());
            assert!(ends.insert(event.to_owned(), said).is_none(), "{event} ended twice");
        }
    }
    ends
}

/// All of these with this end.
fn all<const N: usize>(events: [&str; N], end: &str) -> BTreeMap<String, String> {
    events.iter().map(|event| ((*event).to_owned(), end.to_owned())).collect()
}

#[tokio::test]
async fn a_publisher_may_ask_for_what_its_table_allows_and_for_nothing_else() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let mut testbed = Testbed::with(Tenant::contoso()).broker(node).workflows(WORKFLOW).build().await;
    testbed.set("PUBLISHERS__HR__USER", "hr");
    testbed.set("PUBLISHERS__HR__TYPES", "offboarding.requested");
    testbed.set("PUBLISHERS__HR__SOURCES", "/hr/*");
    testbed.set("PUBLISHERS__ITSM__EXCHANGE", "true");
    testbed.set("PUBLISHERS__ITSM__TENANTS", "contoso");
    let worker = testbed.worker().await;
    let hr = testbed.confined_publisher("hr", "events").await;
    let itsm = testbed.confined_publisher("shovel", "from.itsm").await;
    let stranger = testbed.confined_publisher("stranger", "events").await;
    let key = "offboarding.requested";

    let send = async |publisher: &Publisher, exchange: &str, properties: BasicProperties, event: &Value| {
        publisher.publish(exchange, key, properties, event.to_string().as_bytes()).await;
    };
    // A run that waits resumes without being checked again.
    send(&hr, "events", structured().with_user_id("hr".into()), &leave("by-user")).await;
    // About somebody else: a newer leave of the same person would take charge.
    let grace = events::offboarding("by-exchange", json!({ "upn": "grace@contoso.example" }));
    send(&itsm, "from.itsm", structured(), &grace).await;
    let allowed = ["by-user", "by-exchange"];
    assert_eq!(ends(&mut testbed, allowed).await, all(allowed, "succeeded "));
    testbed.emulator.clear_journal();

    send(&hr, "events", structured(), &leave("unnamed")).await;
    send(&stranger, "events", structured().with_user_id("stranger".into()), &leave("stranger")).await;
    let mut elsewhere = leave("source");
    elsewhere["source"] = "/itsm/contoso".into();
    send(&hr, "events", structured().with_user_id("hr".into()), &elsewhere).await;
    let mut other_tenant = leave("tenant");
    other_tenant["tenant"] = "fabrikam".into();
    send(&itsm, "from.itsm", structured(), &other_tenant).await;
    let hire = events::onboarding("type", json!({ "upn": "ada@contoso.example" }), events::none());
    let as_hr = structured().with_user_id("hr".into());
    hr.publish("events", "onboarding.requested", as_hr, hire.to_string().as_bytes()).await;
    let refused = ["unnamed", "stranger", "source", "tenant", "type"];
    assert_eq!(ends(&mut testbed, refused).await, all(refused, "rejected publisher_not_allowed"));
    // A replay comes through an exchange to which no publisher may write, and makes nobody a publisher.
    testbed.holds("workflows.dlq", 5).await;
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
    assert_eq!(ends(&mut testbed, refused).await, all(refused, "rejected publisher_not_allowed"));
    testbed.holds("workflows.dlq", 5).await;
    let journal = testbed.emulator.journal();
    assert!(journal.iter().all(|entry| entry.method == "GET"), "{journal:#?}");
    worker.counts("gatehouse_publishers_listed", 2.0).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_time_that_cannot_be_right_is_refused_and_now_sets_it() {
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(WORKFLOW).build().await;
    let worker = testbed.worker().await;
    let now = Timestamp::now();
    let at = |id: &str, time: Timestamp| {
        let mut event = leave(id);
        event["time"] = time.to_string().into();
        event
    };
    testbed.publisher.event(&at("ahead", now + 1.hour())).await;
    testbed.publisher.event(&at("long-ago", now - (401 * 24).hours())).await;
    let expected = [("ahead", "rejected time_in_future"), ("long-ago", "rejected event_too_old")];
    let expected = expected.map(|(event, end)| (event.to_owned(), end.to_owned()));
    assert_eq!(ends(&mut testbed, ["ahead", "long-ago"]).await, expected.into());
    testbed.holds("workflows.dlq", 2).await;
    let file = testbed.file("leave.json", &at("from-a-file", now - (401 * 24).hours()).to_string());
    let file = file.display().to_string();
    let said = testbed.gatehouse(&["publish", "--now", "--wait", &file]).await.ok();
    assert!(said.trim_end().ends_with("succeeded"), "{said}");
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}
