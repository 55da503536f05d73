//! Makes true: the person has this manager.
//!
//! **Needs** `User.ReadWrite.All`.
//! **Refuses** `user_not_found`; `manager_not_found`; `own_manager`; `synced_user` (mastered on premises; set it
//! there).
//! **Idempotent because** it reads the manager and writes only a different one; the write replaces.

use std::fmt;

use futures_util::future::try_join;
use msgraph::Writer;
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct SetManager;

/// The person and the manager.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The manager. Defaults to the event's manager.
    manager: PersonRef,
}

/// The account, its manager, and the requested one.
pub struct Observed {
    person: Person,
    current: Option<String>,
    wanted: Option<String>,
}

/// Sets the manager.
#[derive(Debug, PartialEq)]
pub struct Set {
    user: Account,
    manager: String,
}

impl Action for SetManager {
    const NAME: &'static str = "set_manager";
    const MAKES_TRUE: &'static str = "The person has this manager";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("manager", "{{ manager }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Set;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        graph.must_find(&params.manager, not_found).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let wanted = async { graph.other(&params.manager, &["id"]).await };
        let (person, wanted) =
            try_join(graph.person(&params.user, &["id", "onPremisesSyncEnabled"]), wanted).await?;
        let current = match &person {
            Person::Present(user) => graph.manager(&user.id).await?.map(|manager| manager.id),
            Person::ToBeCreated | Person::Absent => None,
        };
        Ok(Observed { person, current, wanted: wanted.map(|manager| manager.id) })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Set>, Error> {
        let (user, seen) = observed.person.account()?;
        let Some(manager) = observed.wanted.clone() else {
            return Err(not_found());
        };
        if user == Account::Known(manager.clone()) {
            return Err(Error::rejected(
                &["user", "manager"],
                "own_manager",
                format!("{user} cannot be its own manager"),
            ));
        }
        if observed.current.as_ref() == Some(&manager) {
            return Ok(Plan::nothing());
        }
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!("{user} is mastered on premises; set its manager in Active Directory"),
            ));
        }
        Ok(Plan::in_order([Set { user, manager }]))
    }

    fn takes(observed: &Observed, changes: &[&Set]) -> Vec<Taken> {
        let Some(before) = &observed.current else { return Vec::new() };
        let taken = changes.iter().filter_map(|change| {
            Some(change.user.loses(TakenKind::Manager)?.with("manager", before.clone()))
        });
        taken.collect()
    }

    async fn apply(change: &Set, graph: Writer<'_>) -> Result<(), Error> {
        Ok(graph.set_manager(change.user.id()?, &change.manager).await?)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "ada@contoso.example", "manager": "grace@contoso.example" });
        crate::Scenario::new(params)
    }
}

fn not_found() -> Error {
    Error::rejected(
        &["manager"],
        "manager_not_found",
        "no account found for the manager; check manager.entra_id, upn or employee_id",
    )
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "make user {} the manager of {}", self.manager, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_sets_a_manager_who_exists_and_is_another() {
        let rows = [
            (None, Some("2"), Ok(1)),
            (Some("3"), Some("2"), Ok(1)),
            (Some("2"), Some("2"), Ok(0)),
            (None, None, Err("manager_not_found")),
            (None, Some("1"), Err("own_manager")),
        ];
        for (current, wanted, expected) in rows {
            let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
            let reference: PersonRef = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: reference.clone(), manager: reference };
            let observed =
                Observed { person, current: current.map(Into::into), wanted: wanted.map(Into::into) };
            let plan = SetManager::plan(&params, &observed).map(|plan| plan.changes().count());
            assert_eq!(
                plan.map_err(|error| outcome::Failure::from(error).code),
                expected.map_err(String::from)
            );
        }
    }
}
