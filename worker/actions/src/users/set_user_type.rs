//! Makes true: the person is a member of the organization or a guest in it.
//!
//! **Needs** `User.ReadWrite.All`.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; change it there).
//! **Idempotent because** it reads `userType` and writes only a different one.
//!
//! The way to sign in stays: a member who becomes a guest keeps the password.

use std::fmt;

use msgraph::{UserPatch, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct SetUserType;

/// The person and the type.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The type to set.
    user_type: UserType,
}

/// A person's type in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserType {
    /// Belongs to the organization and may browse its directory.
    Member,
    /// Comes from outside and sees little of the directory.
    Guest,
}

/// Sets the type.
#[derive(Debug, PartialEq)]
pub struct Set {
    user: Account,
    user_type: UserType,
}

impl Action for SetUserType {
    const NAME: &'static str = "set_user_type";
    const MAKES_TRUE: &'static str = "The person is a member or a guest, as requested";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Person;
    type Change = Set;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Person, Error> {
        graph.person(&params.user, &["id", "userType", "onPremisesSyncEnabled"]).await
    }

    fn plan(params: &Params, person: &Person) -> Result<Plan<Set>, Error> {
        let (user, seen) = person.account()?;
        let user_type = params.user_type;
        // If this plan creates the account, it creates a member.
        let current = seen.map_or(Some(UserType::Member.name()), |seen| seen.user_type.as_deref());
        if current.is_some_and(|current| current.eq_ignore_ascii_case(user_type.name())) {
            return Ok(Plan::nothing());
        }
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!("{user} is mastered on premises; change its type in Active Directory"),
            ));
        }
        Ok(Plan::in_order([Set { user, user_type }]))
    }

    fn takes(person: &Person, changes: &[&Set]) -> Vec<Taken> {
        let before = person.account().ok().and_then(|(_, seen)| seen?.user_type.clone());
        let Some(before) = before else { return Vec::new() };
        let taken = changes.iter().filter_map(|change| {
            Some(change.user.loses(TakenKind::UserType)?.with("user_type", before.to_lowercase()))
        });
        taken.collect()
    }

    async fn apply(change: &Set, graph: Writer<'_>) -> Result<(), Error> {
        let user_type = Some(change.user_type.name().to_owned());
        let patch = UserPatch { user_type, ..UserPatch::default() };
        Ok(graph.update_user(change.user.id()?, &patch).await?)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "ada@contoso.example", "user_type": "guest" });
        crate::Scenario::new(params)
    }
}

impl UserType {
    /// Graph's word.
    fn name(self) -> &'static str {
        match self {
            Self::Member => "Member",
            Self::Guest => "Guest",
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = match self.user_type {
            UserType::Member => "a member",
            UserType::Guest => "a guest",
        };
        write!(f, "make {} {article}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_writes_another_type_where_it_is_ours_to_write() {
        let rows = [
            (Some("Member"), None, UserType::Guest, Ok(1)),
            (Some("Guest"), None, UserType::Member, Ok(1)),
            (Some("Guest"), None, UserType::Guest, Ok(0)),
            // Accounts from before 2014 have none.
            (None, None, UserType::Member, Ok(1)),
            (Some("Member"), Some(true), UserType::Member, Ok(0)),
            (Some("Member"), Some(true), UserType::Guest, Err("synced_user")),
        ];
        for (current, synced, user_type, expected) in rows {
            let user = User {
                id: "1".into(),
                user_type: current.map(Into::into),
                on_premises_sync_enabled: synced,
                ..User::default()
            };
            let reference = serde_json::from_value("ada@contoso.example".into()).unwrap();
            let params = Params { user: reference, user_type };
            let plan = SetUserType::plan(&params, &Person::Present(Box::new(user)));
            let plan = plan.map(|plan| plan.changes().count());
            assert_eq!(
                plan.map_err(|error| outcome::Failure::from(error).code),
                expected.map_err(String::from)
            );
        }
    }
}
