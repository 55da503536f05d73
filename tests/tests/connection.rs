//! The connection test, and connections that may only read.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::time::{Duration, Instant};

use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use msgraph_emulator::{Application, Tenant};
use serde_json::{Value, json};
use system_tests::{BrokerNode, Testbed, events};

/// How long the management API may take to show what has changed.
const BROKER_SETTLES: Duration = Duration::from_secs(60);

async fn check(testbed: &mut Testbed) -> (Option<i32>, Value) {
    let finished = testbed.gatehouse(&["check", "--output", "json"]).await;
    (finished.code, serde_json::from_str(&finished.stdout).unwrap())
}

fn may(found: &Value, name: &str) -> String {
    let uses = found["uses"].as_array().unwrap();
    uses.iter().find(|one| one["name"] == name).unwrap()["may"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_complete_connection_is_reported_as_complete() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let (code, lacking) = check(&mut testbed).await;
    assert_eq!(code, Some(1), "{lacking}");
    // The permissions reported as missing are exactly those to grant.
    let uses = lacking["uses"].as_array().unwrap().iter();
    let needs = uses.flat_map(|one| one["needs"].as_array().unwrap());
    let missing = needs.filter(|need| need["granted"] == false);
    let application = missing.fold(Application::default(), |application, need| {
        application.role(need["permission"].as_str().unwrap())
    });
    // It shows more and is not missing.
    let application = application.role("ReportSettings.Read.All");
    testbed.emulator.with_tenant(|tenant| tenant.put_application(application));
    let (code, found) = check(&mut testbed).await;
    assert_eq!(found["problems"], json!([]), "{found}");
    assert_eq!((&found["connected"], &found["organization"]["name"]), (&json!(true), &json!("Contoso")));
    assert_eq!(may(&found, "remove_licenses"), "act");
    assert_eq!(found["concealed_names"], json!(false), "{found}");
    let seats = found["licenses"].as_array().unwrap();
    assert!(
        seats.iter().any(|seats| seats["sku"] == "SPE_E3" && seats["free"].as_i64() > Some(0)),
        "{found}"
    );
    assert_eq!(code, Some(0), "{found}");
    let human = testbed.gatehouse(&["check"]).await.ok();
    assert!(
        human.contains("Tenant contoso: connected to Contoso") && human.contains("sync usage"),
        "{human}"
    );
    assert!(testbed.effects().is_empty());
    testbed.close().await;
}

#[tokio::test]
async fn a_missing_permission_is_named_with_what_it_keeps_from_work() {
    let application = Application::default()
        .without_role("LicenseAssignment.ReadWrite.All")
        .without_role("MailboxSettings.ReadWrite")
        .without_role("User.ReadWrite.All");
    let mut testbed = Testbed::with(Tenant::contoso().application(application)).build().await;
    let (code, found) = check(&mut testbed).await;
    assert_eq!(code, Some(1));
    assert_eq!(found["connected"], json!(true));
    assert_eq!([may(&found, "remove_licenses"), may(&found, "usage")], ["read", "nothing"], "{found}");
    assert_eq!(
        [may(&found, "remove_from_groups"), may(&found, "forward_mail")],
        ["act", "nothing"],
        "{found}"
    );
    testbed.close().await;
}

#[tokio::test]
async fn a_sync_that_nobody_uses_turns_no_exit_code_and_the_verdict_comes_last() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let (_, lacking) = check(&mut testbed).await;
    let uses = lacking["uses"].as_array().unwrap().iter();
    let actions = uses.filter(|one| one["kind"] == "action");
    let needs = actions.flat_map(|one| one["needs"].as_array().unwrap());
    let names = needs.map(|need| need["permission"].as_str().unwrap().to_owned());
    let application = names.fold(Application::default(), |application, name| application.role(&name));
    testbed.emulator.with_tenant(|tenant| tenant.put_application(application));
    let (code, found) = check(&mut testbed).await;
    assert_eq!(
        (code, may(&found, "sign_ins").as_str(), &found["complete"]),
        (Some(0), "nothing", &json!(true))
    );
    let human = testbed.gatehouse(&["check", "--sync", "sign_ins,users"]).await;
    assert_eq!(human.code, Some(1), "{human:?}");
    let last: Vec<_> = human.stdout.lines().rev().take(2).map(str::trim).collect();
    assert_eq!(last, ["tenant contoso limits sign_ins: grant AuditLog.Read.All", "Verdict:"]);
    let more = "sync users could show more:\n    grant User-LifeCycleInfo.Read.All for leave dates";
    assert!(human.stdout.contains(more), "{human:?}");
    let human = testbed.gatehouse(&["check"]).await.ok();
    assert_eq!(human.lines().last().map(str::trim), Some("all is well"));
    assert_eq!(testbed.gatehouse(&["check", "--sync", "everything"]).await.code, Some(2));
    testbed.close().await;
}

/// Workflows in place of all that are compiled in, with these steps.
fn only(steps: &str) -> String {
    let names = ["onboarding", "offboarding", "change", "access_revoke", "restore"];
    // A lock-out has to look again at its end.
    let stages = format!("{{ name: all, steps: [{steps}] }}, {{ name: again, after: 1s, steps: [{steps}] }}");
    names.map(|name| format!("{name}: {{ stages: [{stages}] }}\n")).concat()
}

/// The permissions that what is used lacks.
fn lacking(found: &Value) -> Vec<String> {
    let used = found["uses"].as_array().unwrap().iter().filter(|one| one["used"] == true);
    let needs = used.flat_map(|one| one["needs"].as_array().unwrap());
    let missing = needs.filter(|need| need["granted"] == false);
    missing.map(|need| need["permission"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_actions_that_a_workflow_uses_count_and_exchange_needs_a_permission_of_its_own() {
    let step = "run_exchange_command: { commands: [hide_from_address_lists] }";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(&only(step)).build().await;
    testbed.set("EXCHANGE__COMMANDS", "true");
    let application = Application::default().role("User.Read.All").role("Organization.Read.All");
    testbed.emulator.with_tenant(|tenant| tenant.put_application(application.clone()));
    let (code, found) = check(&mut testbed).await;
    assert_eq!((code, lacking(&found)), (Some(1), vec!["Exchange.ManageAsApp".to_owned()]), "{found}");
    let human = testbed.gatehouse(&["check"]).await.stdout;
    let verdict = "limits run_exchange_command: grant Exchange.ManageAsApp";
    let said = human.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(verdict) && said.contains("actions that no workflow uses: "), "{human}");
    let granted = application.role("Exchange.ManageAsApp");
    testbed.emulator.with_tenant(|tenant| tenant.put_application(granted));
    let (_, found) = check(&mut testbed).await;
    assert_eq!((lacking(&found), may(&found, "run_exchange_command")), (vec![], "act".to_owned()), "{found}");
    let unused = found["uses"].as_array().unwrap().iter().find(|one| one["name"] == "forward_mail").unwrap();
    assert_eq!(unused["used"], false, "{found}");
    testbed.close().await;
}

#[tokio::test]
async fn the_broker_is_tested_unless_somebody_asks_not_to() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let (_, found) = check(&mut testbed).await;
    let version = found["broker"]["version"].as_str().unwrap();
    assert!(version.contains('.') && found["broker"]["connected"] == true, "{found}");
    let human = testbed.gatehouse(&["check"]).await.stdout;
    assert!(human.starts_with(&format!("Broker: connected to RabbitMQ {version}\n")), "{human}");

    testbed.set("BROKER__URL", "amqp://127.0.0.1:1");
    let (code, found) = check(&mut testbed).await;
    assert_eq!((code, &found["broker"]["connected"]), (Some(1), &json!(false)), "{found}");
    assert!(found["broker"]["problem"].as_str().unwrap().contains("is it running"), "{found}");
    assert_eq!(found["connected"], json!(true), "{found}");
    let without = testbed.gatehouse(&["check", "--no-broker", "--output", "json"]).await;
    assert!(without.stdout.contains("\"broker\":null"), "{without:?}");
    let url = testbed.broker.url().to_owned();
    testbed.set("BROKER__URL", url);
    testbed.close().await;
}

#[tokio::test]
async fn a_token_that_grants_nothing_is_no_connection() {
    let nobody = Application::default().roles(&[]);
    let mut testbed = Testbed::with(Tenant::contoso().application(nobody)).build().await;
    let (code, found) = check(&mut testbed).await;
    assert_eq!((code, &found["connected"]), (Some(1), &json!(false)));
    assert!(found["problems"][0].as_str().unwrap().contains("grants no permissions"), "{found}");
    testbed.close().await;

    let mut testbed = Testbed::with(Tenant::contoso())
        .set("TENANTS__CONTOSO__CLIENT_SECRET", "not-the-secret")
        .build()
        .await;
    let (code, found) = check(&mut testbed).await;
    assert_eq!((code, &found["connected"]), (Some(1), &json!(false)));
    assert!(found["problems"][0].as_str().unwrap().contains("AADSTS7000215"), "{found}");
    testbed.close().await;
}

#[tokio::test]
async fn with_read_access_nothing_is_written_on_any_request() {
    let mut testbed = Testbed::with(Tenant::contoso()).set("TENANTS__CONTOSO__ACCESS", "read").build().await;
    let (code, found) = check(&mut testbed).await;
    assert_eq!(
        (code, may(&found, "disable_account"), may(&found, "users")),
        (Some(1), "read".into(), "read".into())
    );

    let leaver = events::offboarding("leave-1", json!({ "upn": "edsger@contoso.example" }));
    let file = testbed.file("leaver.json", &leaver.to_string());
    testbed.gatehouse(&["plan", file.to_str().unwrap()]).await.ok();

    let mut worker = testbed.worker().await;
    for replay in 0..2 {
        if replay == 0 {
            testbed.publisher.event(&leaver).await;
        } else {
            testbed.gatehouse(&["dead", "replay", "--all", "--why", "to see that it stays so"]).await.ok();
        }
        let end = loop {
            let received = testbed.results.next().await;
            if received.is_end() {
                break received;
            }
        };
        let failure = &end.event["data"]["failure"];
        assert_eq!((&failure["class"], &failure["code"]), (&json!("blocked"), &json!("access_read_only")));
    }
    testbed.quiet().await;
    assert_eq!(testbed.effects(), [""; 0]);
    assert!(testbed.emulator.journal().iter().all(|entry| !entry.write), "not even an attempt");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "it was meant"]).await.ok();
    testbed.close().await;
}

/// The problems and the notes about the broker that `check` finds.
async fn broker_of(testbed: &mut Testbed) -> (String, String) {
    let (_, found) = check(testbed).await;
    let of = |what: &str| found.pointer(&format!("/broker/management/{what}")).unwrap().to_string();
    (of("problems"), of("notes"))
}

#[tokio::test]
async fn policies_alarms_and_leftover_queues_are_found_through_the_management_api() {
    let testbed = Testbed::with(Tenant::contoso()).broker(BrokerNode::managed()).prefix("gatehouse");
    let mut testbed = testbed.build().await;
    let (problems, notes) = broker_of(&mut testbed).await;
    assert_eq!(problems, "[]");
    assert!(notes.contains("set broker.management_url"), "{notes}");

    let management = testbed.broker.management_url().to_owned();
    testbed.set("BROKER__MANAGEMENT_URL", &management);
    let (problems, notes) = broker_of(&mut testbed).await;
    assert_eq!(problems, "[]");
    assert!(!notes.contains("not looked at") && !notes.contains("not seen"), "{notes}");

    let node = &testbed.broker;
    let small = r#"{"delivery-limit":5,"message-ttl":60000}"#;
    node.ctl(&["set_operator_policy", "small", r"^gatehouse\.workflows$", small]).await;
    node.ctl(&["set_policy", "few", r"^gatehouse\.access\.dlq$", r#"{"max-length":100}"#]).await;
    let connection = Connection::connect(node.url(), ConnectionProperties::default()).await.unwrap();
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let channel = connection.create_channel().await.unwrap();
    channel.queue_declare("gatehouse.sync.old".into(), options, FieldTable::default()).await.unwrap();
    // The API counts consumers every few seconds, and more rarely on a busy machine.
    let (mut problems, mut notes) = broker_of(&mut testbed).await;
    let began = Instant::now();
    while !(notes.contains("gatehouse.sync.old") && problems.contains("`few`"))
        && began.elapsed() < BROKER_SETTLES
    {
        (problems, notes) = broker_of(&mut testbed).await;
    }
    for part in [
        "operator policy `small` has `delivery-limit` 5 for gatehouse.workflows, which needs 20",
        "operator policy `small` has `message-ttl` 60000 for gatehouse.workflows",
        "policy `few` limits gatehouse.access.dlq and drops the oldest messages",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert!(notes.contains("gatehouse.sync.old (0 messages)"), "{notes}");
    let human = testbed.gatehouse(&["check"]).await;
    assert_eq!(human.code, Some(1));
    let human = human.stdout;
    assert!(human.contains("  problem:\n    operator policy `small`"), "{human}");
    assert!(human.contains("the broker has 4 problems"), "{human}");
    testbed.close().await;
}

#[tokio::test]
async fn a_management_api_that_does_not_answer_says_what_to_do() {
    let mut testbed = Testbed::with(Tenant::contoso()).broker(BrokerNode::managed()).build().await;
    let management = testbed.broker.management_url().to_owned();
    let place = management.rsplit_once('@').unwrap().1.to_owned();
    let broker_place = testbed.broker.url().rsplit_once('@').unwrap().1.trim_end_matches("/%2f").to_owned();
    for (url, says) in [
        (
            format!("http://ada:wrong@{place}"),
            "refuses user `ada`; check the password, and give the user the tag",
        ),
        (format!("{management}/elsewhere"), "has nothing at /elsewhere/api/whoami"),
        (management.replace("http://", "https://"), "check that this port has TLS"),
        (format!("http://{broker_place}"), "check the port, usually 15672"),
        ("http://127.0.0.1:1".to_owned(), "rabbitmq-plugins enable rabbitmq_management"),
    ] {
        testbed.set("BROKER__MANAGEMENT_URL", &url);
        let (problems, notes) = broker_of(&mut testbed).await;
        assert_eq!(notes, "[]", "{says}");
        assert!(problems.contains(says), "{says}: {problems}");
    }

    for (tag, has_note) in [("management", true), ("monitoring", false)] {
        let node = &testbed.broker;
        node.ctl(&["add_user", tag, "secret"]).await;
        node.ctl(&["set_user_tags", tag, tag]).await;
        node.ctl(&["set_permissions", tag, "^$", "^$", ".*"]).await;
        testbed.set("BROKER__MANAGEMENT_URL", format!("http://{tag}:secret@{place}"));
        let (problems, notes) = broker_of(&mut testbed).await;
        assert_eq!(problems, "[]");
        assert_eq!(notes.contains("alarms of the nodes were not seen"), has_note, "{tag}: {notes}");
    }
    testbed.close().await;
}
