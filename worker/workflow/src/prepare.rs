//! Makes steps of a definition and an event: every condition is evaluated, every template filled.
//!
//! Whatever an event and its workflow get wrong together is found here, before the first write: a run is rejected
//! as a whole, never half carried out.

use jiff::Timestamp;
use outcome::{Class, Failure, OnFailure, Progress};
use serde_json::{Map, Value};

use crate::dates::{Dates, Offset};
use crate::definition::{Definition, Stage, StepDefinition};
use crate::delay::Delay;
use crate::step::{Roster, Step};
use crate::template;

/// A workflow ready to run.
pub struct Prepared<'a, W> {
    /// In order.
    pub stages: Vec<PreparedStage<'a, W>>,
}

/// A stage ready to run.
pub struct PreparedStage<'a, W> {
    /// Its name.
    pub name: &'a str,
    /// How long after the end of the stage before it this one starts.
    pub after: Option<Delay>,
    /// How long before or after the effective date it starts, if not right after the stage before it.
    pub at: Option<Offset>,
    /// What a failed step means for the stages after it.
    pub on_failure: OnFailure,
    /// The stages and steps before it that must not have failed.
    pub needs: &'a [String],
    /// Run together.
    pub steps: Vec<PreparedStep<'a, W>>,
}

/// A step ready to run.
pub struct PreparedStep<'a, W> {
    /// Its name, unique in its stage.
    pub name: &'a str,
    /// The action's name.
    pub action: &'a str,
    /// Whether the step runs.
    pub task: Task<'a, W>,
}

/// What to do for a step.
pub enum Task<'a, W> {
    /// Run it with these parameters.
    Run {
        /// The step.
        step: &'a dyn Step<W>,
        /// Its parameters, every template filled.
        params: Value,
        /// The parameters that the event filled.
        from_event: Vec<String>,
        /// The powerful parameters that the workflow's author wrote out, without a template.
        literal: Vec<String>,
    },
    /// Skip it, for this reason: its condition is false.
    Skip(String),
}

impl<W> Prepared<'_, W> {
    /// Whether every step has a record.
    ///
    /// A workflow can change while a run waits: records of steps that no longer exist do not count.
    pub fn is_complete(&self, progress: &Progress) -> bool {
        let recorded = |stage: &PreparedStage<'_, W>| {
            stage.steps.iter().all(|step| progress.find(stage.name, step.name).is_some())
        };
        self.stages.iter().all(recorded)
    }

    /// Whether any step runs.
    pub fn has_work(&self) -> bool {
        self.stages.iter().any(|stage| stage.steps.iter().any(PreparedStep::runs))
    }

    /// The steps that run and have no record yet, with their parameters.
    pub(crate) fn still_to_run<'p>(
        &'p self,
        progress: &'p Progress,
    ) -> impl Iterator<Item = (&'p dyn Step<W>, &'p Value, &'p [String])> {
        let steps = self.stages.iter().flat_map(|stage| {
            stage.steps.iter().filter(|step| progress.find(stage.name, step.name).is_none())
        });
        steps.filter_map(|step| match &step.task {
            Task::Run { step, params, literal, .. } => Some((*step, params, literal.as_slice())),
            Task::Skip(_) => None,
        })
    }

    /// How long after the end of the stage before it a stage starts, if any of its steps runs.
    pub fn after(&self, stage: &str) -> Option<Delay> {
        self.stage_to_run(stage)?.after
    }

    /// How long before or after the effective date a stage starts, if any of its steps runs and it says so.
    pub fn at(&self, stage: &str) -> Option<Offset> {
        self.stage_to_run(stage)?.at
    }

    /// When a stage may start at the earliest, if a date says so and any of its steps runs. A stage with a delay has
    /// none: it follows the one before it.
    pub fn starts_at(&self, stage: &str, dates: Dates) -> Option<Timestamp> {
        let stage = self.stage_to_run(stage).filter(|stage| stage.after.is_none())?;
        dates.start(stage.at)
    }

    fn stage_to_run(&self, name: &str) -> Option<&PreparedStage<'_, W>> {
        let stage = self.stages.iter().find(|prepared| prepared.name == name)?;
        Some(stage).filter(|stage| stage.steps.iter().any(PreparedStep::runs))
    }
}

impl<W> PreparedStage<'_, W> {
    /// Whether something has failed that this stage needs.
    pub(crate) fn is_held_back(&self, progress: &Progress) -> bool {
        let mut failed = progress.steps.iter().filter(|record| !record.is_done());
        failed.any(|record| {
            let (stage, step) = (&record.finished.stage, &record.finished.step);
            self.needs.contains(stage) || self.needs.contains(step)
        })
    }
}

impl<W> PreparedStep<'_, W> {
    /// Whether it runs, as opposed to being skipped.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.task, Task::Run { .. })
    }
}

/// Evaluates every condition, fills every template and checks every parameter.
///
/// `variables` are the values by name that templates may use: event, manager, parameters, person and tenant. The
/// workflow's lookups are added here.
///
/// # Errors
///
/// All failures found, each naming stage and step.
pub fn prepare<'a, W>(
    definition: &'a Definition,
    roster: &'a Roster<W>,
    variables: Map<String, Value>,
) -> Result<Prepared<'a, W>, Vec<Failure>> {
    let mut variables = variables;
    variables.insert("lookups".to_owned(), Value::Object(definition.lookups.clone()));
    let variables = Value::Object(variables);
    let (mut stages, mut failures) = (Vec::new(), Vec::new());
    for stage in &definition.stages {
        match prepare_stage(stage, roster, &variables) {
            Ok(prepared) => stages.push(prepared),
            Err(found) => failures.extend(found),
        }
    }
    if failures.is_empty() { Ok(Prepared { stages }) } else { Err(failures) }
}

fn prepare_stage<'a, W>(
    stage: &'a Stage,
    roster: &'a Roster<W>,
    variables: &Value,
) -> Result<PreparedStage<'a, W>, Vec<Failure>> {
    let skip = unless_holds(stage.when.as_deref(), variables)
        .map_err(|failure| vec![failure.at(&stage.name, "when")])?;
    let (mut steps, mut failures) = (Vec::new(), Vec::new());
    for step in &stage.steps {
        let task = match &skip {
            Some(reason) => Ok(Task::Skip(reason.clone())),
            None => prepare_step(step, roster, variables),
        };
        match task {
            Ok(task) => steps.push(PreparedStep { name: &step.name, action: &step.action, task }),
            Err(failure) => failures.push(failure.at(&stage.name, &step.name)),
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    let (after, at, on_failure) = (stage.after, stage.at, stage.on_failure);
    Ok(PreparedStage { name: &stage.name, after, at, on_failure, needs: &stage.needs, steps })
}

fn prepare_step<'a, W>(
    definition: &StepDefinition,
    roster: &'a Roster<W>,
    variables: &Value,
) -> Result<Task<'a, W>, Failure> {
    let step = roster.get(&definition.action).ok_or_else(|| {
        let message = format!("there is no action `{}`", definition.action);
        Failure::new(Class::Blocked, "unknown_action", message)
    })?;
    if let Some(reason) = unless_holds(definition.when.as_deref(), variables)? {
        return Ok(Task::Skip(reason));
    }
    let mut params = Map::new();
    for (name, default) in step.defaults() {
        let given = definition.params.get(*name).cloned();
        params.insert((*name).to_owned(), given.unwrap_or_else(|| Value::String((*default).to_owned())));
    }
    for (name, value) in &definition.params {
        params.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let is_from_event = |(_, value): &(&String, &Value)| template::is_from_event(value);
    let from_event = params.iter().filter(is_from_event).map(|(name, _)| name.clone()).collect();
    let is_literal = |name: &&&str| params.get(**name).is_some_and(template::is_literal);
    let literal = step.powerful().iter().filter(is_literal).map(|name| (*name).to_owned()).collect();
    for (name, value) in &mut params {
        *value = template::fill(value, variables)
            .map_err(|error| Failure::rejected("template_failed", format!("parameter `{name}`: {error}")))?;
    }
    let params = Value::Object(params);
    step.check(&params)?;
    Ok(Task::Run { step, params, from_event, literal })
}

/// Why a step is skipped, if its condition is false.
fn unless_holds(when: Option<&str>, variables: &Value) -> Result<Option<String>, Failure> {
    let Some(when) = when else { return Ok(None) };
    match template::holds(when, variables) {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(format!("condition `{when}` is false"))),
        Err(error) => Err(Failure::rejected("template_failed", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::test_steps;
    use serde_json::json;

    fn variables() -> Map<String, Value> {
        json!({ "person": { "id": "7" }, "manager": null }).as_object().cloned().unwrap()
    }

    fn definition(steps: &str) -> Definition {
        let text = format!(
            "w:\n  lookups: {{ rooms: {{ '7': blue }} }}\n  stages:\n    - name: only\n      steps: {steps}\n"
        );
        Definitions::parse("w.yaml", &text).unwrap().get("w").unwrap().clone()
    }

    fn params(steps: &str) -> Value {
        let definition = definition(steps);
        let roster = test_steps::roster();
        let prepared =
            prepare(&definition, &roster, variables()).map_err(|failures| format!("{failures:?}")).unwrap();
        match &prepared.stages[0].steps[0].task {
            Task::Run { params, .. } => params.clone(),
            Task::Skip(reason) => json!(reason),
        }
    }

    #[test]
    fn a_parameter_left_out_is_filled_from_the_event() {
        assert_eq!(params("[note]"), json!({ "text": "7" }));
        assert_eq!(params("[{ note: { text: mine } }]"), json!({ "text": "mine" }));
        assert_eq!(
            params("[{ note: { text: '{{ lookups.rooms[person.id] }}' } }]"),
            json!({ "text": "blue" })
        );
    }

    #[test]
    fn a_false_condition_is_a_reason_to_skip() {
        assert_eq!(params("[{ note: {}, when: manager }]"), json!("condition `manager` is false"));
    }

    #[test]
    fn every_failure_is_found_before_anything_runs() {
        let definition =
            definition("[{ note: { text: '{{ person.name }}' } }, { note: { text: 3 }, name: b }, nobody]");
        let roster = test_steps::roster();
        let failures = prepare(&definition, &roster, variables()).map(|_| ()).unwrap_err();
        let codes: Vec<_> = failures.iter().map(|failure| failure.code.as_str()).collect();
        assert_eq!(codes, ["template_failed", "invalid_parameters", "unknown_action"]);
        assert!(
            failures[0].message.starts_with("only / note: parameter `text`: `{{ person.name }}`"),
            "{failures:?}"
        );
    }
}
