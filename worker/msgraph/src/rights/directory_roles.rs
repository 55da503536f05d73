//! Directory roles of people.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::quoted;
use crate::http::request::{Query, Write};

/// A person's directory role. Eligible roles that are not active, and roles of a group, are not included (Microsoft
/// Graph documentation, "List unifiedRoleAssignments", 2024).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RoleAssignment {
    pub id: String,
    pub role_definition_id: Option<String>,
    /// Where the role counts: `/` is the whole tenant.
    pub directory_scope_id: Option<String>,
}

/// What makes a person an administrator, so that only holders of a role can change the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Administers {
    /// A directory role, with its object id.
    Role(String),
    /// A group that can have directory roles.
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
    /// What makes a person an administrator. A role that may not be read still has its id. Graph also counts the owners
    /// of a group that can have roles; this method does not check them.
    pub async fn administers(self, user_id: &str) -> Result<Vec<Administers>, Error> {
        let query = Query::new(&["users", user_id, "memberOf"])?.select(&["id", "isAssignableToRole"]);
        let memberships: Vec<Membership> = self.list(query).await?;
        let found = memberships.into_iter().filter_map(|membership| {
            let kind = membership.odata_type.unwrap_or_default();
            if kind.eq_ignore_ascii_case("#microsoft.graph.directoryRole") {
                return Some(Administers::Role(membership.id));
            }
            (membership.is_assignable_to_role == Some(true)).then_some(Administers::Group(membership.id))
        });
        Ok(found.collect())
    }

    /// The directory roles of a person, of every scope.
    pub async fn role_assignments(self, user_id: &str) -> Result<Vec<RoleAssignment>, Error> {
        if user_id.is_empty() {
            return Err(Error::internal("the object id is empty"));
        }
        let condition = format!("principalId eq {}", quoted(user_id));
        self.list(Query::new(&["roleManagement", "directory", "roleAssignments"])?.filter(&condition)).await
    }
}

impl Reader<'_> {
    /// The directory roles that a person may activate (Privileged Identity Management), of every scope; none in a tenant
    /// without Entra ID P2. Those that come with a group are the group's.
    ///
    /// # Errors
    ///
    /// Needs `RoleManagement.Read.Directory`; without it, [`Error::is_forbidden`].
    pub async fn eligible_roles(self, user_id: &str) -> Result<Vec<RoleAssignment>, Error> {
        if user_id.is_empty() {
            return Err(Error::internal("the object id is empty"));
        }
        let condition = format!("principalId eq {}", quoted(user_id));
        let path = ["roleManagement", "directory", "roleEligibilitySchedules"];
        match self.list(Query::new(&path)?.filter(&condition)).await {
            Err(error) if error.is_not_bought() => Ok(Vec::new()),
            roles => roles,
        }
    }
}

/// The request that takes an eligibility back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EligibilityRequest<'a> {
    action: &'a str,
    justification: &'a str,
    principal_id: &'a str,
    role_definition_id: &'a str,
    directory_scope_id: &'a str,
}

impl Writer<'_> {
    /// Takes a person's eligibility for a directory role back. One that does not exist any more is taken back.
    pub async fn remove_role_eligibility(self, user_id: &str, role: &RoleAssignment) -> Result<(), Error> {
        let body = EligibilityRequest {
            action: "adminRemove",
            justification: "The person leaves.",
            principal_id: user_id,
            role_definition_id: role.role_definition_id.as_deref().unwrap_or_default(),
            directory_scope_id: role.directory_scope_id.as_deref().unwrap_or("/"),
        };
        let write = Write::post(&["roleManagement", "directory", "roleEligibilityScheduleRequests"])?;
        match self.send(write.json(&body)?).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }

    /// Removes the assignment of a directory role.
    pub async fn remove_role_assignment(self, assignment_id: &str) -> Result<(), Error> {
        self.remove(&["roleManagement", "directory", "roleAssignments", assignment_id]).await
    }
}
