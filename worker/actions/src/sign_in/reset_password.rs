//! Makes true: the password that the person had at the time of the event no longer works, and nobody knows the new
//! one.
//!
//! **Needs** `User-PasswordProfile.ReadWrite.All` and `User.Read.All`; for an administrator the application also
//! needs a directory role.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; reset it there); `role_missing` (the person is
//! an administrator, and the application is known to hold no role); `permission_missing`.
//! **Idempotent because** it reads `lastPasswordChangeDateTime` and writes only if that lies before the event's time.
//! **Caveat:** Graph does not say who changed a password. A password that the person sets after the event's time
//! counts as the reset: block sign-in first.

use std::fmt;

use jiff::Timestamp;
use msgraph::{Priority, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
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
    /// A password set before this time is replaced. Defaults to the event's time. A time in the future counts as now.
    #[schemars(with = "Moment")]
    set_before: Timestamp,
}

/// The account, and the current time.
pub struct Observed {
    person: Person,
    role: PrivilegedRole,
    now: Timestamp,
}

/// Replaces the password by one that nobody knows.
#[derive(Debug, PartialEq)]
pub struct Reset {
    user: Account,
}

impl Action for ResetPassword {
    const NAME: &'static str = "reset_password";
    const MAKES_TRUE: &'static str = "A password set before the event is replaced by one nobody knows";
    const NEEDS: &'static [&'static str] = &["User-PasswordProfile.ReadWrite.All", "User.Read.All"];
    const PRIORITY: Priority = Priority::LockOut;
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("set_before", "{{ event.time }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Reset;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let select = ["id", "lastPasswordChangeDateTime", "onPremisesSyncEnabled"];
        let (person, role) = PrivilegedRole::with_person(&params.user, &select, graph).await?;
        Ok(Observed { person, role, now: Timestamp::now() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Reset>, Error> {
        let (user, seen) = observed.person.account()?;
        // If this plan creates the account, its password is one that nobody knows.
        let Some(seen) = seen else { return Ok(Plan::nothing()) };
        let set_before = params.set_before.min(observed.now);
        let changed = seen.last_password_change_date_time;
        // Graph keeps whole seconds, so moments within one second are equal.
        if changed.is_some_and(|changed| changed.as_second() >= set_before.as_second()) {
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
        let params =
            serde_json::json!({ "user": "ada@contoso.example", "set_before": "2026-01-01T00:00:00Z" });
        crate::Scenario::new(params)
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
    fn it_replaces_a_password_once_for_an_event() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let rows = [
            (None, None, "2026-03-01T09:00:00Z", Ok(1)),
            (Some("2026-02-01T09:00:00Z"), None, "2026-03-01T09:00:00Z", Ok(1)),
            (Some("2026-03-01T09:00:00Z"), None, "2026-03-01T09:00:00.7Z", Ok(0)),
            (Some("2026-03-01T09:00:01Z"), None, "2026-03-01T09:00:00Z", Ok(0)),
            // A publisher's clock is ahead: the event counts as of now, so its result is final.
            (Some("2026-03-02T00:00:00Z"), None, "2026-04-01T00:00:00Z", Ok(0)),
            (Some("2026-02-01T09:00:00Z"), Some(true), "2026-03-01T09:00:00Z", Err("synced_user".to_owned())),
            (Some("2026-03-01T09:00:00Z"), Some(true), "2026-03-01T09:00:00Z", Ok(0)),
        ];
        for (changed, synced, set_before, expected) in rows {
            let user = User {
                id: "1".into(),
                last_password_change_date_time: changed.map(at),
                on_premises_sync_enabled: synced,
                ..User::default()
            };
            let user_ref = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: user_ref, set_before: at(set_before) };
            let observed = Observed {
                person: Person::Present(Box::new(user)),
                role: PrivilegedRole::NONE,
                now: at("2026-03-02T00:00:00Z"),
            };
            let plan = ResetPassword::plan(&params, &observed).map(|plan| plan.changes().count());
            let plan = plan.map_err(|error| outcome::Failure::from(error).code);
            assert_eq!(plan, expected, "{changed:?} {set_before}");
        }
    }
}
