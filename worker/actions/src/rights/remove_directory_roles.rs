//! Makes true: the person has no directory role, and may activate none.
//!
//! **Needs** `RoleManagement.ReadWrite.Directory` and `User.Read.All`; for roles that the person may activate
//! `RoleEligibilitySchedule.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Leaves** `eligible_role`: a role that the person may activate, if that permission is not granted;
//! `eligible_roles_unseen`: roles that the person may activate, if Graph does not show them; `access_unseen`: once, what no
//! action looks at.
//! **Idempotent because** it reads the person's roles of both kinds and removes those it finds; "not found" counts as
//! removed.
//!
//! Roles that come with a group end with the membership (`remove_from_groups`). A tenant without Entra ID P2 has no roles
//! to activate.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{RoleAssignment, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// The permission to take back a role that a person may activate.
const TAKES_BACK: &str = "RoleEligibilitySchedule.ReadWrite.Directory";

/// See the file's head.
pub struct RemoveDirectoryRoles;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account and its roles.
pub struct Observed {
    person: Person,
    assignments: Vec<RoleAssignment>,
    /// The roles that the person may activate; nothing if Graph does not show them.
    eligible: Option<Vec<RoleAssignment>>,
    /// Whether these can be taken back. Also `true` if that is not known.
    takes_back: bool,
}

/// Removes a role.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    role: RoleAssignment,
    /// Whether the person has it. Otherwise the person may activate it.
    is_active: bool,
}

impl Action for RemoveDirectoryRoles {
    const NAME: &'static str = "remove_directory_roles";
    const MAKES_TRUE: &'static str =
        "No directory role is assigned to the person, and the person may activate none";
    const NEEDS: &'static [&'static str] =
        &["RoleManagement.ReadWrite.Directory", TAKES_BACK, "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let grants = graph.grants().await?;
        let takes_back = grants.permissions.is_empty() || grants.covers(TAKES_BACK);
        let person = graph.person(&params.user, &["id"]).await?;
        let Person::Present(user) = &person else {
            return Ok(Observed { person, assignments: Vec::new(), eligible: Some(Vec::new()), takes_back });
        };
        let eligible = async {
            match graph.eligible_roles(&user.id).await {
                Err(error) if error.is_forbidden() || error.is_without_list() => Ok(None),
                roles => roles.map(Some),
            }
        };
        let (assignments, eligible) = try_join(graph.role_assignments(&user.id), eligible).await?;
        Ok(Observed { person, assignments, eligible, takes_back })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, seen) = observed.person.account()?;
        let remove = |is_active: bool| {
            let user = user.clone();
            move |role: &RoleAssignment| Remove { user: user.clone(), role: role.clone(), is_active }
        };
        let mut changes: Vec<_> = observed.assignments.iter().map(remove(true)).collect();
        let mut left = match &observed.eligible {
            None => vec![unseen(&user)],
            Some(roles) if observed.takes_back => {
                changes.extend(roles.iter().map(remove(false)));
                Vec::new()
            }
            Some(roles) => roles.iter().map(|role| stays(&user, role)).collect(),
        };
        left.extend(seen.map(|_| access_unseen(&user)));
        Ok(Plan::together(changes).leaving(left))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::DirectoryRole)?
                    .with("role", change.role.role_definition_id.clone())
                    .with("scope", change.role.directory_scope_id.clone()),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        let Remove { user, role, is_active } = change;
        let (outcome, needs) = match is_active {
            true => (graph.remove_role_assignment(&role.id).await, "RoleManagement.ReadWrite.Directory"),
            false => (graph.remove_role_eligibility(user.id()?, role).await, TAKES_BACK),
        };
        outcome.map_err(|error| {
            Error::from(error)
                .or_missing("permission_missing", || format!("removing a directory role needs {needs}"))
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "admin@contoso.example" }))
    }
}

fn unseen(user: &Account) -> Left {
    let detail = format!(
        "the roles that {user} may activate cannot be read; grant RoleManagement.Read.Directory, or look in Privileged \
         Identity Management"
    );
    Left { code: "eligible_roles_unseen".to_owned(), detail, needs: Needs::Operator }
}

/// The note about access that Graph does not show, or that no action looks at. It is no reason to call a run partial.
fn access_unseen(user: &Account) -> Left {
    let detail = format!(
        "Gatehouse does not look at other access of {user}: to shared and other people's mailboxes, as administrator of \
         SharePoint sites, to groups in Privileged Identity Management; nor at holds on its mailbox and files. Check these \
         by hand where they matter"
    );
    Left { code: "access_unseen".to_owned(), detail, needs: Needs::Nobody }
}

fn stays(user: &Account, role: &RoleAssignment) -> Left {
    let detail = format!(
        "{user} may activate role {}; grant {TAKES_BACK}, or remove it in Privileged Identity Management",
        name(role)
    );
    Left { code: "eligible_role".to_owned(), detail, needs: Needs::Operator }
}

fn name(role: &RoleAssignment) -> &str {
    role.role_definition_id.as_deref().unwrap_or("unknown")
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, role, is_active } = self;
        match is_active {
            true => write!(f, "take role {} back from {user} (assignment {})", name(role), role.id),
            false => write!(f, "take from {user} that it may activate role {}", name(role)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use crate::{Entry, Scenario};
    use msgraph::User;
    use msgraph_emulator::{Application, Tenant};
    use outcome::Mode;
    use workflow::Answer;

    fn role(id: &str, role: &str) -> RoleAssignment {
        RoleAssignment { id: id.into(), role_definition_id: Some(role.into()), directory_scope_id: None }
    }

    fn plan(eligible: Option<Vec<RoleAssignment>>, takes_back: bool) -> (Vec<String>, Vec<String>) {
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let assignments = vec![role("a", "r"), role("b", "r")];
        let observed = Observed { person, assignments, eligible, takes_back };
        let plan = RemoveDirectoryRoles::plan(&params, &observed).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, but_access_unseen(plan.left))
    }

    /// The codes without that of the note about every person.
    fn but_access_unseen(left: Vec<Left>) -> Vec<String> {
        let mut codes: Vec<_> = left.into_iter().map(|left| left.code).collect();
        assert_eq!(codes.pop().as_deref(), Some("access_unseen"), "last, and once: {codes:?}");
        codes
    }

    #[test]
    fn every_role_is_a_change_of_its_own_and_what_stays_is_named() {
        let active =
            ["take role r back from user 1 (assignment a)", "take role r back from user 1 (assignment b)"];
        let active = active.map(str::to_owned).to_vec();
        let (changes, left) = plan(Some(vec![role("c", "s")]), true);
        assert_eq!(changes[..2], active);
        assert_eq!((changes[2].as_str(), left.len()), ("take from user 1 that it may activate role s", 0));
        assert_eq!(plan(Some(vec![]), true), (active.clone(), vec![]));
        let left = |code: &str| vec![code.to_owned()];
        assert_eq!(plan(Some(vec![role("c", "s")]), false), (active.clone(), left("eligible_role")));
        assert_eq!(plan(None, true), (active, left("eligible_roles_unseen")));
    }

    /// The outcome for Ada, who may activate a role, in this tenant.
    async fn of(tenant: Tenant, application: Application) -> (bool, Vec<String>) {
        let ada = msgraph_emulator::User::new("ada@contoso.example", "Ada Lovelace");
        let tenant = tenant.application(application).user(ada.eligible_for("Reader"));
        let params = serde_json::json!({ "user": "ada@contoso.example" });
        let bench = Bench::with(Entry::of::<RemoveDirectoryRoles>(), Scenario { tenant, params });
        let report = bench.run(Mode::Apply).await;
        let is_changed = matches!(report.answer, Answer::Changed(_));
        assert!(!matches!(report.answer, Answer::Failed(_)), "{report:?}");
        (is_changed, but_access_unseen(report.left))
    }

    #[tokio::test]
    async fn a_role_that_the_person_may_activate_is_never_passed_over_in_silence() {
        let with = |role: &str| Application::default().role(role).role("RoleManagement.ReadWrite.Directory");
        let rows = [
            (Tenant::empty(), with(TAKES_BACK), (true, vec![])),
            (Tenant::empty(), with("User.Read.All"), (false, vec!["eligible_role".to_owned()])),
        ];
        for (tenant, application, expected) in rows {
            assert_eq!(of(tenant, application).await, expected);
        }
    }
}
