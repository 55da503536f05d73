//! Secrets do not leak, and the search for leaks in every testbed finds a planted secret.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::{Application, Fault, Tenant};
use serde_json::json;
use system_tests::{Testbed, events};

fn header(secret: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("gatehouse-dead-reason".into(), AMQPValue::LongString(format!("it was {secret}").into()));
    BasicProperties::default().with_headers(headers)
}

/// A hire gets an account, and the manager a mail with a pass for the first sign-in.
const WORKFLOWS: &str = "onboarding:
  stages:
    - name: account
      steps: [create_user]
    - name: first sign-in
      steps:
        - issue_temporary_access_pass: { from: edsger@contoso.example, to: grace@contoso.example }
";

fn tenant() -> Tenant {
    let roles = ["UserAuthMethod-TAP.ReadWrite.All", "UserAuthenticationMethod.Read.All"];
    Tenant::contoso().application(roles.into_iter().fold(Application::default(), Application::role))
}

fn hire() -> serde_json::Value {
    let person = json!({ "upn": "ada.king@contoso.example", "display_name": "Ada King" });
    events::onboarding("hire", person, events::none())
}

#[tokio::test]
async fn a_planted_secret_is_found_wherever_it_is() {
    let mut testbed = Testbed::with(tenant()).workflows(WORKFLOWS).build().await;
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&hire()).await;
    testbed.results.end_of("hire").await;
    assert_eq!(worker.terminate().await, Some(0));
    assert_eq!(testbed.leaks().await, Vec::<String>::new());
    let secrets = testbed.emulator.secrets();
    let kinds = [&secrets.client_secrets, &secrets.tokens, &secrets.passwords, &secrets.passes]
        .map(|kind| kind.first().cloned());
    let key = format!("{}.workflows", testbed.prefix());
    for secret in kinds.map(|kind| kind.unwrap()) {
        let known = testbed.leaks().await.len();
        testbed.file("worker-9.log", &format!("\"error\":\"Bearer {secret}\""));
        testbed.publisher.publish("dead", &key, header(&secret), b"{}").await;
        testbed.publisher.publish("dead", &key, BasicProperties::default(), secret.as_bytes()).await;
        testbed.publisher.publish("delay.1s", &key, header(&secret), b"{}").await;
        let result = json!({ "type": "planted", "data": { "why": secret } }).to_string();
        testbed
            .publisher
            .publish("results", "run.planted", BasicProperties::default(), result.as_bytes())
            .await;
        let leaks = testbed.leaks().await;
        assert_eq!(leaks.len(), known + 5 - usize::from(known > 0), "{leaks:?}");
        for place in ["worker-9.log", ".dead ", ".delay.1s ", ".results run.planted"] {
            assert!(leaks.iter().any(|leak| leak.contains(place)), "{place} is not in {leaks:?}");
        }
    }
    testbed.saw(&secrets.tokens.concat());
    assert!(testbed.leaks().await.contains(&"an output".to_owned()));
    testbed.tear_down().await;
}

#[tokio::test]
async fn a_pass_is_in_the_mail_and_nowhere_else_however_often_it_is_lost() {
    let mut testbed =
        Testbed::with(tenant()).workflows(WORKFLOWS).set("RETRY__MAX_ATTEMPTS", 4).build().await;
    let mut worker = testbed.worker().await;
    // The pass is issued and its mail cannot be written; then it is written and cannot be sent, until the run fails.
    testbed.emulator.fault(Fault::status(503).method("POST").path("*/messages").times(2));
    testbed.emulator.fault(Fault::status(503).method("POST").path("*/send"));
    testbed.publisher.event(&hire()).await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "partial", "the account is there: {end}");
    worker.kill().await;
    testbed.emulator.clear_faults();
    let worker = testbed.worker().await;
    testbed.gatehouse(&["dead", "replay", "--all", "--why", "Exchange is well again"]).await.ok();
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.emulator.secrets().passes.len(), 3, "two were lost before they were written down");
    let state = testbed.emulator.state();
    let users = state["users"].as_object().unwrap().values();
    let messages: Vec<_> =
        users.filter_map(|user| user["mailbox"]["messages"].as_array()).flatten().collect();
    assert_eq!((messages.len(), &messages[0]["isDraft"]), (1, &json!(false)), "{messages:?}");
    let text = messages[0]["body"]["content"].as_str().unwrap();
    assert!(text.contains("ada.king@contoso.example:\n\n(the pass of user "), "{text}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_leaves_no_core_dump() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut worker = testbed.worker().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", worker.id())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"]);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
