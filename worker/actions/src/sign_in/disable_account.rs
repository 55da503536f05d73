//! Makes true: the person cannot sign in.
//!
//! **Needs** `User.EnableDisableAccount.All` and `User.Read.All`; for an administrator the application also needs a
//! directory role.
//! Whether the person is an administrator it sees only with `GroupMember.ReadBasic.All` or a permission that includes
//! it, and with `RoleManagement.Read.Directory`; without them Graph alone decides.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; disable it there); `role_missing` (the person
//! is an administrator, and the application is known to hold no role); `permission_missing`.
//! **Idempotent because** it reads `accountEnabled` and writes only if that is not `false`.

use std::fmt;

use msgraph::{Priority, UserPatch, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::users::privileged::PrivilegedRole;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct DisableAccount;

/// The account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// Blocks sign-in.
#[derive(Debug, PartialEq)]
pub struct Disable {
    user: Account,
}

impl Action for DisableAccount {
    const NAME: &'static str = "disable_account";
    const MAKES_TRUE: &'static str = "The person cannot sign in";
    const NEEDS: &'static [&'static str] = &["User.EnableDisableAccount.All", "User.Read.All"];
    const PRIORITY: Priority = Priority::LockOut;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = (Person, PrivilegedRole);
    type Change = Disable;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Self::Observed, Error> {
        let select = ["id", "accountEnabled", "onPremisesSyncEnabled"];
        PrivilegedRole::with_person(&params.user, &select, graph).await
    }

    fn plan(_: &Params, (person, role): &Self::Observed) -> Result<Plan<Disable>, Error> {
        let (user, seen) = person.account()?;
        if seen.is_some_and(|seen| seen.account_enabled == Some(false)) {
            return Ok(Plan::nothing());
        }
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!(
                    "{user} is mastered on premises; disable it in Active Directory and wait for the sync"
                ),
            ));
        }
        role.check(&user, "blocking sign-in")?;
        Ok(Plan::in_order([Disable { user }]))
    }

    fn takes(_: &Self::Observed, changes: &[&Disable]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| change.user.loses(TakenKind::SignIn));
        taken.collect()
    }

    async fn apply(change: &Disable, graph: Writer<'_>) -> Result<(), Error> {
        let patch = UserPatch { account_enabled: Some(false), ..UserPatch::default() };
        graph.update_user(change.user.id()?, &patch).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "disabling needs User.EnableDisableAccount.All, and for an administrator's account also a directory \
                 role (Privileged Authentication Administrator) on the application"
                    .to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "ada@contoso.example" }))
    }
}

impl fmt::Display for Disable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disable the account of {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    fn plan(enabled: Option<bool>, synced: Option<bool>) -> Result<usize, String> {
        decide(enabled, synced, PrivilegedRole::NONE)
    }

    fn decide(enabled: Option<bool>, synced: Option<bool>, role: PrivilegedRole) -> Result<usize, String> {
        let user = User {
            id: "1".into(),
            account_enabled: enabled,
            on_premises_sync_enabled: synced,
            ..User::default()
        };
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let plan = DisableAccount::plan(&params, &(Person::Present(Box::new(user)), role));
        plan.map(|plan| plan.changes().count()).map_err(|error| outcome::Failure::from(error).code)
    }

    #[test]
    fn it_disables_what_is_enabled_and_ours_to_disable() {
        assert_eq!(plan(Some(true), None), Ok(1));
        assert_eq!(plan(None, None), Ok(1));
        assert_eq!(plan(Some(false), None), Ok(0));
        assert_eq!(plan(Some(false), Some(true)), Ok(0));
        assert_eq!(plan(Some(true), Some(true)), Err("synced_user".to_owned()));
    }

    #[test]
    fn an_administrator_whom_the_application_may_not_change_is_told_before_the_attempt() {
        assert_eq!(decide(Some(true), None, PrivilegedRole::holding("r")), Err("role_missing".to_owned()));
        assert_eq!(
            decide(Some(false), None, PrivilegedRole::holding("r")),
            Ok(0),
            "there is nothing to change"
        );
    }
}
