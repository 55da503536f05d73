//! What gives power comes from the operator's files and never from an event: a publisher who may write events only asks
//! for it, and nothing is written.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeMap;

use lapin::BasicProperties;
use msgraph_emulator::{Application, Group, Tenant, User};
use serde_json::{Value, json};
use system_tests::{BrokerNode, Publisher, Testbed, events};

const EDSGER: &str = "edsger@contoso.example";
const MALLORY: &str = "mallory@evil.example";

/// The operator's own: it may name a group that can hold roles.
const WORKFLOW: &str = "\
appoint:
  for: [change]
  stages:
    - name: appoint
      steps: [{ add_to_groups: { groups: [Helpdesk Operators] } }]
";

fn tenant() -> Tenant {
    let application = Application::default()
        .role("UserAuthMethod-TAP.ReadWrite.All")
        .role("UserAuthenticationMethod.Read.All")
        .role("RoleManagement.ReadWrite.Directory")
        .privileged();
    let person = |upn: &str, name: &str| User::new(upn, name).with("mail", upn);
    Tenant::empty()
        .application(application)
        .user(person("admin@contoso.example", "Administrator").holding_role("Global Administrator"))
        .user(person("helper@contoso.example", "Helper").holding_role("Helpdesk Administrator"))
        .user(person("it@contoso.example", "Passes"))
        .user(person("grace@contoso.example", "Grace Hopper").with("employeeId", "1906"))
        .user(person("ada@contoso.example", "Ada Lovelace").with("employeeId", "1815"))
        .user(person(EDSGER, "Edsger Dijkstra"))
        .group(Group::role_assignable("Helpdesk Operators"))
}

async fn publish(publisher: &Publisher, event: &Value) {
    let kind = event["type"].as_str().unwrap().trim_start_matches("gatehouse.").trim_end_matches(".v1");
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    publisher.publish("events", kind, properties, event.to_string().as_bytes()).await;
}

fn change(id: &str, person: Value, more: Value) -> Value {
    let mut data = json!({ "person": person });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    events::event(id, "gatehouse.change.requested.v1", data)
}

fn hire(id: &str, person: Value, parameters: Value) -> Value {
    let event = events::onboarding(id, person, parameters);
    events::with(event, "manager", json!({ "upn": "grace@contoso.example" }))
}

/// Each event and how it ends.
fn attacks() -> Vec<(Value, &'static str)> {
    let new = || json!({ "upn": "new@contoso.example", "employee_id": "7", "display_name": "New" });
    let of = |upn: &str, name: &str| json!({ "upn": upn, "display_name": name });
    let powerful = || json!({ "groups": ["Helpdesk Operators"] });
    let leave = events::offboarding("manager-outside", json!({ "upn": EDSGER }));
    vec![
        (
            change(
                "powerful-group",
                json!({ "upn": EDSGER }),
                json!({ "parameters": { "add_groups": ["Helpdesk Operators"] } }),
            ),
            "failed role_group_not_named",
        ),
        (hire("powerful-hire", new(), powerful()), "failed role_group_not_named"),
        (hire("pass-of-admin", of("admin@contoso.example", "Administrator"), json!({})), "failed protected"),
        (hire("pass-of-helper", of("helper@contoso.example", "Helper"), json!({})), "failed role_holder"),
        (hire("pass-outside", new(), json!({ "pass_to": MALLORY })), "failed recipient_not_found"),
        (hire("pass-from", new(), json!({ "pass_from": EDSGER })), "rejected unknown_parameter"),
        (events::with(leave, "manager", json!({ "upn": MALLORY })), "failed recipient_not_found"),
        (
            change("moved-number", json!({ "upn": EDSGER, "employee_id": "1815" }), json!({})),
            "failed identity_mismatch",
        ),
        (hire("namesake", of("ada@contoso.example", "Ada Lovelace"), json!({})), "failed upn_taken"),
    ]
}

#[tokio::test]
async fn an_event_gives_nobody_power_that_the_operator_did_not_write_out() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let testbed = Testbed::with(tenant()).broker(node).workflows(WORKFLOW);
    let testbed = testbed.set("TENANTS__CONTOSO__MAIL__PASS_FROM", "it@contoso.example");
    let mut testbed = testbed.build().await;
    let hr = testbed.confined_publisher("hr", "events").await;
    let worker = testbed.worker().await;
    let attacks = attacks();
    for (event, _) in &attacks {
        publish(&hr, event).await;
    }
    let mut ends = BTreeMap::new();
    while ends.len() < attacks.len() {
        let received = testbed.results.next().await;
        if received.is_end() {
            let (event, end) = (received.event["causationid"].as_str().unwrap(), &received.event["data"]);
            let code = end["failure"]["code"].as_str().unwrap_or_default();
            ends.insert(event.to_owned(), format!("{} {code}", end["state"].as_str().unwrap()));
        }
    }
    let expected: BTreeMap<_, _> = attacks
        .iter()
        .map(|(event, end)| (event["id"].as_str().unwrap().to_owned(), (*end).to_owned()))
        .collect();
    assert_eq!(ends, expected);
    assert_eq!(testbed.effects(), Vec::<String>::new());

    let named = change("named", json!({ "upn": EDSGER }), json!({ "workflow": "appoint" }));
    publish(&hr, &named).await;
    let end = testbed.results.end_of("named").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.effects().len(), 1, "{:#?}", testbed.effects());
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}
