//! What a run takes away, as it is kept for a restore.

use std::borrow::Cow;

use outcome::TakenKind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use crate::schema::{self, Schema};

/// `gatehouse.run.snapshot.v1`: what a step of a run is about to take away, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSnapshot {
    /// The run.
    pub run_id: Uuid,
    /// The workflow.
    pub workflow: String,
    /// The action of the step.
    pub action: String,
    /// What it is about to take away.
    pub taken: Vec<Kept>,
}

/// One thing that is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What it is.
    pub kind: TakenKind,
    /// The account that loses it, by object id.
    pub user: String,
    /// Ids that name it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub object: Map<String, Value>,
    /// Names, addresses and texts, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Why these were not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<NotKept>,
}

/// Why names, addresses and texts were not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotKept {
    /// The workers share no key to seal them with.
    NoKey,
    /// They are larger than a message may be.
    TooLarge,
}

impl RunSnapshot {
    /// The largest part in bytes, in structured form.
    pub const LIMIT_BYTES: usize = 64 * 1024;
}

impl ResultType for RunSnapshot {
    const TYPE: &'static str = "gatehouse.run.snapshot.v1";
    const ADDRESS: &'static str = "run.snapshot";

    fn schema() -> &'static Schema {
        &schema::RUN_SNAPSHOT
    }

    fn routing_key(&self) -> Cow<'static, str> {
        Cow::Borrowed("run.snapshot")
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    /// What is sealed reads differently each time, and is left out.
    fn what(&self) -> String {
        let taken = self.taken.iter().map(|Kept { kind, user, object, .. }| {
            let object = serde_json::to_string(object).unwrap_or_default();
            what(&[kind.as_str(), user, &object])
        });
        what(&["snapshot", &self.action, &taken.collect::<String>()])
    }
}
