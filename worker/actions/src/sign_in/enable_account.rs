//! Makes true: the person can sign in.
//!
//! **Needs** `User.EnableDisableAccount.All` and `User.Read.All`; for an administrator the application also needs a
//! directory role.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; enable it there); `permission_missing`.
//! **Idempotent because** it reads `accountEnabled` and writes only if that is not `true`.

use std::fmt;

use msgraph::Writer;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct EnableAccount;

/// The account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// Allows sign-in.
#[derive(Debug, PartialEq)]
pub struct Enable {
    user: Account,
}

impl Action for EnableAccount {
    const NAME: &'static str = "enable_account";
    const MAKES_TRUE: &'static str = "The person can sign in";
    const NEEDS: &'static [&'static str] = &["User.EnableDisableAccount.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Person;
    type Change = Enable;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Person, Error> {
        graph.person(&params.user, &["id", "accountEnabled", "onPremisesSyncEnabled"]).await
    }

    fn plan(_: &Params, person: &Person) -> Result<Plan<Enable>, Error> {
        let (user, seen) = person.account()?;
        // If this plan creates the account, it creates it enabled.
        if seen.is_none_or(|seen| seen.account_enabled == Some(true)) {
            return Ok(Plan::nothing());
        }
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!(
                    "{user} is mastered on premises; enable it in Active Directory and wait for the sync"
                ),
            ));
        }
        Ok(Plan::in_order([Enable { user }]))
    }

    async fn apply(change: &Enable, graph: Writer<'_>) -> Result<(), Error> {
        graph.set_account_enabled(change.user.id()?, true).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "enabling needs User.EnableDisableAccount.All, and for an administrator's account also a directory \
                 role (Privileged Authentication Administrator) on the application"
                    .to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "edsger@contoso.example" }))
    }
}

impl fmt::Display for Enable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enable the account of {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    fn plan(person: &Person) -> Result<usize, String> {
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let plan = EnableAccount::plan(&params, person);
        plan.map(|plan| plan.changes().count()).map_err(|error| outcome::Failure::from(error).code)
    }

    #[test]
    fn it_enables_what_is_disabled_and_ours_to_enable() {
        let seen = |enabled: Option<bool>, synced: Option<bool>| {
            plan(&Person::Present(Box::new(User {
                id: "1".into(),
                account_enabled: enabled,
                on_premises_sync_enabled: synced,
                ..User::default()
            })))
        };
        assert_eq!(seen(Some(false), None), Ok(1));
        assert_eq!(seen(None, None), Ok(1));
        assert_eq!(seen(Some(true), None), Ok(0));
        assert_eq!(seen(Some(true), Some(true)), Ok(0));
        assert_eq!(seen(Some(false), Some(true)), Err("synced_user".to_owned()));
        assert_eq!(plan(&Person::ToBeCreated), Ok(0));
        assert_eq!(plan(&Person::Absent), Err("user_not_found".to_owned()));
    }
}
