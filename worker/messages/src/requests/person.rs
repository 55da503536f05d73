//! A request for a person: the person, the manager, and how to carry it out.

use std::fmt;

use outcome::{Mode, TakenKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::effective::Effective;

/// The `data` of an event that runs a workflow for a person. Its `Debug` shows no person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// The person who joins, leaves or changes.
    pub person: Person,
    /// The person's manager, who is also the successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<PersonReference>,
    /// When it takes effect, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// The workflow to run, if not the default of the event's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Values that override the workflow's own, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Whether to write, or to report what would be written.
    #[serde(default)]
    pub mode: Mode,
    /// The digest of the plan that the publisher approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_plan: Option<String>,
    /// The run that a restore undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// What a restore gives back, if not everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<TakenKind>>,
}

/// The person a request is about: at least one of the first three, and what the publisher knows besides.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Object id in Entra ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entra_id: Option<String>,
    /// User principal name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The employer's number for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Name as colleagues see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Office location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
    /// Name of the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Country as shown in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Country in which licences are used, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_location: Option<String>,
    /// Mobile phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The work e-mail address wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Private e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal_email: Option<String>,
    /// Everything else the publisher sent, for workflow expressions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("entra_id", &self.entra_id).finish_non_exhaustive()
    }
}

/// Someone already in the directory: at least one of three, tried in this order.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonReference {
    /// Object id in Entra ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entra_id: Option<String>,
    /// User principal name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The employer's number for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<String>,
}

impl fmt::Debug for PersonReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonReference").field("entra_id", &self.entra_id).finish_non_exhaustive()
    }
}
