//! Assigned licences of people and groups.

use jiff::Timestamp;
use serde::Deserialize;

use super::subscription::ServicePlan;
use crate::error::Error;
use crate::http::client::Reader;
use crate::http::json::null_as_empty;
use crate::http::request::Query;

/// A licence of a person or a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AssignedLicense {
    pub sku_id: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub disabled_plans: Vec<String>,
}

/// One assignment of a licence to a person. A licence can have several: a direct one, and one for each group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct LicenseAssignmentState {
    pub sku_id: String,
    /// The group that gives the licence; `None` means assigned directly.
    pub assigned_by_group: Option<String>,
    /// Nothing if Graph does not tell.
    pub disabled_plans: Option<Vec<String>>,
    /// `Active`, `ActiveWithError`, `Disabled` or `Error`.
    pub state: Option<String>,
    /// `None`, `CountViolation`, `MutuallyExclusiveViolation` and the like.
    pub error: Option<String>,
    /// When the licence was assigned, or its plans changed.
    pub last_updated_date_time: Option<Timestamp>,
}

/// A licence of a person, direct or through a group, with the state of its service plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct LicenseDetails {
    pub sku_id: String,
    pub sku_part_number: Option<String>,
    /// Nothing if Graph does not tell.
    pub service_plans: Option<Vec<ServicePlan>>,
}

impl LicenseAssignmentState {
    /// Why the assignment does not work; `None` if it works.
    pub fn failure(&self) -> Option<&str> {
        let is_error = self.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("Error"));
        is_error.then_some(self.error.as_deref().unwrap_or("Other"))
    }
}

impl Reader<'_> {
    /// The licences of a person, including those through groups.
    pub async fn license_details(self, user_id: &str) -> Result<Vec<LicenseDetails>, Error> {
        self.list(Query::new(&["users", user_id, "licenseDetails"])?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_assignment_in_error_has_failed() {
        let state = |state: &str, error: &str| LicenseAssignmentState {
            state: Some(state.into()),
            error: Some(error.into()),
            ..LicenseAssignmentState::default()
        };
        assert_eq!(state("Error", "CountViolation").failure(), Some("CountViolation"));
        assert_eq!(state("Active", "None").failure(), None);
        assert_eq!(state("ActiveWithError", "Other").failure(), None);
    }
}
