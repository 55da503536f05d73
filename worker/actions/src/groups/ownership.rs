//! Who answers for groups, teams and channels, and who takes over from somebody who leaves.

use futures_util::future::try_join_all;
use msgraph::{Group, GroupKind, Owner, User};

use crate::groups::membership::{self as groups, Restriction, Rights};
use crate::{Account, Error, PersonRef, View};

/// The action that gives ownership away: what it did earlier in a run need not be done or said again.
const TRANSFERS: &str = "transfer_group_ownership";

/// The most owners a group may have (Microsoft Entra service limits, 2025).
pub const MOST_OWNERS: usize = 100;

/// A group somebody owns, and everybody who does.
#[derive(Debug)]
pub struct Owned {
    /// The group.
    pub group: Group,
    /// Its owners; none where they are not ours to change.
    pub owners: Vec<Owner>,
}

impl Owned {
    /// Whether nobody else could answer for it.
    pub fn is_last(&self, user_id: &str) -> bool {
        !self.owners.iter().any(|owner| owner.id != user_id && owner.can_act())
    }
}

/// Every group a person owns.
pub async fn owned_by(user_id: &str, rights: Rights, graph: View<'_>) -> Result<Vec<Owned>, Error> {
    with_owners(graph.groups_owned_by(user_id).await?, rights, graph).await
}

/// These groups with their owners. Where Graph changes no owners it is not asked for them.
pub async fn with_owners(groups: Vec<Group>, rights: Rights, graph: View<'_>) -> Result<Vec<Owned>, Error> {
    let owned = groups.into_iter().map(async |group| {
        let owners = match restriction(&group, rights) {
            None => graph.owners(&group.id).await?,
            Some(_) => Vec::new(),
        };
        Ok(Owned { group, owners })
    });
    try_join_all(owned).await
}

/// What keeps the owners of a group from being changed through Graph, if anything. A rule decides about members only.
pub fn restriction(group: &Group, rights: Rights) -> Option<Restriction> {
    groups::restriction(group, rights).filter(|_| group.kind() != GroupKind::Dynamic)
}

/// Whether an earlier step of the run has given ownership away, or would have.
pub fn is_transferred(graph: View<'_>) -> bool {
    graph.was_changed(TRANSFERS)
}

/// Who is to take over.
#[derive(Debug, Default)]
pub struct Successor {
    is_named: bool,
    user: Option<User>,
}

impl Successor {
    /// Looks the person up.
    pub async fn observe(to: Option<&PersonRef>, graph: View<'_>) -> Result<Self, Error> {
        let Some(to) = to else { return Ok(Self::default()) };
        let user = graph.user(to.key(), &["id", "accountEnabled", "userType"]).await?;
        Ok(Self { is_named: true, user })
    }

    /// The object id of somebody who can take over from this person.
    ///
    /// # Errors
    ///
    /// `replacement_missing`, `replacement_not_found`, `own_replacement`, `replacement_disabled`,
    /// `replacement_is_guest`.
    pub fn of(&self, leaver: &Account) -> Result<&str, Error> {
        let (code, what) = match &self.user {
            None if !self.is_named => ("replacement_missing", "nobody is named to take over".to_owned()),
            None => ("replacement_not_found", "the tenant has no account for who is to take over".to_owned()),
            Some(user) if Account::Known(user.id.clone()) == *leaver => {
                ("own_replacement", format!("{leaver} cannot take over from itself"))
            }
            Some(user) if user.account_enabled == Some(false) => {
                ("replacement_disabled", format!("user {}, who is to take over, cannot sign in", user.id))
            }
            Some(user)
                if user.user_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("guest")) =>
            {
                ("replacement_is_guest", format!("user {}, who is to take over, is a guest", user.id))
            }
            Some(user) => return Ok(&user.id),
        };
        Err(Error::rejected(code, format!("{what}; name another in `to`, by default the manager")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Somebody with this object id who can take over.
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
    fn who_cannot_answer_for_anything_does_not_take_over() {
        let leaver = Account::Known("1".into());
        let code = |successor: Successor| {
            let usable = successor.of(&leaver).map(str::to_owned);
            usable.map_err(|error| workflow::Failure::from(error).code)
        };
        let with = |user: User| Successor { is_named: true, user: Some(user) };
        let two = || User { id: "2".into(), ..User::default() };
        assert_eq!(code(with(two())), Ok("2".to_owned()));
        assert_eq!(code(Successor::default()), Err("replacement_missing".to_owned()));
        let nobody = Successor { is_named: true, user: None };
        assert_eq!(code(nobody), Err("replacement_not_found".to_owned()));
        assert_eq!(code(successor("1")), Err("own_replacement".to_owned()));
        let disabled = User { account_enabled: Some(false), ..two() };
        assert_eq!(code(with(disabled)), Err("replacement_disabled".to_owned()));
        let guest = User { user_type: Some("Guest".into()), ..two() };
        assert_eq!(code(with(guest)), Err("replacement_is_guest".to_owned()));
    }

    #[test]
    fn an_owner_who_cannot_act_leaves_the_other_one_the_last() {
        let is_last = |owners: &[&str]| owned(Group::default(), owners).is_last("1");
        assert!(is_last(&["1"]) && is_last(&["1", "2!"]) && !is_last(&["1", "2"]));
    }
}
