//! What a person may do: directory roles, applications they are assigned to, and what they let applications do.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::quoted;
use crate::http::request::{Query, Write};

/// A directory role somebody holds. Roles that have yet to be activated, and those of a group, are not among a
/// person's (Microsoft Graph documentation, "List unifiedRoleAssignments", 2024).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RoleAssignment {
    pub id: String,
    pub role_definition_id: Option<String>,
}

/// An application somebody is assigned to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AppRoleAssignment {
    pub id: String,
    pub principal_id: String,
    pub resource_id: String,
}

/// What an application may do in somebody's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct PermissionGrant {
    pub id: String,
    pub client_id: String,
    pub consent_type: Option<String>,
    pub principal_id: Option<String>,
}

impl PermissionGrant {
    /// Whether this person alone consented. Other grants are everybody's.
    pub fn is_own(&self, user_id: &str) -> bool {
        let is = |value: &Option<String>, expected: &str| {
            value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(expected))
        };
        is(&self.consent_type, "Principal") && is(&self.principal_id, user_id)
    }
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

    /// The applications a person is assigned to; with them those that a group of theirs is assigned to, of which the
    /// principal is the group (Microsoft Graph documentation, "List appRoleAssignments granted to a user", 2021).
    pub async fn app_role_assignments(self, user_id: &str) -> Result<Vec<AppRoleAssignment>, Error> {
        self.list(Query::new(&["users", user_id, "appRoleAssignments"])?).await
    }

    /// What applications may do in a person's name.
    pub async fn permission_grants(self, user_id: &str) -> Result<Vec<PermissionGrant>, Error> {
        self.list(Query::new(&["users", user_id, "oauth2PermissionGrants"])?).await
    }
}

impl Writer<'_> {
    /// Takes a directory role from whom it was assigned to.
    pub async fn remove_role_assignment(self, assignment_id: &str) -> Result<(), Error> {
        self.remove(&["roleManagement", "directory", "roleAssignments", assignment_id]).await
    }

    /// Ends an assignment to an application, of whomever it is: a group's is that of all its members.
    pub async fn remove_app_role_assignment(self, assignment: &AppRoleAssignment) -> Result<(), Error> {
        self.remove(&["servicePrincipals", &assignment.resource_id, "appRoleAssignedTo", &assignment.id])
            .await
    }

    /// Withdraws what an application may do.
    pub async fn remove_permission_grant(self, grant_id: &str) -> Result<(), Error> {
        self.remove(&["oauth2PermissionGrants", grant_id]).await
    }

    /// Deletes what may be gone already.
    pub(crate) async fn remove(self, segments: &[&str]) -> Result<(), Error> {
        match self.send(Write::delete(segments)?).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_of_the_whole_tenant_is_nobodys_own() {
        let grant = |consent_type: &str, principal: Option<&str>| PermissionGrant {
            consent_type: Some(consent_type.into()),
            principal_id: principal.map(Into::into),
            ..PermissionGrant::default()
        };
        assert!(grant("Principal", Some("1")).is_own("1"));
        assert!(!grant("Principal", Some("2")).is_own("1"));
        assert!(!grant("AllPrincipals", Some("1")).is_own("1"));
        assert!(!grant("AllPrincipals", None).is_own("1"));
        assert!(!PermissionGrant::default().is_own("1"));
    }
}
