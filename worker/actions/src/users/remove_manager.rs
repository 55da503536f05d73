//! Makes true: the person has no manager.
//!
//! **Needs** `User.ReadWrite.All`.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; remove the manager there).
//! **Idempotent because** it reads the manager and writes only if there is one; "has none" counts as removed.

use std::fmt;

use msgraph::Writer;
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveManager;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account and its manager.
pub struct Observed {
    person: Person,
    manager: Option<String>,
}

/// Removes the manager.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    manager: String,
}

impl Action for RemoveManager {
    const NAME: &'static str = "remove_manager";
    const MAKES_TRUE: &'static str = "The person has no manager";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id", "onPremisesSyncEnabled"]).await?;
        let manager = match &person {
            Person::Present(user) => graph.manager(&user.id).await?.map(|manager| manager.id),
            Person::ToBeCreated | Person::Absent => None,
        };
        Ok(Observed { person, manager })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, seen) = observed.person.account()?;
        let Some(manager) = observed.manager.clone() else { return Ok(Plan::nothing()) };
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!("{user} is mastered on premises; remove its manager in Active Directory"),
            ));
        }
        Ok(Plan::in_order([Remove { user, manager }]))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(change.user.loses(TakenKind::Manager)?.with("manager", change.manager.clone()))
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        Ok(graph.remove_manager(change.user.id()?).await?)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "edsger@contoso.example" }))
    }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove manager {} from {}", self.manager, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_removes_a_manager_who_is_there_and_ours_to_remove() {
        let rows = [
            (Some("2"), None, Ok(1)),
            (None, None, Ok(0)),
            (None, Some(true), Ok(0)),
            (Some("2"), Some(true), Err("synced_user")),
        ];
        for (manager, synced, expected) in rows {
            let user = User { id: "1".into(), on_premises_sync_enabled: synced, ..User::default() };
            let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
            let person = Person::Present(Box::new(user));
            let observed = Observed { person, manager: manager.map(Into::into) };
            let plan = RemoveManager::plan(&params, &observed).map(|plan| plan.changes().count());
            assert_eq!(
                plan.map_err(|error| outcome::Failure::from(error).code),
                expected.map_err(String::from)
            );
        }
    }
}
