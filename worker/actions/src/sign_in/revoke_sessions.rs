//! Makes true: sessions that the person opened before the event have ended.
//!
//! **Needs** `User.RevokeSessions.All` and `User.Read.All`.
//! **Refuses** `user_not_found`.
//! **Idempotent because** it reads `signInSessionsValidFromDateTime` and writes only if that lies before the event's
//! time. Access tokens already issued stay valid until they expire, about an hour later.

use std::fmt;

use jiff::Timestamp;
use msgraph::{Priority, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RevokeSessions;

/// The person and the sessions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Sessions opened before this time end. Defaults to the event's time. A time in the future counts as now.
    #[schemars(with = "Moment")]
    opened_before: Timestamp,
}

/// The account, and the current time.
pub struct Observed {
    person: Person,
    now: Timestamp,
}

/// Ends the sessions.
#[derive(Debug, PartialEq)]
pub struct Revoke {
    user: Account,
}

impl Action for RevokeSessions {
    const NAME: &'static str = "revoke_sessions";
    const MAKES_TRUE: &'static str = "Sessions opened before the event have ended";
    const NEEDS: &'static [&'static str] = &["User.RevokeSessions.All", "User.Read.All"];
    const PRIORITY: Priority = Priority::LockOut;
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("opened_before", "{{ event.time }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Revoke;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id", "signInSessionsValidFromDateTime"]).await?;
        Ok(Observed { person, now: Timestamp::now() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Revoke>, Error> {
        let (user, seen) = observed.person.account()?;
        let opened_before = params.opened_before.min(observed.now);
        let ended = seen.and_then(|seen| seen.sign_in_sessions_valid_from_date_time);
        // Graph keeps whole seconds, so moments within one second are equal.
        if ended.is_some_and(|ended| ended.as_second() >= opened_before.as_second()) {
            return Ok(Plan::nothing());
        }
        Ok(Plan::in_order([Revoke { user }]))
    }

    async fn apply(change: &Revoke, graph: Writer<'_>) -> Result<(), Error> {
        Ok(graph.revoke_sessions(change.user.id()?).await?)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params =
            serde_json::json!({ "user": "ada@contoso.example", "opened_before": "2026-01-01T00:00:00Z" });
        crate::Scenario::new(params)
    }
}

impl fmt::Display for Revoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "end the sessions of {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_ends_sessions_once_for_an_event() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let rows = [
            (None, "2026-03-01T09:00:00Z", 1),
            (Some("2026-02-01T09:00:00Z"), "2026-03-01T09:00:00Z", 1),
            (Some("2026-03-01T09:00:00Z"), "2026-03-01T09:00:00.7Z", 0),
            (Some("2026-03-01T09:00:01Z"), "2026-03-01T09:00:00Z", 0),
            // A publisher's clock is ahead: the event counts as of now, so its result is final.
            (Some("2026-03-02T00:00:00Z"), "2026-04-01T00:00:00Z", 0),
        ];
        for (ended, opened_before, changes) in rows {
            let user = User {
                id: "1".into(),
                sign_in_sessions_valid_from_date_time: ended.map(at),
                ..User::default()
            };
            let user_ref = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: user_ref, opened_before: at(opened_before) };
            let observed =
                Observed { person: Person::Present(Box::new(user)), now: at("2026-03-02T00:00:00Z") };
            let plan = RevokeSessions::plan(&params, &observed).unwrap();
            assert_eq!(plan.changes().count(), changes, "{ended:?} {opened_before}");
        }
    }
}
