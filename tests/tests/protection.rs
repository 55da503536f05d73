//! Whom no run changes: a publisher who may write events only asks for it, and only an operator can release it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeMap;

use lapin::BasicProperties;
use msgraph_emulator::{Application, Group, Tenant, User};
use serde_json::{Value, json};
use system_tests::{BrokerNode, Publisher, Testbed, TestbedBuilder, events};

const GLOBAL: &str = "Global Administrator";
const PERMISSIONS: &[&str] =
    &["User.ReadWrite.All", "User.RevokeSessions.All", "RoleManagement.Read.Directory"];

/// Locks out, and nothing more.
const WORKFLOW: &str = "\
offboarding:
  stages:
    - name: lock out
      steps: [disable_account, revoke_sessions]
";

fn upn(number: usize) -> String {
    format!("admin-{number:02}@contoso.example")
}

fn leave(upn: &str) -> Value {
    events::offboarding(upn, json!({ "upn": upn }))
}

/// An application that could do all of it.
fn application(permissions: &[&str]) -> Application {
    Application::default().roles(permissions).privileged()
}

/// A tenant whose only person is protected.
fn with_administrator(upn: &str) -> Tenant {
    let administrator = User::new(upn, "Ada Lovelace").holding_role(GLOBAL);
    Tenant::empty().application(application(PERMISSIONS)).user(administrator)
}

async fn node() -> BrokerNode {
    tokio::task::spawn_blocking(BrokerNode::private).await.unwrap()
}

async fn testbed(tenant: Tenant) -> TestbedBuilder {
    Testbed::with(tenant).broker(node().await).workflows(WORKFLOW)
}

async fn publish(publisher: &Publisher, event: &Value) {
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    publisher.publish("events", "offboarding.requested", properties, event.to_string().as_bytes()).await;
}

/// The next ends of runs by event: state and code.
async fn ends(testbed: &mut Testbed, runs: usize) -> BTreeMap<String, String> {
    let mut ends = BTreeMap::new();
    while ends.len() < runs {
        let received = testbed.results.next().await;
        if received.is_end() {
            let (event, end) = (received.event["causationid"].as_str().unwrap(), &received.event["data"]);
            let code = end["failure"]["code"].as_str().unwrap_or_default();
            ends.insert(event.to_owned(), format!("{} {code}", end["state"].as_str().unwrap()));
        }
    }
    ends
}

#[tokio::test]
async fn forty_leavers_in_a_second_touch_nobody_who_is_protected() {
    let mut tenant = Tenant::empty().application(application(PERMISSIONS));
    let mut operators = Group::role_assignable("Operators").holding_role(GLOBAL);
    for number in 0..40 {
        let user = User::new(&upn(number), "Administrator");
        tenant = tenant.user(match number % 4 {
            0 => user.holding_role(GLOBAL),
            1 => user.holding_role("Privileged Role Administrator"),
            2 => user.eligible_for(GLOBAL),
            _ => {
                operators = operators.member(&upn(number));
                user
            }
        });
    }
    let ada = "ada@contoso.example";
    let tenant = tenant.group(operators).user(User::new(ada, "Ada Lovelace"));
    let mut testbed = testbed(tenant).await.build().await;
    let hr = testbed.confined_publisher("hr", "events").await;
    let worker = testbed.worker().await;
    for number in 0..40 {
        publish(&hr, &leave(&upn(number))).await;
    }
    publish(&hr, &leave(ada)).await;
    let mut expected: BTreeMap<_, _> =
        (0..40).map(|number| (upn(number), "failed protected".to_owned())).collect();
    expected.insert(ada.to_owned(), "succeeded ".to_owned());
    assert_eq!(ends(&mut testbed, 41).await, expected);
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(ada)).unwrap().to_string();
    let effects = testbed.effects();
    assert!(effects.len() == 2 && effects.iter().all(|effect| effect.contains(&id)), "{effects:#?}");
    worker.counts_with("gatehouse_runs_refused_total", "code=\"protected\"", 40.0).await;
    testbed.holds("workflows.dlq", 40).await;
    // A replay changes nothing about it.
    testbed.gatehouse(&["dead", "replay", "--all", "--limit", "5", "--rate", "1000"]).await.ok();
    assert!(ends(&mut testbed, 5).await.values().all(|end| end == "failed protected"));
    testbed.holds("workflows.dlq", 40).await;
    assert_eq!(testbed.effects().len(), 2);
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn one_global_administrator_is_left_however_many_are_to_go_at_once() {
    let tenant = (0..5).fold(Tenant::empty().application(application(PERMISSIONS)), |tenant, number| {
        tenant.user(User::new(&upn(number), "Administrator").holding_role(GLOBAL))
    });
    let mut testbed = testbed(tenant).await.set("PROTECTED__ROLES", "").build().await;
    let hr = testbed.confined_publisher("hr", "events").await;
    for number in 0..5 {
        publish(&hr, &leave(&upn(number))).await;
    }
    let worker = testbed.worker().await;
    let ends = ends(&mut testbed, 5).await;
    assert_eq!(ends.values().filter(|end| *end == "failed protected").count(), 1, "{ends:#?}");
    let disabled = testbed.effects().iter().filter(|effect| effect.starts_with("disable ")).count();
    assert_eq!(disabled, 4, "{:#?}", testbed.effects());
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_operator_releases_one_run_and_nobody_else_can() {
    let grace = User::new("grace@contoso.example", "Grace Hopper").holding_role(GLOBAL);
    let other = User::new(&upn(1), "Administrator").holding_role(GLOBAL);
    let tenant = Tenant::empty().application(application(PERMISSIONS)).user(grace).user(other);
    let mut testbed = testbed(tenant).await.build().await;
    let key = testbed.file("key", "3f1c9a7be2d84056a1f0c7d2e9b83a64");
    testbed.set("WORKER__KEY_FILE", key.display());
    let hr = testbed.confined_publisher("hr", "events").await;
    let worker = testbed.worker().await;

    let mut event = leave("grace@contoso.example");
    publish(&hr, &event).await;
    let end = testbed.results.end_of("grace@contoso.example").await;
    assert_eq!(end["failure"]["code"], "protected", "{end}");
    assert_eq!(end["steps"], json!([]), "nothing was tried");
    let message = end["failure"]["message"].as_str().unwrap();
    assert!(message.contains("it holds the directory role Global Administrator"), "{message}");
    assert!(message.contains("`gatehouse allow`"), "{message}");
    testbed.holds("workflows.dlq", 1).await;
    let run = events::run_of(&event).to_string();

    // Without the key an operator's release would be no message of a worker.
    testbed.set("WORKER__KEY_FILE", "");
    let refused = testbed.gatehouse(&["allow", &run, "--why", "she leaves"]).await;
    assert!(refused.stderr.contains("worker.key_file is not set here"), "{}", refused.stderr);
    testbed.set("WORKER__KEY_FILE", key.display());
    let unknown = testbed.gatehouse(&["allow", "6f0a8a6c", "--why", "she leaves"]).await;
    assert!(unknown.stderr.contains("no run with the id 6f0a8a6c"), "{}", unknown.stderr);

    testbed.gatehouse(&["allow", &run, "--why", "she leaves", "--by", "edsger"]).await.ok();
    let end = testbed.results.end_of("grace@contoso.example").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let all = testbed.results.received();
    let allowed = all.iter().find(|received| received.key == "operator.allowed").unwrap();
    let data = &allowed.event["data"];
    assert_eq!((&data["name"], &data["why"]), (&json!("edsger"), &json!("she leaves")), "{data}");
    assert_eq!(data["run_id"], run.as_str());

    // For that run alone.
    testbed.emulator.clear_journal();
    event["id"] = "again".into();
    publish(&hr, &event).await;
    let end = testbed.results.end_of("again").await;
    assert_eq!(end["failure"]["code"], "protected", "{end}");
    assert!(testbed.emulator.journal().iter().all(|entry| !entry.write));
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn where_nobody_can_tell_nothing_is_written_and_check_says_it_first() {
    let ada = "ada@contoso.example";
    let blind = application(&["User.ReadWrite.All", "User.RevokeSessions.All"]);
    let tenant = Tenant::empty().application(blind).user(User::new(ada, "Ada Lovelace"));
    let mut testbed = testbed(tenant).await.build().await;
    let hr = testbed.confined_publisher("hr", "events").await;
    let worker = testbed.worker().await;
    publish(&hr, &leave(ada)).await;
    let end = testbed.results.end_of(ada).await;
    assert_eq!(end["failure"]["code"], "protection_unknown", "{end}");
    assert_eq!(testbed.effects(), Vec::<String>::new());
    worker.counts_with("gatehouse_runs_refused_total", "code=\"protection_unknown\"", 1.0).await;
    testbed.holds("workflows.dlq", 1).await;
    let said = testbed.gatehouse(&["check", "--no-broker", "--output", "json"]).await;
    let checked: Value = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
    let first = checked["problems"][0].as_str().unwrap();
    assert!(
        first.contains("nothing is written") && first.contains("RoleManagement.Read.Directory"),
        "{first}"
    );
    testbed.drain([worker]).await;

    testbed.set("PROTECTED__ROLES", "");
    let worker = testbed.worker().await;
    testbed.gatehouse(&["dead", "replay", "--all"]).await.ok();
    assert_eq!(testbed.results.end_of(ada).await["state"], "succeeded");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_plan_says_first_what_would_keep_its_run_from_beginning() {
    let ada = "ada@contoso.example";
    let testbed = Testbed::with(with_administrator(ada)).workflows(WORKFLOW);
    let mut testbed = testbed.set("TENANTS__CONTOSO__BRAKE__LIMIT", 0).build().await;
    testbed.set("PUBLISHERS__HR__USER", "hr");
    testbed.set("PUBLISHERS__HR__TYPES", "onboarding.requested");
    let event = testbed.file("leave.json", &leave(ada).to_string()).display().to_string();
    let human = testbed.gatehouse(&["plan", &event]).await.ok();
    assert!(human.starts_with("Apply would be refused (publisher_not_allowed):\n"), "{human}");
    let (before, plan) = human.split_once("Plan of workflow offboarding").unwrap();
    for says in ["Apply would be refused (protected):", "Apply would wait (brake):", "the limit is 0"] {
        assert!(before.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{says}: {human}");
    }
    assert!(plan.contains("disable_account"), "{human}");
    let data = testbed.gatehouse(&["plan", "--output", "json", &event]).await.ok();
    let data: Value = serde_json::from_str(&data).unwrap();
    let codes: Vec<_> = data["refusals"].as_array().unwrap().iter().map(|refusal| &refusal["code"]).collect();
    assert_eq!(codes, ["publisher_not_allowed", "protected", "brake"], "{data}");
    assert_eq!(testbed.effects(), [""; 0]);

    testbed.set("BROKER__URL", "amqp://127.0.0.1:1");
    let human = testbed.gatehouse(&["plan", &event]).await.ok();
    assert!(human.contains("Apply may have to wait (brake_unknown):"), "{human}");
    let url = testbed.broker.url().to_owned();
    testbed.set("BROKER__URL", url);
    testbed.set("TENANTS__CONTOSO__CLIENT_SECRET", "not-the-secret");
    let shut = testbed.gatehouse(&["plan", &event]).await;
    assert_eq!(shut.code, Some(1), "{shut:?}");
    assert!(shut.stdout.contains("Apply would be refused (tenant_paused):"), "{shut:?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_plan_over_the_broker_says_so_too_and_is_no_dead_letter() {
    let ada = "ada@contoso.example";
    let testbed = Testbed::with(with_administrator(ada)).workflows(WORKFLOW);
    let testbed = testbed.set("TENANTS__CONTOSO__BRAKE__LIMIT", 0);
    let mut testbed = testbed.set("TENANTS__CONTOSO__ACCESS", "read").build().await;
    let worker = testbed.worker().await;
    let mut event = leave(ada);
    event["data"]["mode"] = json!("plan");
    testbed.publisher.event(&event).await;
    let planned = testbed.results.next().await;
    assert_eq!(planned.key, "run.planned", "{planned:?}");
    let data = &planned.event["data"];
    let codes: Vec<_> = data["refusals"].as_array().unwrap().iter().map(|refusal| &refusal["code"]).collect();
    assert_eq!(codes, ["access_read_only", "protected", "brake"], "{data}");
    assert_eq!(data["steps"].as_array().unwrap().len(), 2, "{data}");
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.close().await;
}
