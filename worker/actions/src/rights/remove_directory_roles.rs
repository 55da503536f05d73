//! Makes true: no directory role is assigned to the person.
//!
//! **Needs** `RoleManagement.ReadWrite.Directory` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Idempotent because** it reads the person's role assignments and removes those it finds; "not found" counts as
//! removed.
//!
//! Roles that come with a group end with the membership (`remove_from_groups`). Roles that the person may activate,
//! but has not, are in another list of Graph and stay.

use std::fmt;

use msgraph::{RoleAssignment, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveDirectoryRoles;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account and the roles assigned to it.
pub struct Observed {
    person: Person,
    assignments: Vec<RoleAssignment>,
}

/// Removes a role.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    assignment: RoleAssignment,
}

impl Action for RemoveDirectoryRoles {
    const NAME: &'static str = "remove_directory_roles";
    const MAKES_TRUE: &'static str = "No directory role is assigned to the person";
    const NEEDS: &'static [&'static str] = &["RoleManagement.ReadWrite.Directory", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let assignments = match &person {
            Person::Present(user) => graph.role_assignments(&user.id).await?,
            Person::ToBeCreated | Person::Absent => Vec::new(),
        };
        Ok(Observed { person, assignments })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, _) = observed.person.account()?;
        let assignments = observed.assignments.iter().cloned();
        Ok(Plan::together(assignments.map(|assignment| Remove { user: user.clone(), assignment })))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::DirectoryRole)?
                    .with("role", change.assignment.role_definition_id.clone())
                    .with("scope", change.assignment.directory_scope_id.clone()),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_role_assignment(&change.assignment.id).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "removing a directory role needs RoleManagement.ReadWrite.Directory".to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "admin@contoso.example" }))
    }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.assignment.role_definition_id.as_deref().unwrap_or("unknown");
        write!(f, "take role {role} back from {} (assignment {})", self.user, self.assignment.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn every_assignment_is_a_change_of_its_own() {
        let assignment = |id: &str, role: &str| RoleAssignment {
            id: id.into(),
            role_definition_id: Some(role.into()),
            directory_scope_id: None,
        };
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let assignments = vec![assignment("a", "r"), assignment("b", "r")];
        let plan = RemoveDirectoryRoles::plan(&params, &Observed { person, assignments }).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        let expected =
            ["take role r back from user 1 (assignment a)", "take role r back from user 1 (assignment b)"];
        assert_eq!(changes, expected);
    }
}
