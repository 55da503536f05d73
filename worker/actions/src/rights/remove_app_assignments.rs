//! Makes true: the person is assigned to no application.
//!
//! **Needs** `AppRoleAssignment.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Leaves** assignments of the person's groups, which belong to every member; the result names each.
//! **Idempotent because** it reads the person's assignments and removes those it finds; "not found" counts as removed.

use std::fmt;

use msgraph::{AppRoleAssignment, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveAppAssignments;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account and its assignments, including those of its groups.
pub struct Observed {
    person: Person,
    assignments: Vec<AppRoleAssignment>,
}

/// Removes an assignment.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    assignment: AppRoleAssignment,
}

impl Action for RemoveAppAssignments {
    const NAME: &'static str = "remove_app_assignments";
    const MAKES_TRUE: &'static str = "The person is assigned to no application";
    const NEEDS: &'static [&'static str] = &["AppRoleAssignment.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let assignments = match &person {
            Person::Present(user) => graph.app_role_assignments(&user.id).await?,
            Person::ToBeCreated | Person::Absent => Vec::new(),
        };
        Ok(Observed { person, assignments })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, seen) = observed.person.account()?;
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for assignment in &observed.assignments {
            let principal = &assignment.principal_id;
            if seen.is_some_and(|seen| seen.id.eq_ignore_ascii_case(principal)) {
                changes.push(Remove { user: user.clone(), assignment: assignment.clone() });
            } else {
                left.push(Left {
                    code: "group_assignment".to_owned(),
                    detail: format!(
                        "application {} is assigned to group {principal}; leaving the group ends it",
                        assignment.resource_id
                    ),
                    needs: Needs::Nobody,
                });
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::AppAssignment)?
                    .with("resource", change.assignment.resource_id.clone())
                    .with("role", change.assignment.app_role_id.clone()),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_app_role_assignment(&change.assignment).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "ending an application's assignment needs AppRoleAssignment.ReadWrite.All".to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remove { user, assignment } = self;
        let AppRoleAssignment { id, resource_id, .. } = assignment;
        write!(f, "end assignment {id} of {user} to application {resource_id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn what_a_group_is_assigned_to_is_left_to_the_group() {
        let assignment = |id: &str, principal: &str| AppRoleAssignment {
            id: id.into(),
            principal_id: principal.into(),
            resource_id: "app".into(),
            ..AppRoleAssignment::default()
        };
        let person = Person::Present(Box::new(User { id: "1A".into(), ..User::default() }));
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let assignments = vec![assignment("own", "1a"), assignment("group's", "2")];
        let plan = RemoveAppAssignments::plan(&params, &Observed { person, assignments }).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        assert_eq!(changes, ["end assignment own of user 1A to application app"]);
        let left: Vec<_> = plan.left.iter().map(|left| (left.code.as_str(), left.needs)).collect();
        assert_eq!(left, [("group_assignment", Needs::Nobody)]);
    }
}
