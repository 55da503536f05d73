//! What the engine asks of a step, and the roster it finds steps in.

use std::collections::BTreeMap;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::outcome::{Failure, Left, Outcome, OutcomeKind};
use crate::progress::Record;

/// Whether a run may change anything.
///
/// The engine passes it on and asks it nothing but [`Mode::waits`]; the driver of a step is the one place that
/// matches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Look and say what would be written.
    Plan,
    /// Look and write what is missing.
    Apply,
}

impl Mode {
    /// Whether stages and steps wait for their time. A plan shows all there is to come, now.
    pub fn waits(self) -> bool {
        self == Self::Apply
    }
}

/// A boxed future, because a roster holds steps of different types.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One thing a workflow can ask for. `W` is the world it acts on; the engine only passes it on.
pub trait Step<W>: Send + Sync {
    /// The name a workflow uses.
    fn name(&self) -> &'static str;

    /// Parameters and the template that fills each one the workflow leaves out.
    fn defaults(&self) -> &'static [(&'static str, &'static str)];

    /// The JSON Schema of its parameters.
    fn schema(&self) -> Value;

    /// Refuses parameters that cannot be carried out, before anything has run.
    fn check(&self, params: &Value) -> Result<(), Failure>;

    /// Does it, or says what it would do.
    fn run<'a>(&'a self, call: Call<'a, W>) -> BoxFuture<'a, Report>;
}

/// What a step is given.
pub struct Call<'a, W> {
    /// The parameters, every template filled.
    pub params: &'a Value,
    /// Whether it may change anything.
    pub mode: Mode,
    /// What the run has done before this stage.
    pub earlier: Earlier<'a>,
    /// What the step asked to be given back when it last waited. Only a hint: it can be lost.
    pub memo: Option<&'a Value>,
    /// How often an operator has replayed the run: what was tried in vain before is worth another try after it.
    pub replays: u32,
    /// The world.
    pub world: &'a W,
}

/// What a step answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What became of it.
    pub outcome: Outcome,
    /// What it left alone, and says so.
    pub left: Vec<Left>,
    /// What it counted, by name.
    pub details: Map<String, Value>,
    /// The ids of the requests it made.
    pub request_ids: Vec<String>,
}

impl Report {
    /// A report of nothing but an outcome.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, left: Vec::new(), details: Map::new(), request_ids: Vec::new() }
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        Self::of(Outcome::Failed(failure))
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

    /// What became of the last step of this action, if one has finished.
    pub fn outcome_of(&self, action: &str) -> Option<OutcomeKind> {
        self.0.iter().rev().find(|record| record.action == action).map(|record| record.outcome.kind())
    }
}

/// Every step a workflow may name.
pub struct Roster<W> {
    steps: BTreeMap<&'static str, Box<dyn Step<W>>>,
}

impl<W> Roster<W> {
    /// A roster of these steps; of two with one name the later wins.
    pub fn new(steps: impl IntoIterator<Item = Box<dyn Step<W>>>) -> Self {
        Self { steps: steps.into_iter().map(|step| (step.name(), step)).collect() }
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
