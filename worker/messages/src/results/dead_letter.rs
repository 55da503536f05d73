//! Results about dead letters.

use std::borrow::Cow;

use outcome::Failure;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use crate::schema::{self, Schema};

/// `gatehouse.dead_letter.added.v1`: a message was set aside and waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterAdded {
    /// Id of the dead letter, by which an operator names it.
    pub message_id: String,
    /// The run or sync, if the message says which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The work queue the message belongs to.
    pub queue: String,
    /// Class of the dead letter.
    pub dead_class: String,
    /// Why it was set aside.
    pub failure: Failure,
    /// The code of the failure that every attempt met, if the failure only says that attempts ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhausted_by: Option<String>,
    /// The step that failed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The action of that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How often it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// The same for dead letters with the same cause.
    pub fingerprint: String,
}

impl ResultType for DeadLetterAdded {
    const TYPE: &'static str = "gatehouse.dead_letter.added.v1";
    const ADDRESS: &'static str = "dead_letter.added";

    fn schema() -> &'static Schema {
        &schema::DEAD_LETTER_ADDED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "dead_letter.added".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        self.run_id
    }

    fn what(&self) -> String {
        what(&["dead_letter.added", &self.replays.to_string(), &self.message_id])
    }
}
