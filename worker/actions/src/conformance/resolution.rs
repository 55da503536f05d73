//! What the parameters of each action name is looked up before a run writes anything, in as few requests as possible.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use msgraph_emulator::{Emulator, Options};
use outcome::Mode;
use serde_json::{Map, Value, json};
use workflow::prepare::Task;
use workflow::{Roster, prepare};

use super::call::FirstAttempt;
use super::client::client;
use crate::{ProtectedPeople, Protection, World, default_definitions, roster};

#[tokio::test]
async fn a_name_that_nothing_has_is_rejected_and_its_parameter_named() {
    let nobody = || json!("nobody@contoso.example");
    let rows = [
        ("add_to_groups", "groups", json!(["No Such Group"]), "group_not_found"),
        ("add_to_teams", "teams", json!(["No Such Team"]), "team_not_found"),
        ("assign_licenses", "licenses", json!(["NO_SUCH_LICENCE"]), "license_not_found"),
        ("assign_licenses", "instead_of", json!(["NO_SUCH_LICENCE"]), "license_not_found"),
        ("forward_mail", "to", json!("6f0a8a6c-0001-4000-8000-00000000ffff"), "recipient_not_found"),
        ("forward_mail", "to", nobody(), "recipient_not_found"),
        ("forward_mail", "to", json!({ "upn": "desk@fabrikam.example" }), "recipient_not_found"),
        ("issue_temporary_access_pass", "from", nobody(), "sender_not_found"),
        ("issue_temporary_access_pass", "to", json!("desk@fabrikam.example"), "recipient_not_found"),
        ("issue_temporary_access_pass", "user", json!("admin@contoso.example"), "role_holder"),
        ("migrate_onedrive", "to", nobody(), "recipient_not_found"),
        ("remove_from_groups", "groups", json!(["No Such Group"]), "group_not_found"),
        ("remove_from_groups", "keep", json!(["No Such Group"]), "group_not_found"),
        ("remove_from_teams", "teams", json!(["No Such Team"]), "team_not_found"),
        ("remove_from_teams", "keep", json!(["No Such Team"]), "team_not_found"),
        ("remove_from_teams", "to", nobody(), "successor_not_found"),
        ("remove_licenses", "licenses", json!(["NO_SUCH_LICENCE"]), "license_not_found"),
        ("remove_licenses", "keep", json!(["NO_SUCH_LICENCE"]), "license_not_found"),
        ("run_exchange_command", "commands", json!([{ "full_access": nobody() }]), "recipient_not_found"),
        ("send_mail", "to", json!(["desk@fabrikam.example"]), "outside_not_allowed"),
        ("set_manager", "manager", nobody(), "manager_not_found"),
        ("share_onedrive", "with", nobody(), "recipient_not_found"),
        ("transfer_group_ownership", "to", nobody(), "successor_not_found"),
    ];
    for (action, parameter, value, code) in rows {
        let entry = roster().into_iter().find(|entry| entry.name == action).unwrap();
        let scenario = (entry.scenario)();
        let emulator = Emulator::start(Options::new(scenario.tenant)).unwrap();
        let graph = World::of(&client(&emulator));
        entry.step.resolve(&scenario.params, &[], &graph).await.unwrap();
        let mut params = scenario.params;
        params[parameter] = value;
        let failure = entry.step.resolve(&params, &[], &graph).await.unwrap_err();
        assert_eq!(failure.code, code, "{action}: {failure}");
        assert!(failure.parameters.contains(&parameter), "{action}: {:?}", failure.parameters);
        assert!(emulator.journal().iter().all(|entry| !entry.write), "{action}");
    }
}

/// How many round trips a lock-out waits for, in the compiled-in offboarding of this event.
async fn round_trips(manager: Value, protected_roles: &[&str]) -> usize {
    let definitions = default_definitions().unwrap();
    let roster: Roster<World> = Roster::new(roster().into_iter().map(|entry| entry.step));
    let variables = json!({
        "person": { "upn": "grace@contoso.example" }, "manager": manager, "parameters": {}, "tenant": { "name": "contoso" },
        "event": { "id": "1", "source": "/hr", "type": "t", "time": "2026-03-02T08:00:00Z", "subject": null },
    });
    let variables: Map<String, Value> = variables.as_object().cloned().unwrap();
    let definition = definitions.get("offboarding").unwrap();
    let prepared =
        prepare(definition, &roster, variables).map_err(|failures| format!("{failures:?}")).unwrap();
    let emulator = Emulator::start(Options::new(super::tenant::tenant())).unwrap();
    let roles: Vec<_> = protected_roles.iter().map(|&role| role.to_owned()).collect();
    let protection = Protection::new(ProtectedPeople::new(&[], &[], &roles).unwrap());
    let graph = match roles.as_slice() {
        [] => World::of(&client(&emulator)),
        _ => World::of(&client(&emulator)).guarded(&Arc::new(protection), &[]),
    };
    let steps = prepared.stages.iter().flat_map(|stage| &stage.steps);
    let attempt = FirstAttempt::new();
    join_all(steps.map(async |step| match &step.task {
        Task::Run { step, params, .. } => {
            let call = attempt.call(params, Mode::Apply, None, &graph);
            let (resolved, allowed) = join(step.resolve(params, &[], &graph), step.may_change(call)).await;
            resolved.and(allowed).unwrap();
        }
        Task::Skip(_) => {}
    }))
    .await;
    emulator.journal().iter().filter(|entry| !entry.token && entry.batch.is_none()).count()
}

#[tokio::test]
async fn a_lock_out_waits_for_one_round_trip_and_for_none_if_nothing_is_named_or_protected() {
    let manager = || json!({ "upn": "ada@contoso.example" });
    assert_eq!(round_trips(manager(), &[]).await, 1);
    assert_eq!(round_trips(Value::Null, &[]).await, 0);
    // Who is protected is read beside what the steps name.
    assert_eq!(round_trips(manager(), &["Global Administrator"]).await, 1);
    assert_eq!(round_trips(Value::Null, &["Global Administrator"]).await, 1);
}
