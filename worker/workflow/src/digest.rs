//! Digests: of a plan, so that an apply can be bound to what somebody looked at, of the steps in it, and of a definition.

use outcome::{PreparedSteps, Record, StageToRun};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::definition::Definition;

#[derive(Serialize)]
struct Plan<'a> {
    steps: &'a str,
    changes: Vec<Changes<'a>>,
}

#[derive(Serialize)]
struct Changes<'a> {
    stage: &'a str,
    step: &'a str,
    action: &'a str,
    changes: &'a [String],
}

/// The digest of what steps with this digest would write, by their records. Two plans with one digest run the same
/// steps with the same parameters and delays, and write the same.
pub fn of_plan(steps: &str, records: &[Record]) -> String {
    let changes = records.iter().map(|record| Changes {
        stage: &record.finished.stage,
        step: &record.finished.step,
        action: &record.finished.action,
        changes: &record.told.changes,
    });
    of(&Plan { steps, changes: changes.collect() })
}

/// The digest of steps and the values of their parameters.
pub(crate) fn of_steps(steps: &PreparedSteps) -> String {
    let PreparedSteps { digest: _, values, stages, snapshots_read: _ } = steps;
    let steps: (&[Value], &[StageToRun]) = (values, stages);
    of(&steps)
}

/// The digest of a workflow's definition: a run says which edition it began under.
pub fn of_definition(definition: &Definition) -> String {
    of(definition)
}

fn of(value: &impl Serialize) -> String {
    // Only what JSON can hold gets here.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let hex: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
