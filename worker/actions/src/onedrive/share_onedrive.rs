//! Makes true: another person can open the person's files where they are.
//!
//! **Needs** `Files.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `recipient_not_found` and `own_recipient`; `permission_missing`; a locked site
//! (`object_locked`).
//! **Leaves** a person without a OneDrive, with a note: a licence alone does not create one.
//! **Idempotent because** it reads the drive's permissions, and Graph treats a second invitation as the first.
//! **Caveat:** the files still belong to the person and go with the OneDrive: thirty days after the account, unless
//! the tenant keeps them longer.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{Permission, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct ShareOnedrive;

/// The person and the recipient.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The person who gets access. Defaults to the manager.
    with: PersonRef,
    /// What the recipient may do with the files.
    #[serde(default)]
    role: Role,
}

/// What the recipient may do with the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read and copy them.
    #[default]
    Read,
    /// Also change and delete them.
    Write,
}

/// The person, the drive's permissions if there is a drive, and the recipient.
pub struct Observed {
    person: Person,
    permissions: Option<Vec<Permission>>,
    with: Option<String>,
}

/// Gives the recipient access.
#[derive(Debug, PartialEq)]
pub struct Share {
    user: Account,
    with: String,
    role: Role,
}

impl Action for ShareOnedrive {
    const NAME: &'static str = "share_onedrive";
    const MAKES_TRUE: &'static str = "The manager or another recipient can open the person's files";
    const NEEDS: &'static [&'static str] = &["Files.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("with", "{{ manager }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Share;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        graph.must_find(&params.with, not_found).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let with = async { Ok(graph.other(&params.with, &["id"]).await?.map(|user| user.id)) };
        let (person, with) = try_join(graph.person(&params.user, &["id"]), with).await?;
        let permissions = match &person {
            Person::Present(user) => graph.drive_permissions(&user.id).await?,
            Person::ToBeCreated | Person::Absent => None,
        };
        Ok(Observed { person, permissions, with })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Share>, Error> {
        let (user, _) = observed.person.account()?;
        let Some(with) = observed.with.clone() else {
            return Err(not_found());
        };
        if user == Account::Known(with.clone()) {
            let detail = format!("{user} already owns these files; set `with` to another person");
            return Err(Error::rejected(&["user", "with"], "own_recipient", detail));
        }
        let Some(permissions) = &observed.permissions else {
            let detail = format!("{user} has no OneDrive, so there is nothing to share");
            let left = vec![Left { code: "no_drive".to_owned(), detail, needs: Needs::Nobody }];
            return Ok(Plan::nothing().leaving(left));
        };
        let role = params.role;
        let existing = permissions.iter().filter(|permission| permission.is_for(&with));
        let is_enough = |permission: &Permission| permission.roles.iter().any(|held| role.is_within(held));
        if existing.into_iter().any(is_enough) {
            return Ok(Plan::nothing());
        }
        Ok(Plan::in_order([Share { user, with, role }]))
    }

    async fn apply(change: &Share, graph: Writer<'_>) -> Result<(), Error> {
        let role = change.role.as_str();
        graph.share_drive(change.user.id()?, &change.with, role).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "sharing a OneDrive needs Files.ReadWrite.All".to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "grace@contoso.example", "with": "ada@contoso.example" });
        crate::Scenario::new(params)
    }
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Whether this role of Graph's includes it.
    fn is_within(self, held: &str) -> bool {
        matches!(held, "write" | "owner") || self == Self::Read && held == "read"
    }
}

fn not_found() -> Error {
    Error::rejected(
        &["with"],
        "recipient_not_found",
        "no account found for the recipient; check `with` (default: the manager)",
    )
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "let user {} {} the files of {}", self.with, self.role.as_str(), self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;
    use serde_json::json;

    fn plan(role: Role, permissions: Option<Vec<(&str, &str)>>) -> Plan<Share> {
        let permissions = permissions.map(|permissions| {
            let of = |(user, role): (&str, &str)| {
                json!({
                    "id": "p", "roles": [role], "grantedToV2": { "user": { "id": user } },
                })
            };
            permissions.into_iter().map(|one| serde_json::from_value(of(one)).unwrap()).collect()
        });
        let name = |text: &str| serde_json::from_value(text.into()).unwrap();
        let params = Params { user: name("grace@contoso.example"), with: name("ada@contoso.example"), role };
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        ShareOnedrive::plan(&params, &Observed { person, permissions, with: Some("2".into()) }).unwrap()
    }

    #[test]
    fn a_recipient_with_access_is_not_invited_again() {
        assert_eq!(plan(Role::Read, Some(vec![("1", "owner"), ("2", "write")])), Plan::nothing());
        let more = plan(Role::Write, Some(vec![("2", "read")]));
        let more: Vec<_> = more.changes().map(ToString::to_string).collect();
        assert_eq!(more, ["let user 2 write the files of user 1"]);
        assert_eq!(plan(Role::Read, Some(vec![("3", "read")])).changes().count(), 1);
    }

    #[test]
    fn a_missing_drive_is_reported() {
        let plan = plan(Role::Read, None);
        assert_eq!((plan.changes().count(), plan.left[0].code.as_str()), (0, "no_drive"));
    }
}
