//! Groups by name or id, and why Graph cannot change the members of some.

use futures_util::future::try_join_all;
use msgraph::{Group, GroupKind};
use outcome::{Left, Needs};

use crate::{Error, View};

/// Why Graph cannot change a group's members.
pub struct Restriction {
    /// Stable, `snake_case`.
    pub code: &'static str,
    /// The rest of the sentence that begins with the group's id.
    pub because: &'static str,
    /// Whether an operator should change the members elsewhere.
    pub needs: Needs,
}

/// The groups that the application may change besides ordinary ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Groups that can hold directory roles. Also `true` if that is not known.
    pub role_groups: bool,
}

impl Rights {
    /// The rights that the token grants.
    pub async fn observe(graph: View<'_>) -> Result<Self, Error> {
        let grants = graph.grants().await?;
        Ok(Self { role_groups: grants.permissions.is_empty() || grants.covers(GOVERNS_ROLES) })
    }
}

/// The permission to change a group that can hold directory roles.
const GOVERNS_ROLES: &str = "RoleManagement.ReadWrite.Directory";

/// Why Graph cannot change the members of a group, if so.
pub fn restriction(group: &Group, rights: Rights) -> Option<Restriction> {
    let (code, because, needs) = match group.kind() {
        GroupKind::RoleAssignable if !rights.role_groups => (
            "role_assignable_group",
            "can hold directory roles; grant RoleManagement.ReadWrite.Directory",
            Needs::Operator,
        ),
        GroupKind::Security | GroupKind::Microsoft365 | GroupKind::RoleAssignable => return None,
        GroupKind::Dynamic => {
            ("dynamic_group", "follows its membership rule; change the rule", Needs::Nobody)
        }
        GroupKind::Synced => {
            ("synced_group", "is mastered on premises; change it in Active Directory", Needs::Operator)
        }
        GroupKind::DistributionList => {
            ("distribution_list", "is a distribution list; change it in Exchange", Needs::Operator)
        }
        GroupKind::MailEnabledSecurity => {
            ("mail_enabled_group", "is a mail-enabled security group; change it in Exchange", Needs::Operator)
        }
        GroupKind::Untold => (
            "group_kind_unseen",
            "is of a kind that Microsoft Graph does not tell; look at it in the Microsoft 365 admin center",
            Needs::Operator,
        ),
        GroupKind::Unreadable => {
            ("unreadable_group", "cannot be read; grant GroupMember.Read.All", Needs::Operator)
        }
    };
    Some(Restriction { code, because, needs })
}

/// Refuses groups that can hold directory roles, unless the workflow's author wrote their names out: membership in them
/// can be worth the tenant, so no event may choose one.
///
/// # Errors
///
/// `role_group_not_named`.
pub fn refuse_unnamed<'a>(
    groups: impl IntoIterator<Item = &'a Group>,
    is_written_out: bool,
    parameter: &'static [&'static str],
) -> Result<(), Error> {
    match groups.into_iter().find(|group| group.can_hold_roles() && !is_written_out) {
        None => Ok(()),
        Some(group) => Err(Error::rejected(
            parameter,
            "role_group_not_named",
            format!(
                "group {} can hold directory roles, so only a workflow file can name it, in a list without templates",
                group.id
            ),
        )),
    }
}

/// Leaves a group that can hold directory roles without a successor as its owner: an event would choose who that is.
pub fn ownership_left(group: &Group) -> Left {
    let detail = format!(
        "group {} can hold directory roles and has no other owner who can sign in; choose one",
        group.id
    );
    Left { code: "role_assignable_group".to_owned(), detail, needs: Needs::Operator }
}

impl Restriction {
    /// The refusal of an addition: the publisher has to change the request or, if only a permission is missing, an
    /// operator has to grant it.
    pub fn refusal(&self, detail: String) -> Error {
        match self.code {
            code @ "role_assignable_group" => Error::blocked(code, detail),
            code => Error::rejected(&["groups", "teams"], code, detail),
        }
    }

    /// The note of a removal that leaves the group alone.
    pub fn left(&self, group: &Group) -> Left {
        let detail = format!("group {} {}", group.id, self.because);
        Left { code: self.code.to_owned(), detail, needs: self.needs }
    }
}

/// Names the permission that a refused write to a group's members or owners needs.
pub fn missing_permission(members: &str, permission: &str, group: &str, role_assignable: bool) -> String {
    let needed = if role_assignable {
        "RoleManagement.ReadWrite.Directory, because the group can hold directory roles"
    } else {
        permission
    };
    format!("changing the {members} of group {group} needs {needed}")
}

/// Names the permission that a refused membership write needs.
pub fn missing_for_members(group: &str, role_assignable: bool) -> String {
    missing_permission("members", "GroupMember.ReadWrite.All", group, role_assignable)
}

/// The groups with these names or ids.
///
/// # Errors
///
/// `group_not_found` and `ambiguous_group`; the latter lists the candidates' ids.
pub async fn resolve(references: &[String], graph: View<'_>) -> Result<Vec<Group>, Error> {
    graph.look_up_groups(&references.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let found = try_join_all(references.iter().map(async |reference| {
        let group = only_one(reference, graph.groups_with(reference).await?)?;
        group.ok_or_else(|| {
            Error::rejected(
                &["groups"],
                "group_not_found",
                format!("group `{reference}` not found; check the name or id"),
            )
        })
    }));
    let mut groups: Vec<Group> = Vec::with_capacity(references.len());
    for group in found.await? {
        if !groups.iter().any(|known| known.id == group.id) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// The groups with these names or ids, each once, and a note on every reference that means none or several: what was
/// given back once may be gone the next time, and one group that is gone is no reason to leave the others.
pub async fn find(references: &[String], graph: View<'_>) -> Result<(Vec<Group>, Vec<Left>), Error> {
    graph.look_up_groups(&references.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let found = references.iter().map(async |reference| graph.groups_with(reference).await);
    let found = try_join_all(found).await?;
    let (mut groups, mut left) = (Vec::<Group>::with_capacity(references.len()), Vec::new());
    for ((number, reference), mut found) in (1..).zip(references).zip(found) {
        let ids: Vec<_> = found.iter().map(|group| group.id.clone()).collect();
        match (found.pop(), found.is_empty()) {
            (Some(group), true) if groups.iter().any(|known| known.id == group.id) => {}
            (Some(group), true) => groups.push(group),
            (Some(_), false) => left.push(Left {
                code: "ambiguous_group".to_owned(),
                detail: format!(
                    "entry {number} of the groups is the name of {} groups; use one of the ids {}",
                    ids.len(),
                    ids.join(", ")
                ),
                needs: Needs::Operator,
            }),
            (None, _) => left.push(left_missing(number, reference)),
        }
    }
    Ok((groups, left))
}

/// The note on a reference that means no group. A name can be somebody's, so only an id is written out.
fn left_missing(number: usize, reference: &str) -> Left {
    let detail = match uuid::Uuid::try_parse(reference) {
        Ok(id) => format!("group {id} does not exist any more"),
        Err(_) => format!("no group has the name that is entry {number} of the groups; use its object id"),
    };
    Left { code: "group_not_found".to_owned(), detail, needs: Needs::Nobody }
}

fn only_one(name: &str, mut found: Vec<Group>) -> Result<Option<Group>, Error> {
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|group| group.id.as_str()).collect();
        let detail =
            format!("{} groups have the name `{name}`; use one of the ids {}", found.len(), ids.join(", "));
        return Err(Error::rejected(&["groups"], "ambiguous_group", detail));
    }
    Ok(found.pop())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The rights to change every kind of group that Graph can change.
    pub(crate) const ALL: Rights = Rights { role_groups: true };

    /// A security group whose members are assigned by hand.
    pub(crate) fn security(id: &str) -> Group {
        Group {
            id: id.into(),
            mail_enabled: Some(false),
            security_enabled: Some(true),
            assigned_licenses: Some(Vec::new()),
            ..Group::default()
        }
    }

    /// A team.
    pub(crate) fn team(id: &str) -> Group {
        Group {
            mail_enabled: Some(true),
            group_types: Some(vec!["Unified".into()]),
            resource_provisioning_options: vec!["Team".into()],
            ..security(id)
        }
    }

    #[test]
    fn a_group_that_can_hold_roles_is_named_by_an_author_only() {
        let powerful = || Group { is_assignable_to_role: Some(true), ..security("g") };
        let refused = refuse_unnamed(&[security("s"), powerful()], false, &["groups"]).unwrap_err();
        let failure = outcome::Failure::from(refused);
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (outcome::Class::Rejected, "role_group_not_named")
        );
        assert!(refuse_unnamed(&[powerful()], true, &["groups"]).is_ok());
        assert!(refuse_unnamed(&[security("s")], false, &["groups"]).is_ok());
    }

    #[test]
    fn a_group_that_can_hold_roles_needs_its_permission() {
        let group = Group { is_assignable_to_role: Some(true), ..security("g") };
        assert!(restriction(&group, ALL).is_none());
        let restriction = restriction(&group, Rights { role_groups: false }).unwrap();
        assert_eq!((restriction.code, restriction.needs), ("role_assignable_group", Needs::Operator));
        let failure = outcome::Failure::from(restriction.refusal(String::new()));
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (outcome::Class::Blocked, "role_assignable_group")
        );
    }
}
