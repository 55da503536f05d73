//! A cancel at every stage of every default workflow that takes or gives; those of `restore` are in the tests of restores.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Calendar, Event, Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

use crate::{cancel_of, is_cancelled, run};

/// The default workflows with their stages.
const WORKFLOWS: [(&str, &[&str]); 4] = [
    ("onboarding", &["account", "place", "first sign-in"]),
    ("change", &["account", "give", "take back groups", "take back licences"]),
    ("access_revoke", &["lock out", "look again"]),
    (
        "offboarding",
        &[
            "lock out",
            "hand over",
            "take back ownership",
            "take back teams",
            "take back groups and rights",
            "take back licences",
            "delete",
        ],
    ),
];

/// One run, and the cancel that comes after so many of its stages.
struct Case {
    stages: &'static [&'static str],
    after: usize,
    upn: String,
    event: Value,
    cancel: Value,
}

impl Case {
    fn new(workflow: &'static str, stages: &'static [&'static str], after: usize) -> Self {
        let id = format!("{workflow} {after}");
        let upn = format!("{}.{after}@contoso.example", workflow.replace('_', "."));
        let person = json!({ "upn": upn });
        let event = match workflow {
            "onboarding" => {
                let person = json!({ "upn": upn, "display_name": "Ada Lovelace", "usage_location": "GB" });
                let parameters =
                    json!({ "licenses": ["SPE_E3"], "groups": ["Analysts"], "teams": ["Kiruna"] });
                events::onboarding(&id, person, parameters)
            }
            "change" => {
                let parameters = json!({
                    "add_groups": ["Analysts"], "add_teams": ["Kiruna"], "remove_groups": ["Engineers"],
                    "remove_licenses": ["SPE_E3"],
                });
                let person = json!({ "upn": upn, "job_title": "Analyst" });
                let data = json!({ "person": person, "parameters": parameters });
                events::event(&id, "gatehouse.change.requested.v1", data)
            }
            "access_revoke" => events::access_revoke(&id, person),
            _ => events::offboarding(&id, person),
        };
        let cancel = cancel_of(&format!("no {id}"), &upn, &event);
        Self { stages, after, upn, event, cancel }
    }

    /// Whether this result says that it is time for the cancel.
    fn is_reached(&self, result: &Value) -> bool {
        let before = self.after.checked_sub(1).map(|index| self.stages[index]);
        let is_it = |stage: &str| result["stage"] == stage && result.get("step").is_some();
        // One that ends before says why.
        let has_ended = result.get("finished_at").is_some();
        result["run_id"] == run(&self.event) && before.is_some_and(|stage| has_ended || is_it(stage))
    }

    fn user(&self) -> User {
        let [start, end] = ["T08:00:00", "T09:00:00"]
            .map(|hour| (Timestamp::now() + 24.hours()).strftime(&format!("%Y-%m-%d{hour}")).to_string());
        let mailbox = Mailbox::new().calendar(Calendar::primary());
        let mailbox = mailbox.event(Event::new("Seminar", &start, &end).with("grace@contoso.example"));
        let user = User::new(&self.upn, "Edsger Dijkstra").located("NL").licensed("SPE_E3");
        user.method("phone").mailbox(mailbox)
    }
}

fn cases() -> Vec<Case> {
    let of = |(workflow, stages): (&'static str, &'static [&'static str])| {
        // The last stage of an offboarding comes after thirty days.
        let last = if workflow == "offboarding" { stages.len() - 1 } else { stages.len() };
        (0..=last).map(move |after| Case::new(workflow, stages, after))
    };
    WORKFLOWS.into_iter().flat_map(of).collect()
}

fn tenant(cases: &[Case]) -> Tenant {
    let people = || cases.iter().filter(|case| case.stages != WORKFLOWS[0].1);
    let mut engineers = Group::security("Engineers");
    let mut team = Group::microsoft365("Project").with_team().owner("grace@contoso.example");
    for case in people() {
        engineers = engineers.member(&case.upn);
        team = team.member(&case.upn);
    }
    let tenant = Tenant::empty()
        .application(rights::of_default_workflows())
        .sku(Sku::new("SPE_E3", 50).plan("EXCHANGE_S_ENTERPRISE").plan("TEAMS1"))
        .user(User::new("grace@contoso.example", "Grace Hopper").licensed("SPE_E3").located("US"));
    let tenant = people().fold(tenant, |tenant, case| tenant.user(case.user()));
    let kiruna = Group::microsoft365("Kiruna").with_team().owner("grace@contoso.example");
    tenant.group(engineers).group(team).group(kiruna).group(Group::security("Analysts"))
}

/// The ends so far, by the id of their event.
fn ends(testbed: &Testbed) -> BTreeMap<String, Value> {
    let ends = testbed.results.received().iter().filter(|received| received.is_end());
    ends.map(|end| (end.event["causationid"].as_str().unwrap().to_owned(), end.event["data"].clone()))
        .collect()
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

/// Whether a run sleeps for longer than this test: an offboarding that reached its last stage before its cancel came.
fn sleeps(testbed: &Testbed, case: &Case) -> bool {
    let run = run(&case.event);
    testbed.results.received().iter().any(|received| {
        received.key == "run.waiting"
            && received.run_id() == run
            && received.event["data"]["stage"] == "delete"
    })
}

#[tokio::test]
async fn a_cancel_at_any_stage_of_a_default_workflow_ends_the_run_there() {
    let cases = cases();
    let testbed = Testbed::with(tenant(&cases)).compiled_in().set("WORKER__CONCURRENCY", 32);
    let testbed = testbed.set("GRAPH__LIMITS_SHARE", 1000).set("RETRY__MAX_ATTEMPTS", 100);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(250));
    let worker = testbed.worker().await;
    for case in &cases {
        testbed.publisher.event(&case.event).await;
        if case.after == 0 {
            testbed.publisher.event(&events::made_now(case.cancel.clone())).await;
        }
    }
    let mut cancelled = BTreeSet::new();
    let has_ended = |testbed: &Testbed, case: &Case| {
        let ends = ends(testbed);
        ends.contains_key(id(&case.cancel)) && (ends.contains_key(id(&case.event)) || sleeps(testbed, case))
    };
    while !cases.iter().all(|case| has_ended(&testbed, case)) {
        let result = testbed.results.next().await.event["data"].clone();
        if let Some(case) = cases.iter().find(|case| case.is_reached(&result))
            && cancelled.insert(id(&case.event))
        {
            testbed.publisher.event(&events::made_now(case.cancel.clone())).await;
        }
    }
    worker.counts("gatehouse_in_flight", 0.0).await;
    let ends = ends(&testbed);
    for case in &cases {
        ended_there(&testbed, case, &ends);
    }
    // On a slow machine a run may end before its cancel comes.
    let cancelled =
        cases.iter().filter(|case| ends.get(id(&case.event)).is_some_and(|end| end["state"] == "cancelled"));
    assert!(2 * cancelled.count() > cases.len(), "{ends:#?}");
    testbed.tear_down().await;
}

/// The run has ended with the stage that was under way, and wrote nothing after that.
fn ended_there(testbed: &Testbed, case: &Case, ends: &BTreeMap<String, Value>) {
    let by = &ends[id(&case.cancel)];
    assert_eq!(by["state"], "succeeded", "{by}");
    let Some(end) = ends.get(id(&case.event)) else {
        let shut = &by["shut"][0];
        assert_eq!(shut["run_id"], run(&case.event), "{by}");
        assert_eq!(shut["point_of_no_return"], "delete_primary_calendar_events", "{by}");
        assert!(shut["changed"].as_array().unwrap().contains(&json!("disable_account")), "{by}");
        return;
    };
    if end["state"] != "cancelled" {
        assert!(by["had_ended"] == json!([{ "run_id": run(&case.event), "state": "done" }]), "{by}: {end}");
        return;
    }
    is_cancelled(end, &case.cancel);
    let steps = end["steps"].as_array().unwrap();
    let is_later =
        |step: &Value| case.stages.iter().skip(case.after + 1).any(|stage| step["stage"] == *stage);
    assert!(!steps.iter().any(is_later), "{} went on after its cancel: {end}", id(&case.event));
    let no_return = steps
        .iter()
        .find(|step| step["changes"] != 0 && step["action"].as_str().unwrap().starts_with("delete_primary"));
    assert_eq!(no_return.is_some(), end.get("point_of_no_return").is_some(), "{end}");
    let ended: Timestamp = end["finished_at"].as_str().unwrap().parse().unwrap();
    let user = testbed.emulator.with_tenant(|tenant| tenant.user_id(&case.upn));
    let Some(user) = user.map(|user| user.to_string()) else { return };
    let journal = testbed.emulator.journal();
    let late = journal.iter().filter(|entry| {
        let is_late = entry.at.parse::<Timestamp>().unwrap() > ended;
        is_late && entry.effects.iter().any(|effect| effect.contains(&user))
    });
    assert_eq!(late.count(), 0, "{} wrote after its end", id(&case.event));
}
