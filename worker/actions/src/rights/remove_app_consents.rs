//! Makes true: no application may act in the person's name by the person's consent.
//!
//! **Needs** `DelegatedPermissionGrant.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Leaves** consents that an administrator gave for everybody.
//! **Idempotent because** it reads the person's consents and removes those it finds; "not found" counts as removed.

use std::fmt;

use msgraph::{PermissionGrant, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveAppConsents;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account and its consents.
pub struct Observed {
    person: Person,
    grants: Vec<PermissionGrant>,
}

/// Withdraws a consent.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    grant: PermissionGrant,
}

impl Action for RemoveAppConsents {
    const NAME: &'static str = "remove_app_consents";
    const MAKES_TRUE: &'static str = "No application may act in the person's name by the person's consent";
    const NEEDS: &'static [&'static str] = &["DelegatedPermissionGrant.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let grants = match &person {
            Person::Present(user) => graph.permission_grants(&user.id).await?,
            Person::ToBeCreated | Person::Absent => Vec::new(),
        };
        Ok(Observed { person, grants })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, seen) = observed.person.account()?;
        let own = |grant: &&PermissionGrant| seen.is_some_and(|seen| grant.is_own(&seen.id));
        let grants = observed.grants.iter().filter(own).cloned();
        Ok(Plan::together(grants.map(|grant| Remove { user: user.clone(), grant })))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::AppConsent)?
                    .with("application", change.grant.client_id.clone())
                    .with("scope", change.grant.scope.clone()),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_permission_grant(&change.grant.id).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "withdrawing a consent needs DelegatedPermissionGrant.ReadWrite.All".to_owned()
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
        let PermissionGrant { id, client_id, .. } = &self.grant;
        write!(f, "withdraw consent {id} of {} to application {client_id}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn only_the_persons_own_consents_are_withdrawn() {
        let grant = |id: &str, consent_type: &str, principal: Option<&str>| PermissionGrant {
            id: id.into(),
            client_id: "app".into(),
            consent_type: Some(consent_type.into()),
            principal_id: principal.map(Into::into),
            scope: None,
        };
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let grants = vec![
            grant("own", "Principal", Some("1")),
            grant("another's", "Principal", Some("2")),
            grant("everybody's", "AllPrincipals", None),
        ];
        let plan = RemoveAppConsents::plan(&params, &Observed { person, grants }).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        assert_eq!(changes, ["withdraw consent own of user 1 to application app"]);
    }
}
