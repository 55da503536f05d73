//! The interface between the engine and a step, and the roster of steps.

use std::collections::BTreeMap;
use std::pin::Pin;

use jiff::Timestamp;
use outcome::{Failure, Left, Mode, Outcome, Record};
use serde_json::{Map, Value};

use crate::people::People;
use crate::recorder::Recorder;
use crate::wait::Wait;

/// A boxed future, because a roster holds steps of different types.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One thing a workflow can request. `W` is the world it acts on; the engine only passes it on.
pub trait Step<W>: Send + Sync {
    /// The name a workflow uses.
    fn name(&self) -> &'static str;

    /// Parameters and the template that fills each one the workflow leaves out.
    fn defaults(&self) -> &'static [(&'static str, &'static str)];

    /// The parameters that may name what gives power only where a workflow's author wrote it out, without a template.
    fn powerful(&self) -> &'static [&'static str] {
        &[]
    }

    /// The parameters that only a workflow's author may give: no template of theirs may read the event.
    fn of_author(&self) -> &'static [&'static str] {
        &[]
    }

    /// The JSON Schema of its parameters.
    fn schema(&self) -> Value;

    /// Refuses parameters that cannot be carried out, before anything has run.
    fn check(&self, params: &Value) -> Result<(), Failure>;

    /// Looks up what its parameters name besides the person: a run does so for all its steps before it writes anything,
    /// and heeds only rejections. `literal` are the powerful parameters that the author wrote out.
    fn resolve<'a>(
        &'a self,
        _params: &'a Value,
        _literal: &'a [String],
        _world: &'a W,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Finds the people that its parameters name, so that they stay the same while the run sleeps. Whoever cannot be
    /// found now is looked for when the step runs.
    fn find_people<'a>(&'a self, _call: Call<'a, W>) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Says whether the run may change the people whom its parameters name. A run asks all its steps before each
    /// attempt writes anything, and ends if one of them says no. Whatever keeps a step from an answer, it meets when it
    /// runs.
    fn may_change<'a>(&'a self, _call: Call<'a, W>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Does it, or reports what it would do.
    fn run<'a>(&'a self, call: Call<'a, W>) -> BoxFuture<'a, Report>;
}

/// What a step is given.
pub struct Call<'a, W> {
    /// The parameters, every template filled.
    pub params: &'a Value,
    /// The powerful parameters that the workflow's author wrote out, without a template.
    pub literal: &'a [String],
    /// Whether it may change anything.
    pub mode: Mode,
    /// What the run has done before this stage.
    pub earlier: Earlier<'a>,
    /// What the run had done when this attempt began.
    pub before: Earlier<'a>,
    /// The people that the run has found.
    pub people: &'a People,
    /// The memo that the step left when it last waited. Only a hint: it can be lost.
    pub memo: Option<&'a Value>,
    /// How often an operator has replayed the run. After a replay a step may retry what it had given up.
    pub replays: u32,
    /// How often the run has slept.
    pub sleeps: u32,
    /// When a worker first saw the event.
    pub first_seen: Timestamp,
    /// When the run first looked at the tenant, by Graph's clock. It has written nothing before.
    pub first_sight: Option<Timestamp>,
    /// When the step became due: when a worker first saw the event, or when the latest delay of a stage ended. The
    /// publisher's clock has no part in it.
    pub due_since: Timestamp,
    /// Keeps what the step takes away.
    pub recorder: &'a dyn Recorder,
    /// The world.
    pub world: &'a W,
}

/// What a step reports when it returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What became of it.
    pub answer: Answer,
    /// What it wrote before it failed: one sentence for each write. Only if it failed.
    pub made: Vec<String>,
    /// What it left alone on purpose, also if it failed.
    pub left: Vec<Left>,
    /// What it counted, by name.
    pub details: Map<String, Value>,
    /// The ids of the requests it made.
    pub request_ids: Vec<String>,
    /// The object id of the account that it created.
    pub created: Option<String>,
    /// Whether it may have written something, though it reports no change: it failed while it wrote.
    pub may_have_written: bool,
    /// What the service refused, each equal to that of another attempt only if it was refused the same. By id and without
    /// names.
    pub refusals: Vec<String>,
}

/// What became of a step, with what the step alone can tell. The engine makes the step's record from it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Something was missing; the step wrote it: one sentence for each write.
    Changed(Vec<String>),
    /// Everything was already as requested.
    Unchanged,
    /// What the step would write. Only in [`Mode::Plan`].
    Planned(Vec<String>),
    /// The step has to look again later.
    Waiting {
        /// What it wrote before it waits: one sentence for each write.
        changes: Vec<String>,
        /// For what it waits and how long.
        wait: Wait,
    },
    /// The step failed.
    Failed(Failure),
}

impl Report {
    /// A report of nothing but an answer.
    pub fn of(answer: Answer) -> Self {
        Self {
            answer,
            made: Vec::new(),
            left: Vec::new(),
            details: Map::new(),
            request_ids: Vec::new(),
            created: None,
            may_have_written: false,
            refusals: Vec::new(),
        }
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        Self::of(Answer::Failed(failure))
    }
}

impl Answer {
    /// The word for it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Changed(_) => Outcome::Changed,
            Self::Unchanged => Outcome::Unchanged,
            Self::Planned(_) => Outcome::Planned,
            Self::Waiting { .. } => Outcome::Waiting,
            Self::Failed(_) => Outcome::Failed,
        }
    }

    /// The writes made or planned, one sentence each.
    pub fn changes(&self) -> &[String] {
        match self {
            Self::Changed(changes) | Self::Planned(changes) | Self::Waiting { changes, .. } => changes,
            Self::Unchanged | Self::Failed(_) => &[],
        }
    }
}

/// The steps this run finished in earlier stages, as far as this attempt knows.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a>(&'a [Record]);

impl<'a> Earlier<'a> {
    /// Over the records of a run.
    pub fn new(records: &'a [Record]) -> Self {
        Self(records)
    }

    /// Whether none has finished.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What became of the last step of this action, if one has finished.
    pub fn outcome_of(&self, action: &str) -> Option<Outcome> {
        let mut finished = self.0.iter().rev().map(|record| &record.finished);
        finished.find(|finished| finished.action == action).map(|finished| finished.outcome)
    }

    /// The one of these actions that the run has done last.
    pub fn last_done<'n>(&self, actions: &[&'n str]) -> Option<&'n str> {
        let done = self.0.iter().rev().map(|record| &record.finished);
        let mut done =
            done.filter(|finished| matches!(finished.outcome, Outcome::Changed | Outcome::Unchanged));
        done.find_map(|finished| actions.iter().copied().find(|action| *action == finished.action))
    }
}

/// Every step a workflow may name.
pub struct Roster<W> {
    steps: BTreeMap<&'static str, Box<dyn Step<W>>>,
    events: Vec<&'static str>,
    look_again: Vec<&'static str>,
}

impl<W> Roster<W> {
    /// A roster of these steps; of two with one name the later wins.
    pub fn new(steps: impl IntoIterator<Item = Box<dyn Step<W>>>) -> Self {
        let steps = steps.into_iter().map(|step| (step.name(), step)).collect();
        Self { steps, events: Vec::new(), look_again: Vec::new() }
    }

    /// The same roster for workflows that these kinds of events ask for.
    #[must_use]
    pub fn for_events(self, events: impl IntoIterator<Item = &'static str>) -> Self {
        Self { events: events.into_iter().collect(), ..self }
    }

    /// The same roster, where workflows for these kinds of events act beside others, and so must look again.
    #[must_use]
    pub fn looking_again(self, events: impl IntoIterator<Item = &'static str>) -> Self {
        Self { look_again: events.into_iter().collect(), ..self }
    }

    /// Whether a workflow for this kind of event must look again.
    pub(crate) fn must_look_again(&self, event: &str) -> bool {
        self.look_again.contains(&event)
    }

    /// The kinds of events that may ask for a workflow; none if that is not checked.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        self.events.clone()
    }

    /// The step with this name.
    pub fn get(&self, name: &str) -> Option<&dyn Step<W>> {
        self.steps.get(name).map(AsRef::as_ref)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.steps.keys().copied()
    }
}
