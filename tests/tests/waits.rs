//! Runs that wait do so in the broker alone, and survive restarts.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeSet;

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::{Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{BrokerNode, PublishedMessage, Received, Testbed, events};

fn workflow(after: &str) -> String {
    format!(
        "offboarding:\n  stages:\n    - name: lock out\n      steps: [disable_account]\n    - name: take back\n      after: {after}\n      steps: [remove_from_groups]\n"
    )
}

fn leave() -> Value {
    events::offboarding("leave", json!({ "upn": "edsger@contoso.example" }))
}

/// Waits until the run reports that it sleeps.
async fn reported_as_waiting(testbed: &mut Testbed) -> Received {
    loop {
        let received = testbed.results.next().await;
        if received.key == "run.waiting" {
            return received;
        }
    }
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Asserts that the run slept once, and did each step once and not too early.
fn slept_once(testbed: &Testbed, end: &Value) {
    assert_eq!(end["attempts"], 1, "a wait is no attempt: {end}");
    let received = testbed.results.received();
    let of = |key: &str| received.iter().filter(|received| received.key == key).collect::<Vec<_>>();
    let sleeps: BTreeSet<_> = of("run.waiting").into_iter().map(Received::id).collect();
    assert_eq!(sleeps.len(), 1, "{received:#?}");
    let steps: BTreeSet<_> =
        received.iter().filter(|received| received.key.starts_with("step.")).map(Received::id).collect();
    assert_eq!(steps.len(), 2, "{received:#?}");
    let until = time(of("run.waiting").first().unwrap().event.pointer("/data/until").unwrap());
    assert!(time(&end["finished_at"]) >= until, "nobody is woken early: {end}");
    let locked_out = testbed.effects().into_iter().filter(|effect| effect.starts_with("disable"));
    assert_eq!(locked_out.count(), 1, "{:#?}", testbed.effects());
}

#[tokio::test]
async fn a_stage_with_a_delay_survives_a_killed_worker_and_a_restarted_broker() {
    let testbed = Testbed::with(Tenant::contoso()).broker(BrokerNode::private());
    let mut testbed = testbed.workflows(&workflow("15s")).build().await;
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    let waiting = reported_as_waiting(&mut testbed).await;
    assert_eq!(waiting.event["data"]["stage"], "take back", "{waiting:?}");
    assert_eq!(waiting.event["data"]["steps"], json!([]), "{waiting:?}");
    // The result comes before the message goes to the delay.
    testbed.holds("delay.5s", 1).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    // The broker does not announce that it has processed an acknowledgement or the end of a connection; a few requests
    // to the queue take longer.
    let requests = async |testbed: &Testbed| {
        for _request in 0..20 {
            testbed.depth("workflows").await;
        }
    };
    requests(&testbed).await;
    worker.kill().await;
    requests(&testbed).await;
    // A message held by a killed worker would be here again.
    assert_eq!(testbed.depth("workflows").await, 0, "nothing is held while a run sleeps");
    testbed.restart_broker(false).await;
    let before = testbed.emulator.journal().len();
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["steps"].as_array().unwrap().len(), 2, "{end}");
    let journal = testbed.emulator.journal();
    // Whom a run may not change is looked at in every attempt, by name.
    let is_guarded = |query: &str| query.contains("userPrincipalName");
    let again = journal.iter().skip(before).filter(|entry| {
        let looks_again = entry.query.contains("accountEnabled") && !is_guarded(&entry.query);
        entry.method == "PATCH" || looks_again
    });
    assert_eq!(again.count(), 0, "what has finished is not even looked at: {journal:#?}");
    testbed.drain([worker]).await;
    slept_once(&testbed, &end);
    assert_eq!(testbed.results.states().into_values().collect::<Vec<_>>(), ["partial"]);
    testbed.close().await;
}

/// Publishes a message again, as happens when a worker is killed before it acknowledges the cause.
async fn publish_again(testbed: &Testbed, copy: &PublishedMessage) {
    let mut headers = FieldTable::default();
    for (name, value) in copy.headers.as_object().unwrap() {
        if let (true, Some(number)) = (name.starts_with("gatehouse-"), value.as_i64()) {
            headers.insert(name.as_str().into(), AMQPValue::LongLongInt(number));
        }
    }
    let properties = BasicProperties::default()
        .with_content_type("application/vnd.gatehouse.continuation+json".into())
        .with_message_id(copy.message_id.clone().unwrap().into())
        .with_headers(headers);
    let (_, exchange) = copy.exchange.split_once('.').unwrap();
    testbed.publisher.publish(exchange, &copy.key, properties, &copy.body).await;
}

#[tokio::test]
async fn two_continuations_of_one_run_say_and_do_everything_once() {
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(&workflow("2s")).build().await;
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    reported_as_waiting(&mut testbed).await;
    let mut copies = Vec::new();
    while !copies.iter().any(|copy: &PublishedMessage| copy.exchange.contains(".delay.")) {
        copies.extend(testbed.published.take().await);
    }
    let copy = copies.iter().find(|copy| copy.exchange.contains(".delay.")).unwrap();
    worker.kill().await;
    publish_again(&testbed, copy).await;
    let workers = [testbed.worker().await, testbed.worker().await];
    let end = testbed.results.end_of("leave").await;
    testbed.drain(workers).await;
    slept_once(&testbed, &end);
    assert_eq!(testbed.results.states().len(), 1);
    let effects = testbed.effects();
    let distinct: BTreeSet<_> = effects.iter().collect();
    assert_eq!(distinct.len(), effects.len(), "done twice: {effects:#?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_run_that_sleeps_is_shown_while_waiting_and_a_plan_shows_the_delay() {
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(&workflow("2s")).build().await;
    let worker = testbed.worker().await;
    let file = testbed.file("leave.json", &leave().to_string()).display().to_string();
    let planned = testbed.gatehouse(&["plan", &file]).await.ok();
    assert!(planned.contains("take back (after 2s)"), "{planned}");
    let published = testbed.gatehouse(&["publish", "--wait", &file]).await;
    assert_eq!(published.code, Some(1), "it ends as partial: {published:?}");
    assert!(published.stdout.contains(" sleeps until 20"), "{published:?}");
    let end = testbed.results.end_of("leave").await;
    slept_once(&testbed, &end);
    let page = worker.metrics().await;
    assert_eq!((page.sum("gatehouse_sleeps_total", ""), page.sum("gatehouse_retries_total", "")), (1.0, 0.0));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn publish_follows_a_run_no_further_than_a_sleep_that_ends_after_its_limit() {
    let ada = events::offboarding("ada", json!({ "upn": "ada@contoso.example" }));
    for after in ["30d", "2s"] {
        let mut testbed = Testbed::with(Tenant::contoso()).workflows(&workflow(after)).build().await;
        let worker = testbed.worker().await;
        let file = testbed.file("ada.json", &ada.to_string()).display().to_string();
        let published = testbed.gatehouse(&["publish", "--wait", &file]).await.ok();
        let said = published.trim_end();
        assert!(
            said.contains(" sleeps until 20") && said.contains("\n  in stage take back;"),
            "{after}: {said}"
        );
        if after == "30d" {
            assert!(said.ends_with("; a worker then resumes it"), "{said}");
            testbed.forget_sleeping_run().await;
        } else {
            assert!(said.ends_with(" succeeded"), "{said}");
        }
        testbed.drain([worker]).await;
        testbed.close().await;
    }
}

#[tokio::test]
async fn a_mailbox_that_exchange_has_yet_to_make_is_waited_for_and_costs_no_attempt() {
    const ADA: &str = "ada@contoso.example";
    let ada = User::new(ADA, "Ada Lovelace").located("GB").licensed("SPE_E3");
    let tenant = Tenant::empty()
        .sku(Sku::new("SPE_E3", 1).plan("EXCHANGE_S_ENTERPRISE"))
        .user(ada.mailbox(Mailbox::new().pending()));
    let workflows = "onboarding:\n  stages:\n    - name: mailbox\n      steps:\n        - enable_automatic_reply: { internal: I begin on Monday. }\n        - remove_inbox_rules\n";
    // A single attempt: looking for a mailbox that does not exist yet must not use it up.
    let mut testbed = Testbed::with(tenant).workflows(workflows).set("RETRY__MAX_ATTEMPTS", 1).build().await;
    let mut worker = testbed.worker().await;
    let hire = events::onboarding("hire", json!({ "upn": ADA }), events::none());
    let file = testbed.file("hire.json", &hire.to_string()).display().to_string();
    let planned = testbed.gatehouse(&["plan", &file]).await.ok();
    assert_eq!(planned.matches("waits for the mailbox of user ").count(), 2, "{planned}");
    testbed.publisher.event(&hire).await;
    let waiting = reported_as_waiting(&mut testbed).await;
    let steps = waiting.event["data"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{waiting:?}");
    assert!(steps.iter().all(|step| step["reason"].as_str().unwrap().starts_with("the mailbox of user ")));
    testbed.holds("delay.5s", 1).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    worker.kill().await;
    testbed.emulator.with_tenant(|tenant| tenant.finish_mailbox(ADA)).unwrap();
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");
    assert_eq!(testbed.effects().len(), 1, "{:#?}", testbed.effects());
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// The event with the moment in so many seconds as its effective date.
fn effective_in(event: Value, seconds: i64) -> Value {
    let at = Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    events::with(event, "effective", json!({ "rule": "instant", "at": at.to_string() }))
}

#[tokio::test]
async fn a_date_ahead_sleeps_in_the_broker_and_then_runs() {
    let workflow = "offboarding: { stages: [{ name: lock out, steps: [disable_account] }] }";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(workflow).build().await;
    let mut worker = testbed.worker().await;
    let event = effective_in(leave(), 8);
    testbed.publisher.event(&event).await;
    let waiting = reported_as_waiting(&mut testbed).await;
    let date = time(&event["data"]["effective"]["at"]);
    assert_eq!(time(&waiting.event["data"]["until"]).as_millisecond(), date.as_millisecond(), "{waiting:?}");
    assert_eq!(waiting.event["data"]["reason"], date.to_string(), "{waiting:?}");
    testbed.holds("delay.5s", 1).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    worker.kill().await;
    assert_eq!(testbed.effects(), Vec::<String>::new(), "nothing is written before the date");
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!((&end["state"], end.get("late_by_seconds")), (&json!("succeeded"), None), "{end}");
    assert!(time(&end["finished_at"]) >= date, "{end}");
    let sleeps = testbed.results.received();
    assert_eq!(sleeps.iter().filter(|received| received.key == "run.waiting").count(), 1, "{sleeps:#?}");
    assert_eq!(testbed.effects().len(), 1, "{:#?}", testbed.effects());
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_date_in_the_past_runs_now_and_says_so() {
    let workflow = "offboarding: { stages: [{ name: lock out, steps: [disable_account] }] }";
    let testbed = Testbed::with(Tenant::contoso()).workflows(workflow);
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    let yesterday = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date().yesterday().unwrap();
    let date = json!({ "rule": "start_of_day", "date": yesterday.to_string(), "time_zone": "UTC" });
    let event = events::with(leave(), "effective", date);
    let file = testbed.file("leave.json", &event.to_string()).display().to_string();
    let planned = testbed.gatehouse(&["plan", &file]).await.ok();
    assert!(planned.contains(&format!("takes effect {yesterday}T00:00:00Z: ")), "{planned}");
    let published = testbed.gatehouse(&["publish", "--wait", &file]).await.ok();
    assert!(published.contains(" after its effective date"), "{published}");
    let end = testbed.results.end_of("leave").await;
    assert!(end["late_by_seconds"].as_u64().unwrap() >= 86_400, "{end}");
    assert_eq!(testbed.results.received().iter().filter(|it| it.key == "run.waiting").count(), 0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_stage_a_day_before_the_date_wakes_the_run_and_the_others_wait_for_the_date() {
    let workflow = "offboarding: { stages: [
        { name: hand over, at: -1d, steps: [remove_from_groups] },
        { name: lock out, steps: [disable_account] }] }";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(workflow).build().await;
    let worker = testbed.worker().await;
    let ada = events::offboarding("ada", json!({ "upn": "ada@contoso.example" }));
    let event = effective_in(ada, 24 * 3_600 + 4);
    let date = time(&event["data"]["effective"]["at"]);
    let file = testbed.file("ada.json", &event.to_string()).display().to_string();
    testbed.gatehouse(&["publish", &file]).await.ok();
    let first = reported_as_waiting(&mut testbed).await;
    let day = jiff::SignedDuration::from_hours(24);
    assert_eq!(
        (&first.event["data"]["stage"], &first.event["data"]["sleeps"]),
        (&json!("hand over"), &json!(1))
    );
    assert_eq!(time(&first.event["data"]["until"]).as_millisecond(), (date - day).as_millisecond());
    assert_eq!(first.event["data"]["reason"], format!("1d before {date}"));
    assert_eq!(testbed.effects(), Vec::<String>::new());
    let second = reported_as_waiting(&mut testbed).await;
    assert_eq!(
        (&second.event["data"]["stage"], &second.event["data"]["sleeps"]),
        (&json!("lock out"), &json!(2))
    );
    assert_eq!(time(&second.event["data"]["until"]).as_millisecond(), date.as_millisecond());
    let effects = testbed.effects();
    assert!(
        !effects.is_empty() && !effects.iter().any(|effect| effect.starts_with("disable")),
        "{effects:#?}"
    );
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
