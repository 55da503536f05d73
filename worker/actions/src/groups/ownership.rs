//! The owners of groups, teams and channels, and the successor of a person who leaves.

use msgraph::{Group, GroupKind, OwnedApplication, Owner, Ownerships, User};
use outcome::{Left, Needs};

use crate::action::looks::{self, Looks};
use crate::groups::membership::{self as groups, Restriction, Rights};
use crate::{Account, Error, PersonRef, View};

/// The action that transfers ownership: if it ran earlier, its work is neither repeated nor reported again.
const TRANSFERS: &str = "transfer_group_ownership";

/// The most owners a group may have (Microsoft Entra service limits, 2025).
pub const MOST_OWNERS: usize = 100;

/// A group that a person owns, and all its owners.
#[derive(Debug)]
pub struct Owned {
    /// The group.
    pub group: Group,
    /// Its owners; empty if Graph cannot change them.
    pub owners: Vec<Owner>,
}

impl Owned {
    /// Whether no other owner can sign in.
    pub fn is_last(&self, user_id: &str) -> bool {
        !self.owners.iter().any(|owner| owner.id != user_id && owner.can_act())
    }
}

/// Every group a person owns, and the applications.
pub async fn owned_by(
    user_id: &str,
    rights: Rights,
    graph: View<'_>,
) -> Result<(Looks<Owned>, Vec<OwnedApplication>), Error> {
    let Ownerships { groups, applications } = graph.owned_by(user_id).await?;
    Ok((with_owners(groups, rights, graph).await?, applications))
}

/// An application that the person owns: its owner may give it new secrets, and then act with its rights.
pub fn application_left(application: &OwnedApplication) -> Left {
    let OwnedApplication { id, display_name, is_registration } = application;
    let kind = if *is_registration { "the registration" } else { "the service principal" };
    let name = display_name.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    let detail = format!(
        "the person owns {kind} {id}{name} and may give it new secrets; make somebody else its owner in Microsoft Entra, \
         and end this ownership"
    );
    Left { code: "owned_application".to_owned(), detail, needs: Needs::Operator }
}

/// These groups with their owners. Owners that Graph cannot change are not read.
pub async fn with_owners(groups: Vec<Group>, rights: Rights, graph: View<'_>) -> Result<Looks<Owned>, Error> {
    let owned = groups.into_iter().map(|group| {
        let name = format!("who owns group {}", group.id);
        let look = async move {
            let owners = match restriction(&group, rights) {
                None => graph.owners(&group.id).await?,
                Some(_) => Vec::new(),
            };
            Ok(Owned { group, owners })
        };
        (name, look)
    });
    looks::at_each(owned).await
}

/// Why Graph cannot change the owners of a group, if so. A membership rule decides about members only.
pub fn restriction(group: &Group, rights: Rights) -> Option<Restriction> {
    groups::restriction(group, rights).filter(|_| group.kind() != GroupKind::Dynamic)
}

/// Whether an earlier step of the run has transferred ownership, or would in a dry run.
pub fn is_transferred(graph: View<'_>) -> bool {
    graph.was_changed(TRANSFERS)
}

/// Whether an earlier step of the run has reported on owners, as it has too if it failed.
pub fn is_reported(graph: View<'_>) -> bool {
    is_transferred(graph) || graph.has_failed(TRANSFERS)
}

/// The successor, as named and as found.
#[derive(Debug, Default)]
pub struct Successor {
    is_named: bool,
    user: Option<User>,
}

impl Successor {
    /// Looks the successor up.
    pub async fn observe(to: Option<&PersonRef>, graph: View<'_>) -> Result<Self, Error> {
        let Some(to) = to else { return Ok(Self::default()) };
        let user = graph.other(to, &["id", "accountEnabled", "userType"]).await?;
        Ok(Self { is_named: true, user })
    }

    /// Rejects a successor who is named and has no account.
    pub async fn resolve(to: Option<&PersonRef>, graph: View<'_>) -> Result<(), Error> {
        match to {
            Some(to) => graph.must_find(to, || refusal("successor_not_found", NOT_FOUND)).await,
            None => Ok(()),
        }
    }

    /// The object id of a successor who can take over from this person.
    ///
    /// # Errors
    ///
    /// `successor_missing`, `successor_not_found`, `own_successor`, `successor_disabled`, `successor_is_guest`.
    pub fn of(&self, leaver: &Account) -> Result<&str, Error> {
        let (code, what) = match &self.user {
            None if !self.is_named => ("successor_missing", "no successor is named".to_owned()),
            None => ("successor_not_found", NOT_FOUND.to_owned()),
            Some(user) if Account::Known(user.id.clone()) == *leaver => {
                ("own_successor", format!("{leaver} cannot be its own successor"))
            }
            Some(user) if user.account_enabled == Some(false) => {
                ("successor_disabled", format!("the successor, user {}, cannot sign in", user.id))
            }
            Some(user)
                if user.user_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("guest")) =>
            {
                ("successor_is_guest", format!("the successor, user {}, is a guest", user.id))
            }
            Some(user) => return Ok(&user.id),
        };
        Err(refusal(code, &what))
    }
}

const NOT_FOUND: &str = "no account found for the successor";

fn refusal(code: &'static str, what: &str) -> Error {
    Error::rejected(&["to"], code, format!("{what}; set `to` to another person (default: the manager)"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A successor with this object id who can take over.
    pub(crate) fn successor(id: &str) -> Successor {
        let user = User { id: id.into(), account_enabled: Some(true), ..User::default() };
        Successor { is_named: true, user: Some(user) }
    }

    /// A group with these owners; one whose id ends in an exclamation mark cannot sign in.
    pub(crate) fn owned(group: Group, owners: &[&str]) -> Owned {
        let owner = |id: &&str| Owner {
            id: (*id).into(),
            odata_type: Some("#microsoft.graph.user".into()),
            account_enabled: Some(!id.ends_with('!')),
        };
        Owned { group, owners: owners.iter().map(owner).collect() }
    }

    #[test]
    fn a_successor_must_exist_and_be_able_to_sign_in() {
        let leaver = Account::Known("1".into());
        let code = |successor: Successor| {
            let usable = successor.of(&leaver).map(str::to_owned);
            usable.map_err(|error| outcome::Failure::from(error).code)
        };
        let with = |user: User| Successor { is_named: true, user: Some(user) };
        let two = || User { id: "2".into(), ..User::default() };
        assert_eq!(code(with(two())), Ok("2".to_owned()));
        assert_eq!(code(Successor::default()), Err("successor_missing".to_owned()));
        let nobody = Successor { is_named: true, user: None };
        assert_eq!(code(nobody), Err("successor_not_found".to_owned()));
        assert_eq!(code(successor("1")), Err("own_successor".to_owned()));
        let disabled = User { account_enabled: Some(false), ..two() };
        assert_eq!(code(with(disabled)), Err("successor_disabled".to_owned()));
        let guest = User { user_type: Some("Guest".into()), ..two() };
        assert_eq!(code(with(guest)), Err("successor_is_guest".to_owned()));
    }

    #[test]
    fn an_owner_who_cannot_act_leaves_the_other_one_the_last() {
        let is_last = |owners: &[&str]| owned(Group::default(), owners).is_last("1");
        assert!(is_last(&["1"]) && is_last(&["1", "2!"]) && !is_last(&["1", "2"]));
    }
}
