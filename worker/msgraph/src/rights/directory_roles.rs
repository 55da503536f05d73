//! Directory roles that people hold.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::quoted;
use crate::http::request::Query;

/// A directory role somebody holds. Roles that have yet to be activated, and those of a group, are not among a
/// person's (Microsoft Graph documentation, "List unifiedRoleAssignments", 2024).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RoleAssignment {
    pub id: String,
    pub role_definition_id: Option<String>,
}

/// What makes an administrator of somebody, so that their account is closed to who holds no role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Administers {
    /// By a directory role, with its object id.
    Role(String),
    /// By a group that can hold directory roles.
    Group(String),
}

/// An entry of `memberOf`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    id: String,
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    is_assignable_to_role: Option<bool>,
}

impl Reader<'_> {
    /// What makes an administrator of a person. Of a role that may not be read the id is there all the same; owning a
    /// group that can hold roles, which counts for Graph, too, is not looked at.
    pub async fn administers(self, user_id: &str) -> Result<Vec<Administers>, Error> {
        let query = Query::new(&["users", user_id, "memberOf"])?.select(&["id", "isAssignableToRole"]);
        let memberships: Vec<Membership> = self.list(query).await?;
        let told = memberships.into_iter().filter_map(|membership| {
            let kind = membership.odata_type.unwrap_or_default();
            if kind.eq_ignore_ascii_case("#microsoft.graph.directoryRole") {
                return Some(Administers::Role(membership.id));
            }
            (membership.is_assignable_to_role == Some(true)).then_some(Administers::Group(membership.id))
        });
        Ok(told.collect())
    }

    /// The directory roles a person holds, of whatever scope.
    pub async fn role_assignments(self, user_id: &str) -> Result<Vec<RoleAssignment>, Error> {
        if user_id.is_empty() {
            return Err(Error::internal("an object id is empty"));
        }
        let condition = format!("principalId eq {}", quoted(user_id));
        self.list(Query::new(&["roleManagement", "directory", "roleAssignments"])?.filter(&condition)).await
    }
}

impl Writer<'_> {
    /// Takes a directory role from whom it was assigned to.
    pub async fn remove_role_assignment(self, assignment_id: &str) -> Result<(), Error> {
        self.remove(&["roleManagement", "directory", "roleAssignments", assignment_id]).await
    }
}
