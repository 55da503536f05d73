//! The list of all types of results.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::dead_letter::DeadLetterAdded;
use super::operator::{
    OperatorAllowed, OperatorBrakeChanged, OperatorDiscarded, OperatorReplayed, OperatorRunCancelled,
};
use super::result_type::ResultType;
use super::run::{EventDuplicate, RunFinished, RunPlanned, RunWaiting};
use super::snapshot::RunSnapshot;
use super::step::StepFinished;
use super::sync::{SyncFinished, SyncPage, SyncWaiting};
use crate::schema::Schema;

/// What is particular to a type of result.
#[derive(Debug, Clone, Copy)]
pub struct ResultKind {
    /// The CloudEvents `type`.
    pub event_type: &'static str,
    /// The routing key, in which a field of `data` stands between braces: `run.{state}`.
    pub address: &'static str,
    /// The schema of such a result.
    pub schema: &'static Schema,
}

type Read = fn(&Value) -> Result<ResultData, serde_json::Error>;

/// Makes the enum of all types of results from their names.
macro_rules! results {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum ResultData {
            $($(#[$doc])* $name($name)),*
        }

        impl ResultData {
            /// Every type of result.
            pub fn kinds() -> Vec<ResultKind> {
                vec![$(ResultKind {
                    event_type: $name::TYPE,
                    address: $name::ADDRESS,
                    schema: $name::schema(),
                }),*]
            }

            /// The CloudEvents `type`.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$name(_) => $name::TYPE),* }
            }

            /// The schema of such a result.
            pub fn schema(&self) -> &'static Schema {
                match self { $(Self::$name(_) => $name::schema()),* }
            }

            /// `<kind>.<state>`: what a consumer binds its queue to.
            pub fn routing_key(&self) -> Cow<'static, str> {
                match self { $(Self::$name(data) => data.routing_key()),* }
            }

            /// The run it happened to, where there is one.
            pub fn run_id(&self) -> Option<Uuid> {
                match self { $(Self::$name(data) => data.run_id()),* }
            }

            pub(crate) fn what(&self) -> String {
                match self { $(Self::$name(data) => data.what()),* }
            }
        }

        $(impl From<$name> for ResultData {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        })*

        /// The schema of a result's type and how to read its data.
        pub(crate) fn reader(event_type: &str) -> Option<(fn() -> &'static Schema, Read)> {
            $(if event_type == $name::TYPE {
                return Some(($name::schema, |data| $name::deserialize(data).map(ResultData::$name)));
            })*
            None
        }
    };
}

results! {
    /// A step finished.
    StepFinished,
    /// A plan was made.
    RunPlanned,
    /// A run went to sleep.
    RunWaiting,
    /// A run ended.
    RunFinished,
    /// A run is about to take something away.
    RunSnapshot,
    /// An event came again.
    EventDuplicate,
    /// Rows of a sync.
    SyncPage,
    /// A sync waits for a limit.
    SyncWaiting,
    /// A sync ended.
    SyncFinished,
    /// A message was set aside.
    DeadLetterAdded,
    /// An operator sent a dead letter back to work.
    OperatorReplayed,
    /// An operator deleted a dead letter.
    OperatorDiscarded,
    /// An operator released a run that was refused because of somebody who is protected.
    OperatorAllowed,
    /// An operator let leavers pass a brake, or switched it off or on.
    OperatorBrakeChanged,
    /// An operator took a run or a sync out.
    OperatorRunCancelled,
}
