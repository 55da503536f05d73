//! Applications that people are assigned to.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

/// The role of an assignment to an application that has no roles for people.
pub const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";

/// An assignment to an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AppRoleAssignment {
    pub id: String,
    pub principal_id: String,
    pub resource_id: String,
    #[serde(default)]
    pub app_role_id: String,
}

/// An application in the tenant, with the roles that it defines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct ServicePrincipal {
    pub id: String,
    /// Nothing if Graph does not tell.
    pub app_roles: Option<Vec<AppRole>>,
}

/// A role that an application defines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AppRole {
    pub id: String,
    /// Nothing if Graph does not tell.
    pub allowed_member_types: Option<Vec<String>>,
    pub is_enabled: Option<bool>,
}

impl ServicePrincipal {
    /// Whether Graph assigns this role to a person. Roles for applications, such as Graph's own permissions, are not
    /// given to people (Microsoft Graph documentation, "appRole resource type", 2021). Default access is given only
    /// where there is no role for people (terraform-provider-azuread issue 736, 2022).
    /// Nothing if Graph does not tell.
    pub fn gives_people(&self, role: &str) -> Option<bool> {
        let roles = self.app_roles.as_ref()?.iter().map(|role| Some((role, role.is_for_people()?)));
        let roles = roles.collect::<Option<Vec<_>>>()?;
        let mut roles = roles.into_iter().filter(|(_, is_for_people)| *is_for_people);
        Some(match role == DEFAULT_ACCESS {
            true => roles.next().is_none(),
            false => roles.any(|(known, _)| known.id.eq_ignore_ascii_case(role)),
        })
    }
}

impl AppRole {
    fn is_for_people(&self) -> Option<bool> {
        let is_user = |kind: &String| kind.eq_ignore_ascii_case("User");
        match self.is_enabled {
            Some(false) => Some(false),
            _ => Some(self.allowed_member_types.as_ref()?.iter().any(is_user)),
        }
    }
}

/// The body that assigns a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewAssignment<'a> {
    principal_id: &'a str,
    resource_id: &'a str,
    app_role_id: &'a str,
}

impl Reader<'_> {
    /// The applications a person is assigned to, including those of the person's groups; their principal is the group
    /// (Microsoft Graph documentation, "List appRoleAssignments granted to a user", 2021).
    pub async fn app_role_assignments(self, user_id: &str) -> Result<Vec<AppRoleAssignment>, Error> {
        self.list(Query::new(&["users", user_id, "appRoleAssignments"])?).await
    }

    /// The application with this object id; `None` if the tenant has none.
    pub async fn service_principal(self, id: &str) -> Result<Option<ServicePrincipal>, Error> {
        self.find(Query::new(&["servicePrincipals", id])?.select(&["id", "appRoles"])).await
    }
}

impl Writer<'_> {
    /// Assigns a person to an application in a role.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when the application or the person does not exist, or not yet.
    pub async fn add_app_role_assignment(
        self,
        user_id: &str,
        resource_id: &str,
        role_id: &str,
    ) -> Result<(), Error> {
        let assignment = NewAssignment { principal_id: user_id, resource_id, app_role_id: role_id };
        // Microsoft recommends this side of the relation, as for the removal.
        let write =
            Write::post(&["servicePrincipals", resource_id, "appRoleAssignedTo"])?.json(&assignment)?;
        match self.send(write).await {
            Err(error) if error.is_already_exists() => Ok(()),
            outcome => outcome,
        }
    }

    /// Removes an assignment to an application. The assignment of a group applies to all its members.
    pub async fn remove_app_role_assignment(self, assignment: &AppRoleAssignment) -> Result<(), Error> {
        self.remove(&["servicePrincipals", &assignment.resource_id, "appRoleAssignedTo", &assignment.id])
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_the_roles_for_people_and_default_access_only_without_any() {
        let role = |id: &str, kind: &str, is_enabled| AppRole {
            id: id.into(),
            allowed_member_types: Some(vec![kind.into()]),
            is_enabled: Some(is_enabled),
        };
        let with = |app_roles| ServicePrincipal { id: "s".into(), app_roles: Some(app_roles) };
        let graph = with(vec![role("a", "Application", true), role("b", "User", false)]);
        let told = |application: &ServicePrincipal, role| application.gives_people(role);
        assert_eq!(["a", "b", DEFAULT_ACCESS].map(|role| told(&graph, role)), [false, false, true].map(Some));
        let payroll = with(vec![role("c", "User", true)]);
        assert_eq!(["C", DEFAULT_ACCESS].map(|role| told(&payroll, role)), [true, false].map(Some));
        let untold: [ServicePrincipal; 3] = [
            r#"{"id":"s","appRoles":null}"#,
            r#"{"id":"s"}"#,
            r#"{"id":"s","appRoles":[{"id":"c","allowedMemberTypes":null}]}"#,
        ]
        .map(|json| serde_json::from_str(json).unwrap());
        assert!(
            untold.iter().all(|untold| told(untold, "c").is_none() && told(untold, DEFAULT_ACCESS).is_none())
        );
    }
}
