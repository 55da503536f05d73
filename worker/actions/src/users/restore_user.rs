//! Makes true: the person has the account back that was deleted within the last 30 days, with its licences,
//! memberships and mailbox.
//!
//! **Needs** `User.DeleteRestore.All` and `User.Read.All`; for an administrator the application also needs a directory
//! role.
//! **Refuses** `user_not_found` (no account, and none deleted within 30 days); `ambiguous_user` (several deleted
//! accounts had this name or number; lists their ids); `upn_taken` (another object has the name or an address now);
//! `upn_invalid`; `permission_missing`.
//! **Idempotent because** it looks for the account first, and only then among the deleted ones.
//!
//! The account comes back as it was: one that was blocked stays blocked until `enable_account`.

use std::fmt;

use msgraph::{DirectoryObject, RestoreTerms, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::users::names::{IfTaken, Names};
use crate::{Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RestoreUser;

/// The account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The new sign-in name of the restored account, without accents and spaces, if somebody else has the former name
    /// by now. An account that was not deleted keeps its name.
    new_user_principal_name: Option<String>,
    /// Whether the restored account loses those of its addresses that another object has by now.
    #[serde(default)]
    give_up_taken_addresses: bool,
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
    terms: RestoreTerms,
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

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Restore>, Error> {
        match observed.deleted.as_slice() {
            [] => observed.person.account().map(|_| Plan::nothing()),
            [one] => Ok(Plan::in_order([Restore { user: one.id.clone(), terms: params.terms()? }])),
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
        graph.restore_user(&change.user, &change.terms).await.map_err(|error| match error.status() {
            // Microsoft does not document which of the two Graph answers; code and text are those of a taken name.
            Some(400 | 409) if error.is_already_exists() => {
                let detail = format!(
                    "another object now has the name or an address of deleted user {}; set new_user_principal_name or \
                     give_up_taken_addresses, or rename that one first",
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

impl Params {
    fn terms(&self) -> Result<RestoreTerms, Error> {
        let name = self.new_user_principal_name.as_deref().map(|name| Names::of(name, &IfTaken::default()));
        Ok(RestoreTerms {
            new_user_principal_name: name.transpose()?.and_then(|names| names.all().first().cloned()),
            auto_reconcile_proxy_conflict: self.give_up_taken_addresses,
        })
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restore the account of user {}", self.user)?;
        if self.terms.new_user_principal_name.is_some() {
            f.write_str(" under the new name")?;
        }
        if self.terms.auto_reconcile_proxy_conflict {
            f.write_str(", without addresses that are taken")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use msgraph_emulator::{Tenant, User};
    use workflow::Answer;

    #[test]
    fn it_restores_the_one_that_was_deleted() {
        let present =
            || Person::Present(Box::new(msgraph::User { id: "1".into(), ..msgraph::User::default() }));
        let rows = [
            (present(), vec![], Ok(0)),
            (Person::Absent, vec!["1"], Ok(1)),
            (Person::Absent, vec!["1", "2"], Err("ambiguous_user".to_owned())),
            (Person::Absent, vec![], Err("user_not_found".to_owned())),
        ];
        for (person, deleted, expected) in rows {
            let deleted = deleted.into_iter().map(|id| DirectoryObject { id: id.into(), odata_type: None });
            let observed = Observed { person, deleted: deleted.collect() };
            let params =
                serde_json::from_value(serde_json::json!({ "user": "ada@contoso.example" })).unwrap();
            let plan = RestoreUser::plan(&params, &observed).map(|plan| plan.changes().count());
            assert_eq!(plan.map_err(|error| outcome::Failure::from(error).code), expected);
        }
    }

    #[tokio::test]
    async fn a_name_or_an_address_that_is_taken_by_now_can_be_given_up() {
        let mail = "ada@contoso.example";
        let other = User::new("a.byron@contoso.example", "Ada Byron").with("mail", mail);
        let tenant = || {
            let deleted = User::new("ada@contoso.example", "Ada Lovelace").with("mail", mail);
            Tenant::empty().deleted_user(deleted).user(other.clone())
        };
        let run = async |more: serde_json::Value| {
            let mut params = serde_json::json!({ "user": "ada@contoso.example" });
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let entry = crate::roster().into_iter().find(|entry| entry.name == RestoreUser::NAME).unwrap();
            let bench = Bench::with(entry, crate::Scenario { tenant: tenant(), params });
            (bench.run(outcome::Mode::Apply).await.answer, bench)
        };
        let (Answer::Failed(refused), _) = run(serde_json::json!({})).await else {
            panic!("the address is taken")
        };
        assert_eq!(refused.code, "upn_taken");
        assert!(refused.message.contains("give_up_taken_addresses"), "{refused}");
        let terms = serde_json::json!({
            "new_user_principal_name": "Ada.König@contoso.example", "give_up_taken_addresses": true,
        });
        let (answer, bench) = run(terms).await;
        assert!(!matches!(answer, Answer::Failed(_)), "{answer:?}");
        let id = bench.emulator.with_tenant(|tenant| tenant.user_id("Ada.Konig@contoso.example"));
        assert!(id.is_some(), "{:?}", bench.emulator.effects());
    }
}
