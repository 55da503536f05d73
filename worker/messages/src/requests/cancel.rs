//! A request to take runs or a sync out: which ones.

use serde::{Deserialize, Serialize};

use super::person::PersonReference;

/// The `data` of an event that takes runs or a sync out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum CancelRequest {
    /// Runs of a person.
    Runs {
        /// The person.
        person: PersonReference,
        /// Which of their runs.
        which: Cancelled,
    },
    /// The sync of an event.
    Sync(EventName),
}

/// Which runs of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// That of one event.
    Event(EventName),
    /// Every older one of a side.
    Side(CancelSide),
    /// Every older one.
    All,
}

/// What names an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventName {
    /// Its publisher's name for itself.
    pub source: String,
    /// Its id.
    pub id: String,
}

/// The kinds of runs that can be named together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelSide {
    /// Those that let in.
    Join,
    /// Those that let out.
    Leave,
    /// Those that change somebody who stays.
    Change,
}

/// The fields, before it is known that they fit together.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonReference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<CancelSide>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<EventName>,
}

impl CancelRequest {
    /// The event that it names, if it names one.
    pub fn event(&self) -> Option<&EventName> {
        match self {
            Self::Runs { which: Cancelled::Event(event), .. } | Self::Sync(event) => Some(event),
            Self::Runs { which: Cancelled::Side(_) | Cancelled::All, .. } => None,
        }
    }
}

/// The schema says the same, for publishers.
impl TryFrom<Fields> for CancelRequest {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { person, event, side, all, sync } = fields;
        let which = match (event, side, all) {
            (None, None, None) => None,
            (Some(event), None, None) => Some(Cancelled::Event(event)),
            (None, Some(side), None) => Some(Cancelled::Side(side)),
            (None, None, Some(true)) => Some(Cancelled::All),
            _ => return Err("one of event, side and all: true"),
        };
        match (person, which, sync) {
            (Some(person), Some(which), None) => Ok(Self::Runs { person, which }),
            (None, None, Some(sync)) => Ok(Self::Sync(sync)),
            _ => Err("a person with one of event, side and all, or a sync"),
        }
    }
}

impl From<CancelRequest> for Fields {
    fn from(request: CancelRequest) -> Self {
        let none = Self { person: None, event: None, side: None, all: None, sync: None };
        match request {
            CancelRequest::Sync(sync) => Self { sync: Some(sync), ..none },
            CancelRequest::Runs { person, which } => {
                let fields = Self { person: Some(person), ..none };
                match which {
                    Cancelled::Event(event) => Self { event: Some(event), ..fields },
                    Cancelled::Side(side) => Self { side: Some(side), ..fields },
                    Cancelled::All => Self { all: Some(true), ..fields },
                }
            }
        }
    }
}
