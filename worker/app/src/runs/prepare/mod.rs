//! The steps of a run, made once from its event and its workflow.

pub(super) mod more;
pub(super) mod variables;

use actions::{ReportUnrestored, Restorable, World};
use messages::{Event, EventKind, PersonRequest};
use outcome::{Class, Failure, Left, Mode, OnFailure, PreparedSteps, StageToRun, StepToRun};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use workflow::{prepare, refuse_too_large};

use self::variables::{any_event, variables};
use super::attempt::Workflows;
use super::job::workflow_of;

/// The stage that reports what a restore cannot give back.
const LEFT: &str = "what cannot come back";

impl Workflows {
    /// Makes the steps of a run.
    pub(super) async fn prepare(
        &self,
        event: &Event,
        request: &PersonRequest,
        is_new: bool,
        world: &World,
    ) -> Result<PreparedSteps, Vec<Failure>> {
        let (tenant, _) = self.tenants.find(event.tenant.as_deref()).map_err(|failure| vec![failure])?;
        let definition = self.definitions.get(workflow_of(event)).ok_or_else(|| {
            let known: Vec<_> = self.definitions.iter().map(|definition| definition.name.as_str()).collect();
            let detail =
                format!("there is no workflow `{}`; known: {}", workflow_of(event), known.join(", "));
            vec![Failure::rejected("unknown_workflow", detail)]
        })?;
        let pass_from = self.mail.get(tenant).map(|mail| mail.pass_from.as_str()).unwrap_or_default();
        let mut variables = variables(event, request, (tenant, pass_from));
        if let Some(takes) = self.takes.get(&definition.name) {
            // A run that has begun was admitted, maybe before the workflow changed.
            let refusals = match is_new {
                true => takes.refusals(
                    event.kind.default_workflow().unwrap_or_default(),
                    &request.parameters,
                    self.limits,
                ),
                false => Vec::new(),
            };
            if !refusals.is_empty() {
                return Err(refusals);
            }
            let parameters = takes.with_defaults(&request.parameters);
            variables.insert("parameters".to_owned(), Value::Object(parameters));
            if request.manager.is_none() && takes.names_manager() {
                let person = variables.get("person").unwrap_or(&Value::Null);
                let found = actions::manager_of(person, world).await.map_err(|failure| vec![failure])?;
                let manager = found.map_or(Value::Null, |id| json!({ "entra_id": id }));
                variables.insert("manager".to_owned(), manager);
            }
        }
        let left = match request.run_id.filter(|_| event.kind == EventKind::Restore) {
            Some(run) => self.give_back(run, request, tenant, world, &mut variables).await,
            None => Ok((Vec::new(), None)),
        };
        let (left, snapshots_read) = left.map_err(|failure| vec![failure])?;
        let mut steps = prepare(definition, &self.roster, variables.clone())?.carried();
        if request.mode == Mode::Plan || request.expected_plan.is_some() {
            variables.insert("event".to_owned(), any_event(event, request));
            if let Ok(of_any_event) = prepare(definition, &self.roster, variables) {
                steps.digest = of_any_event.carried().digest;
            }
        }
        steps.snapshots_read = snapshots_read;
        report(&left, &mut steps);
        refuse_too_large(&steps).map_err(|failure| vec![failure])?;
        Ok(steps)
    }

    /// Adds what a run took and can be given back to the variables of templates. Returns what cannot be given back, and
    /// the number of the last entry that was read.
    async fn give_back(
        &self,
        run: Uuid,
        request: &PersonRequest,
        tenant: &str,
        world: &World,
        variables: &mut Map<String, Value>,
    ) -> Result<(Vec<Left>, Option<u64>), Failure> {
        let Some(snapshots) = &self.snapshots else {
            let detail = "what a run took is in the broker; set broker.url, or use `gatehouse restore`";
            return Err(Failure::new(Class::Blocked, "snapshot_unread", detail));
        };
        let none = || {
            let detail = format!(
                "run {run} took nothing away in tenant {tenant}, or that is no longer kept: snapshots are kept for {} days",
                snapshots.kept_days()
            );
            Failure::rejected("snapshot_not_found", detail)
        };
        let mut snapshot = snapshots.of(run).await?.ok_or_else(none)?;
        let of_tenant = self.tenants.find(snapshot.tenant.as_deref()).ok();
        if of_tenant.is_none_or(|(name, _)| name != tenant) {
            return Err(none());
        }
        let user = request.person.entra_id.clone().unwrap_or_default();
        if !snapshot.things.iter().any(|thing| thing.taken.user.eq_ignore_ascii_case(&user)) {
            let detail = format!("run {run} took nothing from account {user}; check person.entra_id");
            return Err(Failure::rejected("identity_mismatch", detail));
        }
        if let Some(kinds) = &request.kinds {
            snapshot.things.retain(|thing| kinds.contains(&thing.taken.kind));
        }
        let read = snapshot.read;
        let Restorable { snapshot, person, left } =
            actions::restorable(&user, snapshot.things, world).await?;
        variables.insert("snapshot".to_owned(), Value::Object(snapshot));
        variables.insert("person".to_owned(), Value::Object(person));
        Ok((left, Some(read)))
    }
}

/// Adds a last step that reports these.
fn report(left: &[Left], steps: &mut PreparedSteps) {
    if left.is_empty() {
        return;
    }
    let params = ReportUnrestored::params(left);
    let params = params.as_object().into_iter().flatten();
    let params = params.map(|(name, value)| (name.clone(), steps.place_of(value))).collect();
    let step = StepToRun {
        step: ReportUnrestored::NAME.to_owned(),
        action: ReportUnrestored::NAME.to_owned(),
        skipped: None,
        params,
        from_event: Vec::new(),
        literal: Vec::new(),
    };
    steps.stages.push(StageToRun {
        stage: LEFT.to_owned(),
        after_seconds: None,
        at_seconds: None,
        on_failure: OnFailure::Continue,
        needs: Vec::new(),
        steps: vec![step],
    });
}
