//! Results about what an operator did: to a dead letter, to a brake, or to a run.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use crate::requests::cancel::EventName;
use crate::schema::{self, Schema};

/// The operator, the message, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorAction {
    /// Id of the message in the broker.
    pub message_id: String,
    /// The run, if the message says which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The work queue the message belongs to.
    pub queue: String,
    /// The operator's user in the broker, which the broker has checked.
    pub by: String,
    /// Who that is, as the operator says: nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The operator's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Class under which the message had been set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_class: Option<String>,
    /// How often the message has been replayed, this time included.
    pub replays: u32,
}

/// `gatehouse.operator.replayed.v1`: an operator sent a dead letter back to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorReplayed(pub OperatorAction);

/// `gatehouse.operator.discarded.v1`: an operator deleted a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorDiscarded(pub OperatorAction);

/// `gatehouse.operator.allowed.v1`: an operator released a run that was refused because of somebody who is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorAllowed(pub OperatorAction);

/// `gatehouse.operator.brake_changed.v1`: an operator let leavers of a tenant pass its brake, or switched it off or on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorBrakeChanged {
    /// When.
    pub at: Timestamp,
    /// What the operator did.
    pub change: BrakeChange,
    /// How many more leavers may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<u32>,
    /// Until when everybody passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The operator's user in the broker, which the broker has checked.
    pub by: String,
    /// Who that is, as the operator says: nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The operator's reason.
    pub why: String,
}

/// `gatehouse.operator.run_cancelled.v1`: an operator took a run or a sync out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorRunCancelled {
    /// When.
    pub at: Timestamp,
    /// The run or sync, if its id was named or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// Its event, if the operator named that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventName>,
    /// The operator's user in the broker, which the broker has checked.
    pub by: String,
    /// Who that is, as the operator says: nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The operator's reason.
    pub why: String,
}

/// What an operator did to a brake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrakeChange {
    /// Let some more pass.
    Allowed,
    /// Switched it off for a time.
    Off,
    /// Switched it on again.
    On,
}

impl ResultType for OperatorBrakeChanged {
    const TYPE: &'static str = "gatehouse.operator.brake_changed.v1";
    const ADDRESS: &'static str = "operator.brake_changed";

    fn schema() -> &'static Schema {
        &schema::OPERATOR_BRAKE_CHANGED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "operator.brake_changed".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        None
    }

    fn what(&self) -> String {
        what(&["operator.brake_changed", &self.at.to_string(), &self.by])
    }
}

impl ResultType for OperatorRunCancelled {
    const TYPE: &'static str = "gatehouse.operator.run_cancelled.v1";
    const ADDRESS: &'static str = "operator.run_cancelled";

    fn schema() -> &'static Schema {
        &schema::OPERATOR_RUN_CANCELLED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "operator.run_cancelled".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        self.run_id
    }

    fn what(&self) -> String {
        what(&["operator.run_cancelled", &self.at.to_string(), &self.by])
    }
}

impl ResultType for OperatorAllowed {
    const TYPE: &'static str = "gatehouse.operator.allowed.v1";
    const ADDRESS: &'static str = "operator.allowed";

    fn schema() -> &'static Schema {
        &schema::OPERATOR_ALLOWED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "operator.allowed".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        self.0.run_id
    }

    fn what(&self) -> String {
        what(&["operator.allowed", &self.0.replays.to_string(), &self.0.message_id])
    }
}

impl ResultType for OperatorReplayed {
    const TYPE: &'static str = "gatehouse.operator.replayed.v1";
    const ADDRESS: &'static str = "operator.replayed";

    fn schema() -> &'static Schema {
        &schema::OPERATOR_REPLAYED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "operator.replayed".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        self.0.run_id
    }

    fn what(&self) -> String {
        what(&["operator.replayed", &self.0.replays.to_string(), &self.0.message_id])
    }
}

impl ResultType for OperatorDiscarded {
    const TYPE: &'static str = "gatehouse.operator.discarded.v1";
    const ADDRESS: &'static str = "operator.discarded";

    fn schema() -> &'static Schema {
        &schema::OPERATOR_DISCARDED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "operator.discarded".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        self.0.run_id
    }

    fn what(&self) -> String {
        what(&["operator.discarded", &self.0.message_id])
    }
}
