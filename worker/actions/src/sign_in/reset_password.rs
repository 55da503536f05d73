//! Makes true: the password that the person had when the worker saw the event no longer works, and nobody knows the
//! new one.
//!
//! **Needs** `User-PasswordProfile.ReadWrite.All` and `User.Read.All`; for an administrator the application also
//! needs a directory role.
//! Whether the person is an administrator it sees only with `GroupMember.ReadBasic.All` or a permission that includes
//! it, and with `RoleManagement.Read.Directory`; without them Graph alone decides.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; reset it there); `role_missing` (the person is
//! an administrator, and the application is known to hold no role); `permission_missing`.
//! **Idempotent because** it reads `lastPasswordChangeDateTime` and writes only if that can lie before the time at
//! which the step became due.
//! **Caveat:** Graph does not say who changed a password. A password that the person sets after that time counts as
//! the reset: block sign-in first.

use std::fmt;

use jiff::Timestamp;
use msgraph::{Priority, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
use crate::sign_in::cutoff::Cutoff;
use crate::users::password::new_password;
use crate::users::privileged::PrivilegedRole;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct ResetPassword;

/// The person and the password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// A password set before this time is replaced. Defaults to the time at which the worker first saw the event, or
    /// to the end of the stage's delay. A time in the future counts as now.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    set_before: Option<Timestamp>,
}

/// The account, and which passwords have to be replaced.
pub struct Observed {
    person: Person,
    role: PrivilegedRole,
    cutoff: Cutoff,
}

/// Replaces the password by one that nobody knows.
#[derive(Debug, PartialEq)]
pub struct Reset {
    user: Account,
}

impl Action for ResetPassword {
    const NAME: &'static str = "reset_password";
    const MAKES_TRUE: &'static str =
        "A password set before the worker saw the event is replaced by one nobody knows";
    const NEEDS: &'static [&'static str] = &["User-PasswordProfile.ReadWrite.All", "User.Read.All"];
    const PRIORITY: Priority = Priority::LockOut;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Reset;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let select = ["id", "lastPasswordChangeDateTime", "onPremisesSyncEnabled"];
        let (person, role) = PrivilegedRole::with_person(&params.user, &select, graph).await?;
        Ok(Observed { person, role, cutoff: Cutoff::of(params.set_before, graph) })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Reset>, Error> {
        let (user, seen) = observed.person.account()?;
        // If this plan creates the account, its password is one that nobody knows.
        let Some(seen) = seen else { return Ok(Plan::nothing()) };
        if observed.cutoff.is_before(seen.last_password_change_date_time) {
            return Ok(Plan::nothing());
        }
        if seen.on_premises_sync_enabled == Some(true) {
            return Err(Error::blocked(
                "synced_user",
                format!("{user} is mastered on premises; reset its password in Active Directory"),
            ));
        }
        observed.role.check(&user, "resetting the password")?;
        Ok(Plan::in_order([Reset { user }]))
    }

    fn takes(_: &Self::Observed, changes: &[&Reset]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| change.user.loses(TakenKind::Password));
        taken.collect()
    }

    async fn apply(change: &Reset, graph: Writer<'_>) -> Result<(), Error> {
        graph.set_password(change.user.id()?, &new_password()).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "resetting a password needs User-PasswordProfile.ReadWrite.All, and for an administrator's account \
                 also a directory role (Privileged Authentication Administrator) on the application"
                    .to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "ada@contoso.example" }))
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reset the password of {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_replaces_a_password_once_for_an_event_however_old_that_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (due, now) = (at("2026-03-01T09:00:00Z"), at("2026-03-02T00:00:00Z"));
        let synced = || Err("synced_user".to_owned());
        let rows = [
            (None, None, None, Ok(1)),
            (Some("2026-03-01T08:59:59Z"), None, None, Ok(1)),
            (Some("2026-03-01T09:05:00Z"), None, None, Ok(0)),
            (Some("2026-03-01T08:59:59Z"), Some("2026-02-01T09:00:00Z"), None, Ok(0)),
            // A workflow gives a time to come: it counts as now, so the step's result is final.
            (Some("2026-03-02T00:00:00Z"), Some("2026-04-01T00:00:00Z"), None, Ok(0)),
            (Some("2026-02-01T09:00:00Z"), None, Some(true), synced()),
            (Some("2026-03-01T09:05:00Z"), None, Some(true), Ok(0)),
        ];
        for (changed, given, on_premises_sync_enabled, expected) in rows {
            let user = User {
                id: "1".into(),
                last_password_change_date_time: changed.map(at),
                on_premises_sync_enabled,
                ..User::default()
            };
            let user_ref = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: user_ref, set_before: None };
            let cutoff = Cutoff::at(given.map(at), due, now);
            let person = Person::Present(Box::new(user));
            let observed = Observed { person, role: PrivilegedRole::NONE, cutoff };
            let plan = ResetPassword::plan(&params, &observed).map(|plan| plan.changes().count());
            let plan = plan.map_err(|error| outcome::Failure::from(error).code);
            assert_eq!(plan, expected, "{changed:?} {given:?}");
        }
    }
}
