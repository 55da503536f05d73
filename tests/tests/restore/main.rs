//! What an offboarding takes comes back by a restore, but for what the restore lists.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod cancels;
mod days;
mod kills;
mod meanwhile;

use std::collections::BTreeSet;

use msgraph_emulator::{Calendar, Channel, Device, Drive, Event, Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, TestbedBuilder, Worker, events, rights};

/// Longer than any test: whoever waits for this answer is killed.
const FOREVER_MS: u64 = 3_600_000;
const ADA: &str = "ada@contoso.example";
const EDSGER: &str = "edsger@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// What an offboarding takes away and no restore gives back, with the word of the restore for each.
const LISTED: [&str; 8] = [
    "asks_again",
    "deleted_for_good",
    "device_retired",
    "events_deleted",
    "gives_power",
    "password",
    "sign_in_method",
    "text_not_kept",
];

/// Grace has one of everything that an offboarding takes.
fn tenant() -> Tenant {
    without_channels().group(
        harbour()
            .channel(Channel::private("Grammar").member(GRACE).owner(EDSGER))
            .channel(Channel::shared("Suppliers").owner(GRACE).owner(EDSGER)),
    )
}

/// A team of Grace and Edsger.
fn harbour() -> Group {
    Group::microsoft365("Harbour").with_team().member(GRACE).member(EDSGER).owner(EDSGER)
}

/// The same without the channels of a team: after it has joined a team, a run waits before it joins these.
fn without_channels() -> Tenant {
    Tenant::empty()
        .application(rights::of_default_workflows())
        .sku(Sku::new("SPE_E3", 5).plan("TEAMS1").plan("EXCHANGE_S_ENTERPRISE").plan("SWAY"))
        .sku(Sku::new("EMS", 5).plan("INTUNE_A"))
        .sku(Sku::new("VISIOCLIENT", 5).plan("VISIOONLINE"))
        .user(
            User::new(ADA, "Ada Lovelace")
                .with("mail", ADA)
                .located("GB")
                .licensed("SPE_E3")
                .drive(Drive::new()),
        )
        .user(User::new(EDSGER, "Edsger Dijkstra").with("mail", EDSGER))
        .user(
            User::new(GRACE, "Grace Hopper")
                .with("employeeId", "1906")
                .with("department", "Compilers")
                .with("mail", GRACE)
                .located("US")
                .manager(ADA)
                .licensed_without("SPE_E3", &["SWAY"])
                .licensed("VISIOCLIENT")
                .assigned_to("Payroll")
                .consenting_to("Notes")
                .method("fido2")
                .method("phone")
                .device(Device::company("Laptop"))
                .mailbox(mailbox())
                .drive(Drive::new().file("Moth.jpg", 900)),
        )
        .group(Group::security("Engineers").member(GRACE))
        .group(Group::microsoft365("Project X").member(GRACE))
        .group(Group::security("Devices").licensing("EMS").member(GRACE))
        .group(Group::security("Library").owner(GRACE).owner(ADA))
}

fn mailbox() -> Mailbox {
    let [start, end] = ["08", "09"].map(|hour| format!("2099-03-02T{hour}:00:00"));
    Mailbox::new()
        .replying("Grace is at sea.")
        .rule("Newsletters", json!({ "delete": true }))
        .rule("Bills", json!({ "markAsRead": true }))
        .calendar(Calendar::primary().shared_with(ADA, "write").shared_with(EDSGER, "read"))
        .calendar(Calendar::named("Voyages"))
        .event(Event::new("Dentist", &start, &end))
}

/// Everything but the last stage, which deletes the account.
fn leave() -> Value {
    let event = events::offboarding("leave", json!({ "upn": GRACE }));
    let event = events::with(event, "manager", json!({ "upn": ADA }));
    events::with(event, "parameters", json!({ "keep_account": true, "retire_devices": true }))
}

fn restore(id: &str, user: &str, run: &str) -> Value {
    events::event(
        id,
        "gatehouse.restore.requested.v1",
        json!({ "person": { "entra_id": user }, "run_id": run }),
    )
}

/// A tenant with workers that share a key. Four requests a second for one team are fewer than a restore has, and it waits.
async fn with_key(builder: TestbedBuilder) -> Testbed {
    let mut testbed = builder.set("GRAPH__RETRY_BUDGET_SECONDS", 20).build().await;
    let key = testbed.file("key", "a key that all workers of this test share");
    testbed.set("WORKER__KEY_FILE", key.display());
    testbed
}

struct Leaver {
    testbed: Testbed,
    worker: Worker,
    id: String,
    run: String,
    before: Value,
}

impl Leaver {
    /// Grace has left.
    async fn gone(mut testbed: Testbed, event: &Value) -> Self {
        let before = testbed.emulator.state();
        let id = id_of(&before, GRACE);
        let worker = testbed.worker().await;
        testbed.publisher.event(event).await;
        let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
        assert!(["succeeded", "partial"].contains(&end["state"].as_str().unwrap()), "{end}");
        Self { testbed, worker, id, run: events::run_of(event).to_string(), before }
    }

    /// Restores, and answers with the end of the run and the codes of what it lists.
    async fn restored(&mut self, id: &str) -> (Value, BTreeSet<String>) {
        self.testbed.publisher.event(&restore(id, &self.id, &self.run)).await;
        let end = self.testbed.results.end_of(id).await;
        let left = end["steps"].as_array().into_iter().flatten().filter_map(|step| step["left"].as_array());
        let codes = left.flatten().map(|left| left["code"].as_str().unwrap().to_owned()).collect();
        (end, codes)
    }

    async fn close(mut self) {
        self.testbed.drain([self.worker]).await;
        self.testbed.close().await;
    }
}

fn id_of(state: &Value, upn: &str) -> String {
    let users = state["users"].as_object().unwrap();
    users.iter().find(|(_, user)| user["userPrincipalName"] == upn).unwrap().0.clone()
}

/// The state of the tenant without what an offboarding takes for good, and without ids that are given anew.
fn comparable(state: &Value, user: &str) -> Value {
    let mut state = state.clone();
    let grace = &mut state["users"][user];
    for lost in
        ["authenticationMethods", "consents", "sessionsRevoked", "devices", "drive", "mustChangePassword"]
    {
        grace.as_object_mut().unwrap().remove(lost);
    }
    for lost in ["events", "calendars"] {
        grace["mailbox"].as_object_mut().unwrap().remove(lost);
    }
    let rules = grace["mailbox"]["inboxRules"].as_array_mut();
    for rule in rules.into_iter().flatten() {
        rule.as_object_mut().unwrap().remove("id");
    }
    // Ada got a copy of the files.
    let ada = id_of(&state, ADA);
    state["users"][&ada].as_object_mut().unwrap().remove("drive");
    state
}

#[tokio::test]
async fn a_restore_gives_back_what_an_offboarding_took_but_for_what_it_lists() {
    let testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    let left = leaver.testbed.emulator.state();
    assert_eq!(left["users"][&leaver.id]["accountEnabled"], false);
    assert_eq!(left["users"][&leaver.id]["licenses"]["direct"], json!([]));
    let (end, listed) = leaver.restored("back").await;
    assert_eq!(end["state"], "partial", "an operator has to set a password: {end}");
    assert!(listed.iter().all(|code| LISTED.contains(&code.as_str())), "{listed:?}");
    assert!(listed.contains("password") && !listed.contains("text_not_kept"), "{listed:?}");
    let (before, after) = (&leaver.before, leaver.testbed.emulator.state());
    assert_eq!(comparable(&after, &leaver.id), comparable(before, &leaver.id));
    let shared = |state: &Value| state["users"][&leaver.id]["mailbox"]["calendars"][0].clone();
    assert_eq!(shared(&after)["permissions"], shared(before)["permissions"]);
    leaver.testbed.emulator.clear_journal();
    let (again, _) = leaver.restored("again").await;
    assert_eq!(again["state"], "partial");
    assert!(
        leaver.testbed.emulator.journal().iter().all(|entry| !entry.write),
        "the second time writes nothing"
    );
    leaver.close().await;
}

#[tokio::test]
async fn without_a_key_texts_are_not_kept_and_the_restore_lists_them() {
    let testbed = Testbed::with(tenant()).compiled_in().build().await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    let (end, listed) = leaver.restored("back").await;
    assert_eq!(end["state"], "partial", "{end}");
    assert!(listed.contains("text_not_kept"), "{listed:?}");
    let after = leaver.testbed.emulator.state();
    let grace = &after["users"][&leaver.id];
    assert_eq!(grace["licenses"], leaver.before["users"][&leaver.id]["licenses"]);
    assert_eq!(grace["accountEnabled"], true);
    leaver.close().await;
}

#[tokio::test]
async fn a_restore_of_a_run_that_took_nothing_or_of_another_person_is_rejected() {
    let testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let ada = id_of(&leaver.before, ADA);
    let rows = [
        (restore("unknown", &leaver.id, unknown), "snapshot_not_found"),
        (restore("another", &ada, &leaver.run), "identity_mismatch"),
    ];
    for (event, code) in rows {
        leaver.testbed.publisher.event(&event).await;
        let end = leaver.testbed.results.end_of(event["id"].as_str().unwrap()).await;
        assert_eq!((&end["state"], &end["failure"]["code"]), (&json!("rejected"), &json!(code)), "{end}");
    }
    leaver.close().await;
}

#[tokio::test]
async fn the_snapshot_holds_no_names_no_addresses_and_no_texts_in_clear() {
    let testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let leaver = Leaver::gone(testbed, &leave()).await;
    let parts = leaver.testbed.snapshots().await;
    assert!(parts.len() > 5, "{} parts", parts.len());
    let texts = ["contoso.example", "Grace", "at sea", "Newsletters", "Voyages", "Compilers"];
    for part in &parts {
        assert!(part.len() <= 64 * 1024);
        let text = String::from_utf8_lossy(part);
        for name in texts {
            assert!(!text.contains(name), "{name} in {text}");
        }
    }
    leaver.close().await;
}

#[tokio::test]
async fn a_restore_ends_the_deletion_that_was_still_to_come() {
    let mut testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let before = testbed.emulator.state();
    let id = id_of(&before, GRACE);
    let leave = events::offboarding("leave", json!({ "upn": GRACE }));
    let leave = events::with(leave, "manager", json!({ "upn": ADA }));
    let run = events::run_of(&leave).to_string();
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave).await;
    while testbed.results.next().await.event["data"]["stage"] != "delete" {}
    worker.counts("gatehouse_in_flight", 0.0).await;
    testbed.publisher.event(&restore("back", &id, &run)).await;
    let end = testbed.results.end_of("back").await;
    assert_eq!(end["state"], "partial", "{end}");
    assert_eq!(
        (&end["shut"][0]["run_id"], &end["shut"][0]["state"]),
        (&json!(run), &json!("asleep")),
        "{end}"
    );
    assert_eq!(testbed.emulator.state()["users"][&id]["accountEnabled"], true);
    // The sleeper stays in the delay for thirty days.
    drop(worker);
    testbed.tear_down().await;
}

#[tokio::test]
async fn an_operator_looks_first_and_then_gives_back() {
    let testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    let run = leaver.run.clone();
    let left = leaver.testbed.emulator.state();
    let shown = leaver.testbed.gatehouse(&["restore", &run]).await.ok();
    for words in ["of workflow offboarding took from user", "  membership             3", "assign SPE_E3"] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
    assert_eq!(leaver.testbed.emulator.state(), left, "to look changes nothing");
    let arguments = ["restore", &run, "--kinds", "license,sign_in", "--apply"];
    let given = leaver.testbed.gatehouse(&arguments).await;
    assert_eq!(given.code, Some(0), "{}{}", given.stdout, given.stderr);
    for text in [&shown, &given.stdout] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let state = leaver.testbed.emulator.state();
    let (before, grace) = (&leaver.before["users"][&leaver.id], &state["users"][&leaver.id]);
    assert_eq!(grace["licenses"]["direct"], before["licenses"]["direct"]);
    assert_eq!(grace["accountEnabled"], true);
    assert_ne!(grace["memberOf"], before["memberOf"], "only what was asked for");
    let wrong = leaver.testbed.gatehouse(&["restore", &run, "--kinds", "licence"]).await;
    assert!(wrong.stderr.contains("there is no kind `licence`; use account, "), "{}", wrong.stderr);
    let unknown = leaver.testbed.gatehouse(&["restore", "00000000-0000-4000-8000-000000000000"]).await;
    assert_eq!(unknown.code, Some(3), "{}", unknown.stdout);
    leaver.close().await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_does_no_harm() {
    let testbed = with_key(Testbed::with(tenant()).compiled_in()).await;
    let mut leaver = Leaver::gone(testbed, &leave()).await;
    leaver.testbed.emulator.clear_journal();
    for nth in [1, 3, 5, 8] {
        leaver.testbed.emulator.fault(Fault::acted_then_dropped().writes().nth(nth));
    }
    let (end, _) = leaver.restored("back").await;
    assert_eq!(end["state"], "partial", "{end}");
    let after = leaver.testbed.emulator.state();
    assert_eq!(comparable(&after, &leaver.id), comparable(&leaver.before, &leaver.id));
    leaver.close().await;
}
