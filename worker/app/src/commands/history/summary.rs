//! What became of a run, folded from its results. A fold over entries, without a broker.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the reason of a run begins with that the brake holds.
const BRAKE: &str = "the brake";

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It acts, or was last seen to
    Running,
    /// It waits for another run, or to be tried again
    Waiting,
    /// It sleeps until its time
    Asleep,
    /// The brake holds it
    Braked,
    /// It only planned
    Planned,
    /// It has ended, and everything is done
    Succeeded,
    /// It has ended, and a step failed or left something for an operator
    Partial,
    /// It stopped before its end
    Failed,
    /// The publisher has to act
    Rejected,
    /// A newer event took charge
    Superseded,
    /// Somebody took it out
    Cancelled,
}

impl Stands {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Asleep => "asleep",
            Self::Braked => "braked",
            Self::Planned => "planned",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows unless an operator replays it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting | Self::Asleep | Self::Braked)
    }
}

/// What is read of a result to tell what became of its run.
#[derive(Deserialize)]
pub struct Head {
    /// The CloudEvents `type`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it was published.
    pub time: Timestamp,
    /// The run.
    pub subject: Option<Uuid>,
    tenant: Option<String>,
    causationid: Option<String>,
    causationsource: Option<String>,
    causationtype: Option<String>,
    publisher: Option<String>,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    workflow: Option<String>,
    state: Option<String>,
    started_at: Option<Timestamp>,
    until: Option<Timestamp>,
    reason: Option<String>,
    failure: Option<Code>,
    attempts: Option<u32>,
    replays: Option<u32>,
    ended_by: Option<Uuid>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Its id.
    pub run_id: Uuid,
    /// Where it stands.
    pub state: Stands,
    /// The workflow, once one was chosen.
    pub workflow: Option<String>,
    /// The kind of its event: the routing key of its type, without `.requested`.
    pub kind: Option<String>,
    /// The tenant that the event names.
    pub tenant: Option<String>,
    /// The object id of the person, once it is known.
    pub person: Option<Uuid>,
    /// The source of its event.
    pub source: Option<String>,
    /// The id of its event.
    pub event_id: Option<String>,
    /// The listed publisher.
    pub publisher: Option<String>,
    /// When it began, or was first heard of.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub last_at: Timestamp,
    /// Until when it sleeps.
    pub until: Option<Timestamp>,
    /// The code of the failure that ended it.
    pub code: Option<String>,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// The run that shut it.
    pub ended_by: Option<Uuid>,
}

impl Summary {
    /// A run of which this is the first that is heard.
    pub fn begun(run_id: Uuid, at: Timestamp) -> Self {
        Self {
            run_id,
            state: Stands::Running,
            workflow: None,
            kind: None,
            tenant: None,
            person: None,
            source: None,
            event_id: None,
            publisher: None,
            started_at: at,
            last_at: at,
            until: None,
            code: None,
            replays: 0,
            ended_by: None,
        }
    }

    /// Takes in the next result of the run. An operator's deed has no event: it says nothing of who asked.
    pub fn take(&mut self, head: Head, person: Option<Uuid>) {
        let Head {
            event_type,
            time,
            tenant,
            causationid,
            causationsource,
            causationtype,
            publisher,
            data,
            ..
        } = head;
        let is_older = time < self.last_at;
        self.last_at = self.last_at.max(time);
        self.person = person.or(self.person);
        if let Some(word) = event_type.strip_prefix("gatehouse.operator.") {
            if word.starts_with("replayed.") || word.starts_with("allowed.") {
                (self.state, self.until) = (Stands::Waiting, None);
            }
            return;
        }
        // A result that the history did not confirm in time is stored behind those that followed it, perhaps once more.
        if is_older && self.state.is_over() {
            return;
        }
        self.tenant = tenant.or(self.tenant.take());
        self.event_id = causationid.or(self.event_id.take());
        self.source = causationsource.or(self.source.take());
        self.kind = causationtype.as_deref().map(kind).or(self.kind.take());
        self.publisher = publisher.or(self.publisher.take());
        self.workflow = data.workflow.or(self.workflow.take());
        self.replays = data.replays.unwrap_or(self.replays);
        match event_type.as_str() {
            "gatehouse.step.finished.v1" => (self.state, self.until) = (Stands::Running, None),
            "gatehouse.run.planned.v1" => self.state = Stands::Planned,
            "gatehouse.run.waiting.v1" => {
                let is_braked = is_braked(data.reason.as_deref());
                self.state = if is_braked { Stands::Braked } else { Stands::Asleep };
                self.until = data.until;
            }
            "gatehouse.run.finished.v1" => {
                self.state = data.state.as_deref().map_or(Stands::Failed, ended);
                self.started_at = data.started_at.unwrap_or(self.started_at);
                self.code = data.failure.map(|failure| failure.code);
                (self.until, self.ended_by) = (None, data.ended_by);
            }
            _ => {}
        }
    }

    /// Whether somebody may have to act.
    pub fn needs_somebody(&self) -> bool {
        matches!(self.state, Stands::Failed | Stands::Partial)
    }

    /// The workflow, or the kind of the event if none was chosen.
    pub fn what(&self) -> &str {
        self.workflow.as_deref().or(self.kind.as_deref()).unwrap_or("unknown")
    }
}

impl Head {
    /// Whether a run is known from such a result on: deeds of operators and repeats of events are about runs that are
    /// known, and syncs are none.
    pub fn begins_a_run(&self) -> bool {
        self.event_type.starts_with("gatehouse.run.") || self.event_type.starts_with("gatehouse.step.")
    }
}

/// Whether this is the reason of a run that the brake holds.
pub fn is_braked(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.starts_with(BRAKE))
}

/// The kind of an event of this type: `onboarding` of `gatehouse.onboarding.requested.v1`.
fn kind(event_type: &str) -> String {
    let word = event_type.strip_prefix("gatehouse.").unwrap_or(event_type);
    word.split(".requested").next().unwrap_or(word).to_owned()
}

fn ended(state: &str) -> Stands {
    match state {
        "succeeded" => Stands::Succeeded,
        "partial" => Stands::Partial,
        "rejected" => Stands::Rejected,
        "superseded" => Stands::Superseded,
        "cancelled" => Stands::Cancelled,
        _ => Stands::Failed,
    }
}
