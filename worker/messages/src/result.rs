//! Results: the CloudEvents that leave.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{self, Schema};
use crate::{
    Envelope, Event, NAMESPACE, OperatorAction, Outcome, Reason, RunFinished, RunPlanned, RunState,
    RunWaiting, StepFinished, Undecodable, json,
};

/// The content type of events and results in structured mode.
pub const CLOUDEVENT_CONTENT_TYPE: &str = "application/cloudevents+json";

/// The `source` of results where none is configured.
pub const DEFAULT_SOURCE: &str = "/gatehouse";

/// What caused a result: copied from the event, or from what could be read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The Microsoft 365 connection.
    pub tenant: Option<String>,
    /// The event's `correlationid`, or its id where it carried none.
    pub correlation_id: Option<String>,
    /// The event's id.
    pub causation_id: Option<String>,
}

impl From<&Event> for Cause {
    fn from(event: &Event) -> Self {
        Self {
            tenant: event.tenant.clone(),
            correlation_id: Some(event.correlation_id.as_ref().unwrap_or(&event.id).clone()),
            causation_id: Some(event.id.clone()),
        }
    }
}

impl From<&Envelope> for Cause {
    fn from(envelope: &Envelope) -> Self {
        Self {
            tenant: envelope.tenant.clone(),
            correlation_id: envelope.correlation_id.as_ref().or(envelope.id.as_ref()).cloned(),
            causation_id: envelope.id.clone(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ResultData {
    /// A step came to its end.
    StepFinished(StepFinished),
    /// A plan was made.
    RunPlanned(RunPlanned),
    /// A run went to sleep.
    RunWaiting(RunWaiting),
    /// A run came to its end.
    RunFinished(RunFinished),
    /// A dead letter was sent back to work.
    OperatorReplayed(OperatorAction),
    /// A dead letter was taken away for good.
    OperatorDiscarded(OperatorAction),
}

impl ResultData {
    /// The CloudEvents `type`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::StepFinished(_) => "gatehouse.step.finished.v1",
            Self::RunPlanned(_) => "gatehouse.run.planned.v1",
            Self::RunWaiting(_) => "gatehouse.run.waiting.v1",
            Self::RunFinished(_) => "gatehouse.run.finished.v1",
            Self::OperatorReplayed(_) => "gatehouse.operator.replayed.v1",
            Self::OperatorDiscarded(_) => "gatehouse.operator.discarded.v1",
        }
    }

    /// The schema of such a result.
    pub fn schema(&self) -> &'static Schema {
        match self {
            Self::StepFinished(_) => &schema::STEP_FINISHED,
            Self::RunPlanned(_) => &schema::RUN_PLANNED,
            Self::RunWaiting(_) => &schema::RUN_WAITING,
            Self::RunFinished(_) => &schema::RUN_FINISHED,
            Self::OperatorReplayed(_) => &schema::OPERATOR_REPLAYED,
            Self::OperatorDiscarded(_) => &schema::OPERATOR_DISCARDED,
        }
    }

    /// `<kind>.<state>`: what a consumer binds its queue to.
    pub fn routing_key(&self) -> &'static str {
        match self {
            Self::StepFinished(step) => match step.outcome {
                Outcome::Changed => "step.changed",
                Outcome::Unchanged => "step.unchanged",
                Outcome::Planned => "step.planned",
                Outcome::Skipped => "step.skipped",
                Outcome::Waiting => "step.waiting",
                Outcome::Failed => "step.failed",
            },
            Self::RunPlanned(_) => "run.planned",
            Self::RunWaiting(_) => "run.waiting",
            Self::RunFinished(run) => match run.state {
                RunState::Succeeded => "run.succeeded",
                RunState::Partial => "run.partial",
                RunState::Failed => "run.failed",
                RunState::Rejected => "run.rejected",
            },
            Self::OperatorReplayed(_) => "operator.replayed",
            Self::OperatorDiscarded(_) => "operator.discarded",
        }
    }

    /// The run it happened to.
    pub fn run_id(&self) -> Option<Uuid> {
        match self {
            Self::StepFinished(step) => Some(step.run_id),
            Self::RunPlanned(plan) => Some(plan.run_id),
            Self::RunWaiting(run) => Some(run.run_id),
            Self::RunFinished(run) => Some(run.run_id),
            Self::OperatorReplayed(action) | Self::OperatorDiscarded(action) => action.run_id,
        }
    }

    /// What happened, as far as it tells one happening of a run from another.
    ///
    /// Replays count: what a run says after an operator replayed it is news. An event refused for its form is
    /// apart from the run of the same id that the publisher may start with a corrected event.
    fn what(&self) -> String {
        match self {
            Self::StepFinished(step) => {
                what(&["step.finished", &step.replays.to_string(), &step.stage, &step.step])
            }
            Self::RunPlanned(plan) => what(&["run.planned", &plan.digest]),
            Self::RunWaiting(run) => {
                what(&["run.waiting", &run.replays.to_string(), &run.sleeps.to_string()])
            }
            Self::RunFinished(run) if run.state == RunState::Rejected => {
                what(&["run.rejected", &run.replays.to_string()])
            }
            Self::RunFinished(run) => what(&["run.finished", &run.replays.to_string()]),
            Self::OperatorReplayed(action) => {
                what(&["operator.replayed", &action.replays.to_string(), &action.message_id])
            }
            Self::OperatorDiscarded(action) => what(&["operator.discarded", &action.message_id]),
        }
    }
}

/// Joins parts so that different parts never read the same, whatever characters they hold.
fn what(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}

/// A CloudEvent that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultEvent {
    /// UUIDv5 of the run and what happened: published again, it is the same.
    pub id: Uuid,
    /// The worker's name as a publisher.
    pub source: String,
    /// When it is published.
    pub time: Timestamp,
    /// What caused it.
    pub cause: Cause,
    /// What happened.
    pub data: ResultData,
}

/// The structured form, field by field.
#[derive(Serialize)]
struct Wire<'a> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Uuid>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    data: &'a ResultData,
}

/// The attributes that are read back.
#[derive(Deserialize)]
struct Attributes {
    id: Uuid,
    source: String,
    time: Timestamp,
    tenant: Option<String>,
    correlationid: Option<String>,
    causationid: Option<String>,
}

impl ResultEvent {
    /// A result from [`DEFAULT_SOURCE`], named after the run and what happened to it.
    pub fn new(cause: Cause, time: Timestamp, data: ResultData) -> Self {
        let id = Self::id_for(data.run_id().unwrap_or(NAMESPACE), &data.what());
        Self { id, source: DEFAULT_SOURCE.to_owned(), time, cause, data }
    }

    /// The id of a result: UUIDv5 in the run's namespace of what happened.
    pub fn id_for(run_id: Uuid, what: &str) -> Uuid {
        Uuid::new_v5(&run_id, what.as_bytes())
    }

    /// The CloudEvents `type`.
    pub fn event_type(&self) -> &'static str {
        self.data.event_type()
    }

    /// `<kind>.<state>`: what a consumer binds its queue to.
    pub fn routing_key(&self) -> &'static str {
        self.data.routing_key()
    }

    /// The content type of [`Self::to_bytes`].
    pub fn content_type(&self) -> &'static str {
        CLOUDEVENT_CONTENT_TYPE
    }

    /// The structured form.
    ///
    /// # Errors
    ///
    /// None of today's fields can fail to be written; a new one might.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.wire())
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            specversion: "1.0",
            id: self.id,
            source: &self.source,
            event_type: self.event_type(),
            time: self.time,
            subject: self.data.run_id(),
            datacontenttype: "application/json",
            tenant: self.cause.tenant.as_deref(),
            correlationid: self.cause.correlation_id.as_deref(),
            causationid: self.cause.causation_id.as_deref(),
            data: &self.data,
        }
    }

    /// Reads a result back, as one who waits for it does.
    ///
    /// # Errors
    ///
    /// Says why it is no result of ours.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let value = json::parse(body).map_err(|reason| Undecodable::new(reason, Envelope::default()))?;
        Self::from_value(&value).map_err(|reason| Undecodable::new(reason, Envelope::read(&value)))
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        let Some(event_type) = value.get("type").and_then(Value::as_str) else {
            return Err(Reason::NotCloudEvent { detail: "the body names no type" });
        };
        let (schema, read) = reader(event_type).ok_or_else(|| Reason::unknown_type(event_type))?;
        let violations = schema.violations(value);
        if !violations.is_empty() {
            return Err(Reason::Invalid { violations });
        }
        let attributes = Attributes::deserialize(value).map_err(|_| Reason::schema_mismatch())?;
        let data = value.get("data").ok_or_else(Reason::schema_mismatch)?;
        Ok(Self {
            id: attributes.id,
            source: attributes.source,
            time: attributes.time,
            cause: Cause {
                tenant: attributes.tenant,
                correlation_id: attributes.correlationid,
                causation_id: attributes.causationid,
            },
            data: read(data).map_err(|_| Reason::schema_mismatch())?,
        })
    }
}

type Read = fn(&Value) -> Result<ResultData, serde_json::Error>;

/// The schema of a result's type and how to read its data.
fn reader(event_type: &str) -> Option<(&'static Schema, Read)> {
    Some(match event_type {
        "gatehouse.step.finished.v1" => {
            (&schema::STEP_FINISHED, |data| StepFinished::deserialize(data).map(ResultData::StepFinished))
        }
        "gatehouse.run.planned.v1" => {
            (&schema::RUN_PLANNED, |data| RunPlanned::deserialize(data).map(ResultData::RunPlanned))
        }
        "gatehouse.run.waiting.v1" => {
            (&schema::RUN_WAITING, |data| RunWaiting::deserialize(data).map(ResultData::RunWaiting))
        }
        "gatehouse.run.finished.v1" => {
            (&schema::RUN_FINISHED, |data| RunFinished::deserialize(data).map(ResultData::RunFinished))
        }
        "gatehouse.operator.replayed.v1" => (&schema::OPERATOR_REPLAYED, |data| {
            OperatorAction::deserialize(data).map(ResultData::OperatorReplayed)
        }),
        "gatehouse.operator.discarded.v1" => (&schema::OPERATOR_DISCARDED, |data| {
            OperatorAction::deserialize(data).map(ResultData::OperatorDiscarded)
        }),
        _ => return None,
    })
}
