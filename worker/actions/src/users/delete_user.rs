//! Makes true: the person has no account; for 30 days `restore_user` brings it back.
//!
//! **Needs** `User.DeleteRestore.All` and `User.Read.All`; for an administrator the application also needs a directory
//! role.
//! Whether the person is an administrator it sees only with `GroupMember.ReadBasic.All` or a permission that includes
//! it, and with `RoleManagement.Read.Directory`; without them Graph alone decides.
//! **Refuses** `user_not_found` (no account, and none deleted within 30 days: a wrong name is likelier than a
//! deletion); `synced_user` (mastered on premises; delete it there); `role_missing` (the person is an administrator,
//! and the application is known to hold no role); `permission_missing`; after a pause `person_returned`,
//! `person_changed`.
//! **Idempotent because** it looks for the account, then among the deleted ones; "not found" counts as deleted.
//!
//! Mailbox, files and licences go with the account. Put it in a stage of its own, after the steps that need them.

use std::fmt;

use msgraph::Writer;
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::users::privileged::PrivilegedRole;
use crate::users::properties;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct DeleteUser;

/// The account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account, or whether it was deleted.
pub struct Observed {
    person: Person,
    role: PrivilegedRole,
    was_deleted: bool,
}

/// Deletes the account.
#[derive(Debug, PartialEq)]
pub struct Delete {
    user: Account,
}

impl Action for DeleteUser {
    const NAME: &'static str = "delete_user";
    const MAKES_TRUE: &'static str = "The person has no account; for 30 days it can be restored";
    const NEEDS: &'static [&'static str] = &["User.DeleteRestore.All", "User.Read.All"];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Delete;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let select = [properties::SELECT, &["userPrincipalName", "userType"]].concat();
        let (person, role) = PrivilegedRole::with_person(&params.user, &select, graph).await?;
        let was_deleted = match person {
            Person::Absent => !graph.deleted_users(&graph.key(&params.user)).await?.is_empty(),
            Person::Present(_) | Person::ToBeCreated => false,
        };
        Ok(Observed { person, role, was_deleted })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Delete>, Error> {
        if observed.was_deleted {
            return Ok(Plan::nothing());
        }
        let (user, seen) = observed.person.account()?;
        if seen.is_some_and(|seen| seen.on_premises_sync_enabled == Some(true)) {
            return Err(Error::blocked(
                "synced_user",
                format!(
                    "{user} is mastered on premises; delete it in Active Directory and wait for the sync"
                ),
            ));
        }
        observed.role.check(&user, "deleting the account")?;
        Ok(Plan::in_order([Delete { user }]))
    }

    fn takes(observed: &Observed, changes: &[&Delete]) -> Vec<Taken> {
        let Ok((_, Some(seen))) = observed.person.account() else { return Vec::new() };
        let taken = changes.iter().filter_map(|change| {
            Some(change.user.loses(TakenKind::Account)?.with_text(properties::of_account(seen)))
        });
        taken.collect()
    }

    async fn apply(change: &Delete, graph: Writer<'_>) -> Result<(), Error> {
        graph.delete_user(change.user.id()?).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "deleting needs User.DeleteRestore.All, and for an administrator's account also a directory role \
                 (Privileged Authentication Administrator) on the application"
                    .to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete the account of {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_deletes_what_is_there_and_ours_to_delete() {
        let present = |synced: Option<bool>| {
            let user = User { id: "1".into(), on_premises_sync_enabled: synced, ..User::default() };
            Person::Present(Box::new(user))
        };
        let rows = [
            (present(None), false, Ok(1)),
            (present(Some(true)), false, Err("synced_user".to_owned())),
            (Person::Absent, true, Ok(0)),
            (Person::Absent, false, Err("user_not_found".to_owned())),
        ];
        for (person, was_deleted, expected) in rows {
            let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
            let plan =
                DeleteUser::plan(&params, &Observed { person, role: PrivilegedRole::NONE, was_deleted });
            let plan = plan.map(|plan| plan.changes().count());
            assert_eq!(plan.map_err(|error| outcome::Failure::from(error).code), expected);
        }
    }
}
