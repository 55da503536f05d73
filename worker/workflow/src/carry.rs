//! Prepared steps as a run carries them, and back.

use outcome::{Class, Failure, PreparedSteps, Progress, StageToRun, StepToRun};
use serde_json::{Map, Value};

use crate::dates::Offset;
use crate::delay::Delay;
use crate::digest;
use crate::prepare::{Prepared, PreparedStage, PreparedStep, Task};
use crate::step::Roster;

/// The most that the steps of a run take in its messages, in bytes. As much again is left for what it does.
const LIMIT_BYTES: usize = 64 * 1024;

impl<'a, W> Prepared<'a, W> {
    /// The steps as a run carries them.
    pub fn carried(&self) -> PreparedSteps {
        let mut carried = PreparedSteps::default();
        for stage in &self.stages {
            let steps = stage.steps.iter().map(|step| carry(step, &mut carried)).collect();
            carried.stages.push(StageToRun {
                stage: stage.name.to_owned(),
                after_seconds: stage.after.map(|after| after.duration().as_secs()),
                at_seconds: stage.at.map(Offset::seconds),
                on_failure: stage.on_failure,
                needs: stage.needs.to_vec(),
                steps,
            });
        }
        carried.digest = digest::of_steps(&carried);
        carried
    }

    /// The steps that a run carries. Of those that it has finished, the action need not exist any more.
    ///
    /// # Errors
    ///
    /// All failures found, each naming stage and step.
    pub fn resumed(
        carried: &'a PreparedSteps,
        roster: &'a Roster<W>,
        progress: &Progress,
    ) -> Result<Self, Vec<Failure>> {
        let (mut stages, mut failures) = (Vec::with_capacity(carried.stages.len()), Vec::new());
        for stage in &carried.stages {
            let mut steps = Vec::with_capacity(stage.steps.len());
            for step in &stage.steps {
                let is_done = progress.find(&stage.stage, &step.step).is_some();
                let task = match resume(step, &carried.values, roster) {
                    Err(_) if is_done => Ok(Task::Skip("the step has finished".to_owned())),
                    task => task,
                };
                match task {
                    Ok(task) => steps.push(PreparedStep { name: &step.step, action: &step.action, task }),
                    Err(failure) => failures.push(failure.at(&stage.stage, &step.step)),
                }
            }
            let after = stage.after_seconds.and_then(Delay::from_seconds);
            let (at, on_failure) = (stage.at_seconds.and_then(Offset::from_seconds), stage.on_failure);
            let needs = &stage.needs;
            stages.push(PreparedStage { name: &stage.stage, after, at, on_failure, needs, steps });
        }
        if failures.is_empty() { Ok(Self { stages }) } else { Err(failures) }
    }
}

/// Refuses steps that are too large for the messages of a run.
///
/// # Errors
///
/// The event is at fault: a workflow alone is never so large, unless its author wrote a text of that size.
pub fn refuse_too_large(steps: &PreparedSteps) -> Result<(), Failure> {
    let bytes = steps.bytes();
    if bytes < LIMIT_BYTES {
        return Ok(());
    }
    let message = format!(
        "the steps of the run take {bytes} bytes and must stay below {LIMIT_BYTES}; shorten the longest texts and lists \
         in the parameters of the event or in the workflow"
    );
    Err(Failure::rejected("steps_too_large", message))
}

fn carry<W>(step: &PreparedStep<'_, W>, carried: &mut PreparedSteps) -> StepToRun {
    let mut to_run = StepToRun {
        step: step.name.to_owned(),
        action: step.action.to_owned(),
        skipped: None,
        params: std::collections::BTreeMap::new(),
        from_event: Vec::new(),
        literal: Vec::new(),
    };
    match &step.task {
        Task::Skip(reason) => to_run.skipped = Some(reason.clone()),
        Task::Run { params, from_event, literal, .. } => {
            let fields = params.as_object().into_iter().flatten();
            to_run.params = fields.map(|(name, value)| (name.clone(), carried.place_of(value))).collect();
            to_run.from_event.clone_from(from_event);
            to_run.literal.clone_from(literal);
        }
    }
    to_run
}

fn resume<'a, W>(step: &StepToRun, values: &[Value], roster: &'a Roster<W>) -> Result<Task<'a, W>, Failure> {
    if let Some(reason) = &step.skipped {
        return Ok(Task::Skip(reason.clone()));
    }
    let body = roster.get(&step.action).ok_or_else(|| {
        let message = format!("this version has no action `{}`", step.action);
        Failure::new(Class::Blocked, "unknown_action", message)
    })?;
    let value = |(name, place): (&String, &usize)| Some((name.clone(), values.get(*place)?.clone()));
    let params = step.params.iter().map(value).collect::<Option<Map<_, _>>>().ok_or_else(|| {
        Failure::new(Class::Fault, "internal", "the message of the run lacks the value of a parameter")
    })?;
    let params = Value::Object(params);
    body.check(&params).map_err(Failure::blocked)?;
    let (from_event, literal) = (step.from_event.clone(), step.literal.clone());
    Ok(Task::Run { step: body, params, from_event, literal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::prepare::prepare;
    use crate::test_steps::{self, World};
    use jiff::Timestamp;
    use outcome::{Finished, OnFailure, Outcome, Record, Told};
    use serde_json::json;

    const FILE: &str = "w: { stages: [
      { name: a, at: -2d, on_failure: continue, steps: [{ note: { text: '{{ person.id }}' } }, { note: , name: again }] },
      { name: b, after: 2d, when: manager, steps: [note] },
      { name: c, at: 2d, needs: [a, again], steps: [{ fail: { class: retry, times: 2 } }] }] }";

    fn carried(file: &str) -> PreparedSteps {
        let definitions = Definitions::parse("w.yaml", file).unwrap();
        let variables = json!({ "person": { "id": "7" }, "manager": null }).as_object().cloned().unwrap();
        let roster = test_steps::roster();
        let prepared = prepare(definitions.get("w").unwrap(), &roster, variables);
        prepared.map_err(|failures| format!("{failures:?}")).unwrap().carried()
    }

    fn progress() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_carried_comes_back_as_it_was() {
        let steps = carried(FILE);
        let wire = serde_json::to_value(&steps).unwrap();
        assert_eq!(wire["values"], json!(["7", "retry", 2]), "each value once: {wire}");
        let back: PreparedSteps = serde_json::from_value(wire).unwrap();
        let roster = test_steps::roster();
        let prepared: Prepared<'_, World> = Prepared::resumed(&back, &roster, &progress()).unwrap();
        assert_eq!(prepared.carried(), steps);
        assert_eq!(prepared.stages[0].on_failure, OnFailure::Continue);
        assert_eq!(prepared.stages[2].needs, ["a", "again"]);
        assert_eq!(prepared.at("a").unwrap().to_string(), "-2d");
        assert_eq!(prepared.at("c").unwrap().to_string(), "2d");
        assert_eq!(prepared.stages[1].after.unwrap().to_string(), "2d");
        assert!(prepared.after("b").is_none(), "it is skipped");
    }

    #[test]
    fn an_action_that_is_gone_blocks_only_the_steps_still_to_run() {
        let gone = carried(FILE).stages.into_iter().map(|mut stage| {
            stage.steps.retain_mut(|step| {
                step.action = step.action.replace("note", "nobody");
                true
            });
            stage
        });
        let steps = PreparedSteps { stages: gone.collect(), ..carried(FILE) };
        let roster = test_steps::roster();
        let failures = Prepared::<World>::resumed(&steps, &roster, &progress()).err().unwrap();
        let told: Vec<_> = failures.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "unknown_action: a / note: this version has no action `nobody`",
                "unknown_action: a / again: this version has no action `nobody`"
            ]
        );
        assert!(failures.iter().all(|failure| failure.class == Class::Blocked));
        let mut done = progress();
        for step in ["note", "again"] {
            let finished = Finished {
                stage: "a".into(),
                step: step.into(),
                action: "nobody".into(),
                outcome: Outcome::Changed,
                changes: 1,
                left: Vec::new(),
                failure: None,
                reason: None,
            };
            done.record(Record { finished, told: Told::default() });
        }
        assert!(Prepared::<World>::resumed(&steps, &roster, &done).is_ok());
    }

    #[test]
    fn parameters_that_an_action_takes_no_more_are_for_an_operator() {
        let mut steps = carried(FILE);
        steps.values[0] = json!(7);
        let failures = Prepared::<World>::resumed(&steps, &test_steps::roster(), &progress()).err().unwrap();
        assert_eq!((failures.len(), failures[0].class), (2, Class::Blocked));
        steps.values.clear();
        let failures = Prepared::<World>::resumed(&steps, &test_steps::roster(), &progress()).err().unwrap();
        assert!(failures.iter().all(|failure| failure.class == Class::Fault), "{failures:?}");
    }

    #[test]
    fn steps_that_fit_into_no_message_are_refused_with_their_size() {
        let of = |length: usize| {
            let text = "x".repeat(length);
            carried(&format!("w: {{ stages: [{{ name: a, steps: [note: {{ text: {text} }}] }}] }}"))
        };
        assert_eq!(refuse_too_large(&of(60_000)), Ok(()));
        let refusal = refuse_too_large(&of(70_000)).unwrap_err();
        let size = format!("take {} bytes", of(70_000).bytes());
        assert!(refusal.message.contains(&size) && refusal.class == Class::Rejected, "{refusal}");
    }
}
