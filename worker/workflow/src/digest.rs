//! Digests: one for a plan, so that an apply can be bound to what somebody looked at, and one for a definition.

use outcome::Record;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::definition::Definition;
use crate::delay::Delay;
use crate::prepare::Prepared;

#[derive(Serialize)]
struct PlannedStep<'a> {
    stage: &'a str,
    step: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Delay>,
    changes: &'a [String],
}

/// The digest of what these records would write and when. Two plans with one digest write the same, as far apart.
pub fn of_plan<W>(prepared: &Prepared<'_, W>, records: &[Record]) -> String {
    let steps: Vec<_> = records
        .iter()
        .map(|record| PlannedStep {
            stage: &record.finished.stage,
            step: &record.finished.step,
            action: &record.finished.action,
            after: prepared.after(&record.finished.stage),
            changes: &record.told.changes,
        })
        .collect();
    of(&steps)
}

/// The digest of a workflow's definition: a run that slept says which edition it began under.
pub fn of_definition(definition: &Definition) -> String {
    of(definition)
}

fn of(value: &impl Serialize) -> String {
    // Only strings, lists and maps with string keys get here: nothing that JSON cannot hold.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let hex: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
