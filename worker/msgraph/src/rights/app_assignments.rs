//! Applications that people are assigned to.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::Query;

/// An assignment to an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AppRoleAssignment {
    pub id: String,
    pub principal_id: String,
    pub resource_id: String,
}

impl Reader<'_> {
    /// The applications a person is assigned to, including those of the person's groups; their principal is the group
    /// (Microsoft Graph documentation, "List appRoleAssignments granted to a user", 2021).
    pub async fn app_role_assignments(self, user_id: &str) -> Result<Vec<AppRoleAssignment>, Error> {
        self.list(Query::new(&["users", user_id, "appRoleAssignments"])?).await
    }
}

impl Writer<'_> {
    /// Removes an assignment to an application. The assignment of a group applies to all its members.
    pub async fn remove_app_role_assignment(self, assignment: &AppRoleAssignment) -> Result<(), Error> {
        self.remove(&["servicePrincipals", &assignment.resource_id, "appRoleAssignedTo", &assignment.id])
            .await
    }
}
