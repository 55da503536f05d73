//! Makes true: sessions that the person opened before the worker saw the event have ended.
//!
//! **Needs** `User.RevokeSessions.All` and `User.Read.All`.
//! **Refuses** `user_not_found`.
//! **Idempotent because** it reads `signInSessionsValidFromDateTime` and writes only if that can lie before the time at
//! which the step became due. Access tokens already issued stay valid until they expire, about an hour later.

use std::fmt;

use jiff::Timestamp;
use msgraph::{Priority, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
use crate::sign_in::cutoff::Cutoff;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RevokeSessions;

/// The person and the sessions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Sessions opened before this time end. Defaults to the time at which the worker first saw the event, or to the
    /// end of the stage's delay. A time in the future counts as now.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    opened_before: Option<Timestamp>,
}

/// The account, and which sessions have to end.
pub struct Observed {
    person: Person,
    cutoff: Cutoff,
}

/// Ends the sessions.
#[derive(Debug, PartialEq)]
pub struct Revoke {
    user: Account,
}

impl Action for RevokeSessions {
    const NAME: &'static str = "revoke_sessions";
    const MAKES_TRUE: &'static str = "Sessions opened before the worker saw the event have ended";
    const NEEDS: &'static [&'static str] = &["User.RevokeSessions.All", "User.Read.All"];
    const PRIORITY: Priority = Priority::LockOut;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Revoke;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id", "signInSessionsValidFromDateTime"]).await?;
        Ok(Observed { person, cutoff: Cutoff::of(params.opened_before, graph) })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Revoke>, Error> {
        let (user, seen) = observed.person.account()?;
        let ended = seen.and_then(|seen| seen.sign_in_sessions_valid_from_date_time);
        if observed.cutoff.is_before(ended) {
            return Ok(Plan::nothing());
        }
        Ok(Plan::in_order([Revoke { user }]))
    }

    async fn apply(change: &Revoke, graph: Writer<'_>) -> Result<(), Error> {
        Ok(graph.revoke_sessions(change.user.id()?).await?)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "ada@contoso.example" }))
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
    fn it_ends_sessions_once_for_an_event_however_old_that_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (due, now) = (at("2026-03-01T09:00:00Z"), at("2026-03-02T00:00:00Z"));
        let rows = [
            (None, None, 1),
            (Some("2026-03-01T08:59:59Z"), None, 1),
            (Some("2026-03-01T09:05:00Z"), None, 0),
            (Some("2026-03-01T08:59:59Z"), Some("2026-02-01T09:00:00Z"), 0),
            // A workflow gives a time to come: it counts as now, so the step's result is final.
            (Some("2026-03-02T00:00:00Z"), Some("2026-04-01T00:00:00Z"), 0),
        ];
        for (ended, given, changes) in rows {
            let user = User {
                id: "1".into(),
                sign_in_sessions_valid_from_date_time: ended.map(at),
                ..User::default()
            };
            let user_ref = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: user_ref, opened_before: None };
            let cutoff = Cutoff::at(given.map(at), due, now);
            let observed = Observed { person: Person::Present(Box::new(user)), cutoff };
            let plan = RevokeSessions::plan(&params, &observed).unwrap();
            assert_eq!(plan.changes().count(), changes, "{ended:?} {given:?}");
        }
    }
}
