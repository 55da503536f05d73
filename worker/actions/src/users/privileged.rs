//! People whose accounts Graph changes only for an application that holds a directory role itself.
//!
//! An application with permissions alone may not change sign-in, password, mobile number or the account of a person
//! who holds a directory role, or is in a group that can hold one (Microsoft Graph documentation, "Users: who can
//! perform sensitive actions", 2026). Graph's refusal does not say so, and comes only with the write.

use futures_util::future::try_join;
use msgraph::Administers;

use crate::{Account, Error, Person, PersonRef, View};

/// The actions that take such roles away. If one of them ran before, its roles count as gone, in a dry run too.
const ENDS_ROLES: &str = "remove_directory_roles";
const ENDS_GROUPS: &str = "remove_from_groups";

/// The role or group that makes the person an administrator whom the application is known not to be able to change.
#[derive(Debug, Default, PartialEq)]
pub struct PrivilegedRole(Option<Administers>);

impl PrivilegedRole {
    /// None is known.
    pub const NONE: Self = Self(None);

    /// Looks for one. If it cannot be read it counts as none, and Graph decides.
    pub async fn look(user_id: &str, graph: View<'_>) -> Result<Self, Error> {
        let grants = graph.grants().await?;
        let is_told = grants.role_templates.is_some();
        if is_told && grants.may_change_administrators() {
            return Ok(Self::NONE);
        }
        if graph.administers_nothing(user_id) {
            return Ok(Self::NONE);
        }
        let by = match graph.administers(user_id).await {
            Err(error) if error.is_forbidden() || error.is_not_found() => return Ok(Self::NONE),
            found => found?.into_iter().find(|by| !is_ended(by, graph)),
        };
        if by.is_none() || grants.is_delegated {
            return Ok(Self(by.filter(|_| is_told)));
        }
        // The token can be an hour old: a role may have been assigned meanwhile.
        match graph.own_roles().await {
            Ok(roles) if roles.iter().any(msgraph::DirectoryRole::may_change_administrators) => {
                Ok(Self::NONE)
            }
            Ok(_) => Ok(Self(by)),
            Err(error) if error.is_forbidden() => Ok(Self(by.filter(|_| is_told))),
            Err(error) => Err(error.into()),
        }
    }

    /// The person's account, and such a role of the person; both reads at once if the reference can stand in a path.
    pub async fn with_person(
        person: &PersonRef,
        select: &[&str],
        graph: View<'_>,
    ) -> Result<(Person, Self), Error> {
        let role = async {
            match graph.in_path(person) {
                Some(name) => Self::look(&name, graph).await.map(Some),
                None => Ok(None),
            }
        };
        let ((found, is_named), role) = try_join(graph.find(person, select), role).await?;
        let role = match (&found, role.filter(|_| is_named)) {
            (Person::Present(_), Some(role)) => role,
            (Person::Present(user), None) => Self::look(&user.id, graph).await?,
            (Person::ToBeCreated | Person::Absent, _) => Self::NONE,
        };
        Ok((found, role))
    }

    /// Rejects the change that Graph would refuse.
    ///
    /// # Errors
    ///
    /// `role_missing`.
    pub fn check(&self, user: &Account, what: &str) -> Result<(), Error> {
        let because = match &self.0 {
            None => return Ok(()),
            Some(Administers::Role(role)) => format!("holds directory role {role}"),
            Some(Administers::Group(group)) => {
                format!("is in group {group}, which can hold directory roles")
            }
        };
        let detail = format!(
            "{user} {because}, so {what} needs a directory role on the application itself: assign it Privileged \
             Authentication Administrator, or remove the person's role first"
        );
        Err(Error::blocked("role_missing", detail))
    }

    /// A role of the person, for tests.
    #[cfg(test)]
    pub(crate) fn holding(id: &str) -> Self {
        Self(Some(Administers::Role(id.to_owned())))
    }
}

fn is_ended(by: &Administers, graph: View<'_>) -> bool {
    graph.was_changed(match by {
        Administers::Role(_) => ENDS_ROLES,
        Administers::Group(_) => ENDS_GROUPS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::client::client;
    use msgraph_emulator::{Application, Emulator, Group, Options, Tenant, User};
    use outcome::{Finished, Outcome, Record, Told};
    use workflow::Earlier;

    /// What this application finds about a person after these steps, and the number of requests.
    async fn look(upn: &str, application: Application, earlier: &[Record]) -> (PrivilegedRole, usize) {
        let tenant = Tenant::empty()
            .application(application)
            .user(User::new("ada@contoso.example", "Ada Lovelace"))
            .user(User::new("grace@contoso.example", "Grace Hopper").holding_role("User Administrator"))
            .user(User::new("edsger@contoso.example", "Edsger Dijkstra"))
            .group(Group::role_assignable("Operators").member("edsger@contoso.example"));
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let client = client(&emulator);
        let reader = View::new(client.reader(), Earlier::new(earlier), None);
        let role = PrivilegedRole::look(upn, reader).await.unwrap();
        (role, emulator.journal().iter().filter(|entry| !entry.token).count())
    }

    fn done(action: &str) -> Record {
        let finished = Finished {
            stage: "rights".into(),
            step: action.into(),
            action: action.into(),
            outcome: Outcome::Changed,
            changes: 1,
            left: Vec::new(),
            failure: None,
            reason: None,
        };
        Record { finished, told: Told::default() }
    }

    #[tokio::test]
    async fn only_an_administrator_costs_more_than_one_read() {
        let ordinary = Application::default;
        assert_eq!(look("ada@contoso.example", ordinary(), &[]).await, (PrivilegedRole::NONE, 1));
        assert_eq!(
            look("grace@contoso.example", ordinary().privileged(), &[]).await,
            (PrivilegedRole::NONE, 0)
        );
        for (upn, by) in [("grace", "holds directory role"), ("edsger", "is in group")] {
            let (role, requests) = look(&format!("{upn}@contoso.example"), ordinary(), &[]).await;
            let refusal = role.check(&Account::ToBeCreated, "deletion").unwrap_err();
            assert!(refusal.to_string().contains(by), "{refusal}");
            assert_eq!(requests, 2, "{upn}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_and_what_the_run_has_taken_away_is_no_obstacle() {
        let blind = Application::default().roles(&["User.Read.All"]);
        assert_eq!(look("grace@contoso.example", blind, &[]).await, (PrivilegedRole::NONE, 1));
        let runs = [("grace", "remove_directory_roles"), ("edsger", "remove_from_groups")];
        for (upn, action) in runs {
            let earlier = [done(action)];
            let (role, _) = look(&format!("{upn}@contoso.example"), Application::default(), &earlier).await;
            assert_eq!(role, PrivilegedRole::NONE, "{upn}");
        }
    }
}
