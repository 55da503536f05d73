//! Makes true: the person is assigned to these applications, in these roles.
//!
//! **Needs** `AppRoleAssignment.ReadWrite.All`, `Application.Read.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Leaves** `application_not_found` (the application is gone) and `app_role_not_found` (it no longer has this role
//! for people) and `app_roles_unseen` (Graph does not tell its roles); the others are assigned.
//! **Idempotent because** it reads the person's own assignments and adds only missing ones; "already assigned" counts
//! as added. An assignment of one of the person's groups does not count: it ends with the membership.
//! **Power:** an event may choose the assignments if the author writes a template for them. A person's role is one
//! inside an application, comparable to membership of an ordinary group. The roles that are worth the tenant are
//! permissions of Graph and of other interfaces: they are for applications, Graph refuses to assign them to people, and
//! this action leaves every role that the application does not offer to people.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::{try_join, try_join_all};
use msgraph::{AppRoleAssignment, ServicePrincipal, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct AssignApplications;

/// The person and the assignments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The applications and roles.
    assignments: Vec<Assignment>,
}

/// An application and a role in it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The object id of the application's service principal in the tenant.
    resource: String,
    /// The id of the role; `00000000-0000-0000-0000-000000000000` for an application without roles.
    role: String,
}

/// The account, its assignments with those of its groups, and the requested applications that exist.
pub struct Observed {
    person: Person,
    assignments: Vec<AppRoleAssignment>,
    applications: Vec<ServicePrincipal>,
}

/// Adds an assignment.
#[derive(Debug, PartialEq)]
pub struct Assign {
    user: Account,
    resource: String,
    role: String,
}

impl Action for AssignApplications {
    const NAME: &'static str = "assign_applications";
    const MAKES_TRUE: &'static str = "The person is assigned to these applications";
    const NEEDS: &'static [&'static str] =
        &["AppRoleAssignment.ReadWrite.All", "Application.Read.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Assign;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = async {
            let person = graph.person(&params.user, &["id"]).await?;
            let assignments = match &person {
                Person::Present(user) => graph.app_role_assignments(&user.id).await?,
                Person::ToBeCreated | Person::Absent => Vec::new(),
            };
            Ok::<_, Error>((person, assignments))
        };
        let ids: BTreeSet<_> = params.assignments.iter().filter_map(Assignment::resource_id).collect();
        let applications = ids.into_iter().map(async |id| graph.service_principal(&id).await);
        let applications = async { Ok::<_, Error>(try_join_all(applications).await?) };
        let ((person, assignments), applications) = try_join(person, applications).await?;
        Ok(Observed { person, assignments, applications: applications.into_iter().flatten().collect() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Assign>, Error> {
        let (user, seen) = observed.person.account()?;
        let (mut changes, mut left) = (Vec::<Assign>::new(), Vec::new());
        for (number, wanted) in (1..).zip(&params.assignments) {
            let is_it = |held: &&AppRoleAssignment| wanted.is(&held.resource_id, &held.app_role_id);
            let is_own = |held: &AppRoleAssignment| {
                seen.is_some_and(|seen| seen.id.eq_ignore_ascii_case(&held.principal_id))
            };
            if observed.assignments.iter().filter(is_it).any(is_own)
                || changes.iter().any(|change| wanted.is(&change.resource, &change.role))
            {
                continue;
            }
            match wanted.found_in(&observed.applications, number) {
                Ok(application) => changes.push(Assign {
                    user: user.clone(),
                    resource: application.id.clone(),
                    role: wanted.role.clone(),
                }),
                Err(reason) => left.push(reason),
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    async fn apply(change: &Assign, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.add_app_role_assignment(change.user.id()?, &change.resource, &change.role).await;
        outcome.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "assigning to an application needs AppRoleAssignment.ReadWrite.All and Application.Read.All".to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        use msgraph_emulator::Tenant;

        let assigned = |application: &str, role: &str| {
            let (resource, role) = Tenant::application_ids(application, role);
            serde_json::json!({ "resource": resource, "role": role })
        };
        let assignments = [
            assigned("Payroll", ""),
            assigned("Travel", "Approver"),
            assigned("Builds", ""),
            assigned("No Such Application", ""),
        ];
        crate::Scenario::new(serde_json::json!({ "user": "ada@contoso.example", "assignments": assignments }))
    }
}

impl Assignment {
    /// The application's id in its usual form. Graph refuses a text that is none, and no application has one.
    fn resource_id(&self) -> Option<String> {
        uuid::Uuid::try_parse(&self.resource).ok().map(|id| id.to_string())
    }

    fn is(&self, resource: &str, role: &str) -> bool {
        self.resource.eq_ignore_ascii_case(resource) && self.role.eq_ignore_ascii_case(role)
    }

    /// The application, if it gives people the role.
    fn found_in<'a>(
        &self,
        applications: &'a [ServicePrincipal],
        number: usize,
    ) -> Result<&'a ServicePrincipal, Left> {
        let left = |code: &str, detail: String, needs| Left { code: code.to_owned(), detail, needs };
        let Some(id) = self.resource_id() else {
            let detail = format!("entry {number} of the assignments has no object id of an application");
            return Err(left("application_not_found", detail, Needs::Operator));
        };
        let found = applications.iter().find(|application| application.id.eq_ignore_ascii_case(&id));
        let Some(application) = found else {
            let detail = format!("application {id} does not exist any more");
            return Err(left("application_not_found", detail, Needs::Nobody));
        };
        match application.gives_people(&self.role) {
            Some(true) => return Ok(application),
            Some(false) => {}
            None => {
                let detail = format!(
                    "Microsoft Graph does not tell which roles application {id} has; assign it by hand"
                );
                return Err(left("app_roles_unseen", detail, Needs::Operator));
            }
        }
        let detail = format!(
            "application {id} no longer offers people the role of entry {number} of the assignments; assign another"
        );
        Err(left("app_role_not_found", detail, Needs::Operator))
    }
}

impl fmt::Display for Assign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Assign { user, resource, role } = self;
        match role == msgraph::DEFAULT_ACCESS {
            true => write!(f, "assign {user} to application {resource}"),
            false => write!(f, "assign {user} to application {resource} in role {role}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::{AppRole, DEFAULT_ACCESS, User};

    const PAYROLL: &str = "6f0a8a6c-0001-4000-8000-0000000000a1";
    const TRAVEL: &str = "6f0a8a6c-0001-4000-8000-0000000000a2";
    const ROLE: &str = "6f0a8a6c-0001-4000-8000-0000000000b1";

    fn application(id: &str, role: Option<&str>) -> ServicePrincipal {
        let role = role.map(|role| AppRole {
            id: role.into(),
            allowed_member_types: Some(vec!["User".into()]),
            is_enabled: Some(true),
        });
        ServicePrincipal { id: id.into(), app_roles: Some(role.into_iter().collect()) }
    }

    fn held(principal: &str, resource: &str, role: &str) -> AppRoleAssignment {
        AppRoleAssignment {
            id: "a".into(),
            principal_id: principal.into(),
            resource_id: resource.into(),
            app_role_id: role.into(),
        }
    }

    /// The changes, and the codes of what is left.
    fn plan(assignments: Vec<AppRoleAssignment>, wanted: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(resource, role)| serde_json::json!({ "resource": resource, "role": role }))
            .collect();
        let params = serde_json::json!({ "user": "ada@contoso.example", "assignments": wanted });
        let params: Params = serde_json::from_value(params).unwrap();
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let applications = vec![application(PAYROLL, None), application(TRAVEL, Some(ROLE))];
        let plan =
            AssignApplications::plan(&params, &Observed { person, assignments, applications }).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn only_missing_assignments_are_added_and_a_groups_is_not_the_persons_own() {
        let wanted = [(PAYROLL, DEFAULT_ACCESS), (TRAVEL, ROLE), (TRAVEL, ROLE)];
        let assigned = vec![held("1", PAYROLL, DEFAULT_ACCESS), held("group", TRAVEL, ROLE)];
        let expected = vec![format!("assign user 1 to application {TRAVEL} in role {ROLE}")];
        assert_eq!(plan(assigned, &wanted), (expected, vec![]));
        let assigned = vec![held("1", PAYROLL, DEFAULT_ACCESS), held("1", TRAVEL, ROLE)];
        assert_eq!(plan(assigned, &wanted), (vec![], vec![]));
    }

    #[test]
    fn what_is_gone_is_left_and_keeps_nobody_from_the_rest() {
        let gone = "6f0a8a6c-0001-4000-8000-00000000dead";
        let wanted =
            [(gone, ROLE), ("payroll", ROLE), (PAYROLL, ROLE), (TRAVEL, DEFAULT_ACCESS), (TRAVEL, ROLE)];
        let (changes, left) = plan(vec![], &wanted);
        assert_eq!(changes.len(), 1, "{changes:?}");
        let expected =
            ["application_not_found", "application_not_found", "app_role_not_found", "app_role_not_found"];
        assert_eq!(left, expected);
    }
}
