//! What an operator did to a dead letter.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `gatehouse.operator.replayed.v1` and `gatehouse.operator.discarded.v1`: who did what to which message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorAction {
    /// Id of the message in the broker.
    pub message_id: String,
    /// The run, where one can be told from the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The work queue the message belongs to.
    pub queue: String,
    /// The operator's account or the name of the machine.
    pub by: String,
    /// The operator's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Class under which the message had been set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_class: Option<String>,
    /// How often the message has been replayed, this time included.
    pub replays: u32,
}
