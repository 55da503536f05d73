//! The right person: names are given to others and people come back while a run sleeps.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use lapin::BasicProperties;
use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::{PublishedMessage, Testbed, events};

const LEAVER: &str = "edsger@contoso.example";
const NEWCOMER: &str = "joost@contoso.example";

/// Locks out, and deletes later.
const DELETES: &str = "
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
    - name: delete
      after: 2s
      steps: [delete_user]
";

fn tenant() -> Tenant {
    let leaver = User::new(LEAVER, "Edsger Dijkstra").with("employeeId", "1930");
    Tenant::empty().user(leaver).user(User::new(NEWCOMER, "Joost Dijkstra").with("employeeId", "2026"))
}

/// A leaver's run that sleeps, with no worker.
struct Asleep {
    testbed: Testbed,
    /// The object ids of the leaver and the newcomer.
    leaver: String,
    newcomer: String,
}

impl Asleep {
    async fn with(workflow: &str, person: Value) -> Self {
        let mut testbed = Testbed::with(tenant()).workflows(workflow).build().await;
        let mut worker = testbed.worker().await;
        testbed.publisher.event(&events::offboarding("leave", person)).await;
        while testbed.results.next().await.key != "run.waiting" {}
        // Gently: it publishes the run's progress before it stops.
        assert_eq!(worker.terminate().await, Some(0));
        let id = |upn: &str| testbed.emulator.with_tenant(|tenant| tenant.user_id(upn)).unwrap().to_string();
        let (leaver, newcomer) = (id(LEAVER), id(NEWCOMER));
        Self { testbed, leaver, newcomer }
    }

    fn set(&self, user: &str, property: &str, value: impl Into<Value>) {
        self.testbed.emulator.with_tenant(|tenant| tenant.set(user, property, value)).unwrap();
    }

    /// Gives the leaver's name to the newcomer.
    fn rename(&self) {
        self.set(&self.leaver, "userPrincipalName", "edsger.old@contoso.example");
        self.give_name();
    }

    fn give_name(&self) {
        self.set(&self.newcomer, "userPrincipalName", LEAVER);
    }

    /// The data of the run's end.
    async fn wake(&mut self) -> Value {
        let worker = self.testbed.worker().await;
        let end = self.testbed.results.end_of("leave").await;
        self.testbed.drain([worker]).await;
        end
    }

    fn exists(&self, id: &str) -> bool {
        self.testbed.emulator.with_tenant(|tenant| tenant.user_id(id)).is_some()
    }

    /// Whether the leaver and the newcomer have an account.
    fn exist(&self) -> (bool, bool) {
        (self.exists(&self.leaver), self.exists(&self.newcomer))
    }

    /// Gives the leaver's name to the newcomer and wakes the run: it deletes the leaver.
    async fn deletes_the_leaver_under_another_name(mut self) {
        self.rename();
        let end = self.wake().await;
        assert_eq!(end["state"], "succeeded", "{end}");
        assert_eq!(self.exist(), (false, true), "the person is who it was when the run began");
        self.testbed.close().await;
    }

    /// Discards the dead letter, and checks what is left.
    async fn close(mut self) {
        self.testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "seen"]).await.ok();
        self.testbed.close().await;
    }
}

/// The code of the failure by which a run ended.
fn code(end: &Value) -> (&str, &str) {
    let failure = &end["failure"];
    (failure["class"].as_str().unwrap_or_default(), failure["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_newcomer_under_the_old_name_stays_and_the_renamed_leaver_goes() {
    for person in [json!({ "upn": LEAVER }), json!({ "upn": LEAVER, "employee_id": "1930" })] {
        Asleep::with(DELETES, person).await.deletes_the_leaver_under_another_name().await;
    }
}

#[tokio::test]
async fn a_run_that_sleeps_first_knows_whom_it_is_about() {
    let workflow =
        "offboarding:\n  stages:\n    - name: delete\n      after: 2s\n      steps: [delete_user]\n";
    let run = Asleep::with(workflow, json!({ "upn": LEAVER })).await;
    run.deletes_the_leaver_under_another_name().await;
}

#[tokio::test]
async fn a_newcomer_under_the_name_of_a_leaver_who_is_gone_stays() {
    let mut run = Asleep::with(DELETES, json!({ "upn": LEAVER })).await;
    let id = run.leaver.parse().unwrap();
    assert!(run.testbed.emulator.with_tenant(|tenant| tenant.soft_delete(id)));
    run.give_name();
    let end = run.wake().await;
    assert_eq!(code(&end), ("blocked", "person_changed"), "{end}");
    assert_eq!(run.exist(), (false, true));
    run.close().await;
}

#[tokio::test]
async fn an_account_that_is_somebody_elses_now_stays() {
    for person in [json!({ "upn": LEAVER }), json!({ "employee_id": "1930", "upn": LEAVER })] {
        let mut run = Asleep::with(DELETES, person).await;
        run.set(&run.leaver, "employeeId", "4711");
        let end = run.wake().await;
        assert_eq!(code(&end), ("blocked", "person_changed"), "{end}");
        assert_eq!(run.exist(), (true, true));
        run.close().await;
    }
}

#[tokio::test]
async fn whoever_came_back_stays_until_the_account_is_disabled_and_the_run_replayed() {
    let mut run = Asleep::with(DELETES, json!({ "employee_id": "1930" })).await;
    run.set(LEAVER, "accountEnabled", true);
    let end = run.wake().await;
    assert_eq!(code(&end), ("blocked", "person_returned"), "{end}");
    let message = end["failure"]["message"].as_str().unwrap();
    assert!(message.contains(&run.leaver) && !message.contains("edsger"), "{message}");
    assert_eq!(run.exist(), (true, true));
    run.set(LEAVER, "accountEnabled", false);
    run.testbed.gatehouse(&["dead", "replay", "--all", "--why", "disabled again"]).await.ok();
    let end = run.wake().await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(run.exist(), (false, true));
    run.testbed.close().await;
}

#[tokio::test]
async fn an_account_that_the_run_did_not_disable_need_not_be_disabled() {
    let workflow = DELETES.replace("disable_account", "revoke_sessions");
    let mut run = Asleep::with(&workflow, json!({ "upn": LEAVER })).await;
    let end = run.wake().await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(run.exist(), (false, true));
    run.testbed.close().await;
}

/// The message of the sleeping run as a worker wrote it that did not record people, and whose time has come.
fn of_an_older_worker(asleep: &PublishedMessage) -> Vec<u8> {
    let mut message: Value = serde_json::from_slice(&asleep.body).unwrap();
    let progress = message["progress"].as_object_mut().unwrap();
    assert!(progress.remove("people").is_some_and(|people| people != json!([])), "{message}");
    message["progress"]["starts"][0]["at"] = json!("2026-01-01T00:00:00Z");
    message.to_string().into_bytes()
}

#[tokio::test]
async fn a_sleeper_of_an_older_worker_deletes_only_an_account_that_is_still_disabled() {
    let workflow = DELETES.replace("2s", "1h");
    let unlike = DELETES.replace("2s", "1h").replace("disable_account", "revoke_sessions");
    let returned = ("blocked", "person_returned");
    let rows = [
        (&workflow, false, ("", "")),
        (&workflow, true, returned),
        // Nobody knows whether it was disabled when the run began.
        (&unlike, true, returned),
    ];
    for (workflow, is_enabled, expected) in rows {
        let mut run = Asleep::with(workflow, json!({ "upn": LEAVER })).await;
        let copies = run.testbed.published.take().await;
        let asleep = copies.iter().find(|copy| copy.exchange.contains(".delay.")).unwrap();
        run.testbed.forget_sleeping_run().await;
        run.set(LEAVER, "accountEnabled", is_enabled);
        let content_type = "application/vnd.gatehouse.continuation+json";
        let properties = BasicProperties::default().with_content_type(content_type.into());
        let body = of_an_older_worker(asleep);
        run.testbed.publisher.publish("work", &asleep.key, properties, &body).await;
        let end = run.wake().await;
        assert_eq!(code(&end), expected, "{end}");
        assert_eq!(run.exist(), (is_enabled, true));
        run.close().await;
    }
}

#[tokio::test]
async fn a_manager_whom_the_directory_knows_is_used_where_the_event_names_none() {
    let workflow = "offboarding:
  stages:
    - name: hand over
      when: manager
      steps: [transfer_group_ownership]
    - name: place
      when: manager
      steps: [set_manager]
";
    let leaver = User::new(LEAVER, "Edsger Dijkstra").manager(NEWCOMER);
    let tenant = Tenant::empty().user(User::new(NEWCOMER, "Joost Dijkstra")).user(leaver);
    let mut testbed = Testbed::with(tenant).workflows(workflow).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": LEAVER }))).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let outcomes: Vec<_> = end["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["unchanged", "unchanged"], "neither is skipped: {end}");
    // Whoever has no manager leaves without one.
    testbed.publisher.event(&events::offboarding("other", json!({ "upn": NEWCOMER }))).await;
    let end = testbed.results.end_of("other").await;
    assert_eq!(end["steps"][0]["outcome"], "skipped", "{end}");
    // A lookup that fails for now is made again: without it the mail would go to nobody.
    testbed.emulator.fault(Fault::status(503).path("/manager").times(1));
    testbed.publisher.event(&events::offboarding("later", json!({ "upn": LEAVER }))).await;
    let end = testbed.results.end_of("later").await;
    assert_eq!(
        (&end["state"], &end["steps"][0]["outcome"]),
        (&json!("succeeded"), &json!("unchanged")),
        "{end}"
    );
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_hire_without_a_number_is_no_namesake_but_is_who_a_lost_attempt_created() {
    let namesake = User::new("ada@contoso.example", "Ada Lovelace");
    let mut testbed = Testbed::with(Tenant::empty().user(namesake)).compiled_in().build().await;
    let worker = testbed.worker().await;
    let hire = |upn: &str| {
        let person = json!({ "upn": format!("{upn}@contoso.example"), "display_name": "Ada Lovelace" });
        events::onboarding(upn, person, events::none())
    };
    testbed.publisher.event(&hire("ada")).await;
    let end = testbed.results.end_of("ada").await;
    let failure = &end["failure"];
    assert_eq!((&failure["class"], &failure["code"]), (&json!("rejected"), &json!("upn_taken")), "{end}");
    assert_eq!(testbed.effects(), [""; 0]);

    testbed.emulator.fault(Fault::acted_then_dropped().method("POST").path("/users").times(1));
    testbed.publisher.event(&hire("countess")).await;
    let end = testbed.results.end_of("countess").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");
    let created = testbed.effects().into_iter().filter(|effect| effect.starts_with("create"));
    assert_eq!(created.count(), 1, "{:#?}", testbed.effects());
    testbed.drain([worker]).await;
    testbed.close().await;
}
