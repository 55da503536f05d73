//! Makes true: the person has the account back that was deleted within the last 30 days, with its licences,
//! memberships and mailbox.
//!
//! **Needs** `User.DeleteRestore.All` and `User.Read.All`; for an administrator the application also needs a directory
//! role.
//! **Refuses** `user_not_found` (no account, and none deleted within 30 days); `ambiguous_user` (several deleted
//! accounts had this name or number; lists their ids); `upn_taken` (another person has the name now);
//! `permission_missing`.
//! **Idempotent because** it looks for the account first, and only then among the deleted ones.
//!
//! The account comes back as it was: one that was blocked stays blocked until `enable_account`.

use std::fmt;

use msgraph::{DirectoryObject, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RestoreUser;

/// The account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account, or the deleted ones.
pub struct Observed {
    person: Person,
    deleted: Vec<DirectoryObject>,
}

/// Restores the account.
#[derive(Debug, PartialEq)]
pub struct Restore {
    user: String,
}

impl Action for RestoreUser {
    const NAME: &'static str = "restore_user";
    const MAKES_TRUE: &'static str = "The person has the account back that was deleted within 30 days";
    const NEEDS: &'static [&'static str] = &["User.DeleteRestore.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Restore;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let deleted = match person {
            Person::Absent => graph.deleted_users(&graph.key(&params.user)).await?,
            Person::Present(_) | Person::ToBeCreated => Vec::new(),
        };
        Ok(Observed { person, deleted })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Restore>, Error> {
        match observed.deleted.as_slice() {
            [] => observed.person.account().map(|_| Plan::nothing()),
            [one] => Ok(Plan::in_order([Restore { user: one.id.clone() }])),
            several => {
                let ids: Vec<_> = several.iter().map(|deleted| deleted.id.as_str()).collect();
                let detail = format!(
                    "{} deleted accounts had this name or number; set entra_id to one of {}",
                    ids.len(),
                    ids.join(", ")
                );
                Err(Error::rejected(&["user"], "ambiguous_user", detail))
            }
        }
    }

    async fn apply(change: &Restore, graph: Writer<'_>) -> Result<(), Error> {
        graph.restore_user(&change.user).await.map_err(|error| match error.status() {
            // Microsoft does not document which of the two Graph answers; code and text are those of a taken name.
            Some(400 | 409) if error.is_already_exists() => {
                let detail = format!(
                    "another object now has the name or an address of deleted user {}; rename that one first",
                    change.user
                );
                Error::blocked("upn_taken", detail).explains(error)
            }
            _ => Error::from(error).or_missing("permission_missing", || {
                "restoring needs User.DeleteRestore.All, and for an administrator's account also a directory role \
                 (Privileged Authentication Administrator) on the application"
                    .to_owned()
            }),
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "alumna@contoso.example" });
        crate::Scenario::new(params)
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restore the account of user {}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    #[test]
    fn it_restores_the_one_that_was_deleted() {
        let present = || Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let rows = [
            (present(), vec![], Ok(0)),
            (Person::Absent, vec!["1"], Ok(1)),
            (Person::Absent, vec!["1", "2"], Err("ambiguous_user".to_owned())),
            (Person::Absent, vec![], Err("user_not_found".to_owned())),
        ];
        for (person, deleted, expected) in rows {
            let deleted = deleted.into_iter().map(|id| DirectoryObject { id: id.into(), odata_type: None });
            let observed = Observed { person, deleted: deleted.collect() };
            let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
            let plan = RestoreUser::plan(&params, &observed).map(|plan| plan.changes().count());
            assert_eq!(plan.map_err(|error| outcome::Failure::from(error).code), expected);
        }
    }
}
