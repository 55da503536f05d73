//! Makes true: the person owns these groups and teams.
//!
//! **Needs** `Group.ReadWrite.All` and `User.Read.All`; for teams also `TeamMember.ReadWrite.All`; for a group that
//! can hold directory roles also `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Leaves** `group_not_found` (the group is gone) and `ambiguous_group`, so that one group does not keep the person
//! from the others; synced groups, distribution lists and mail-enabled security groups, whose owners are set elsewhere;
//! `role_group_not_named` (the group can hold directory roles, and the workflow's author did not write it out);
//! `role_assignable_group` (the permission for such a group is not granted); `owner_limit` (the group has a hundred
//! owners); `team_out_of_step` (the directory shows the person as a member of a team, and Teams does not yet).
//! **Idempotent because** it reads the owners of each group, of a team from Teams, and adds the person only where it
//! is missing; "already an owner" counts as added.
//! **Caveat:** an owner of a team is also its member, an owner of any other group is not. Run it in a stage after
//! `add_to_teams`: together they could add the person to a team twice. Owners of channels are not restored.

use std::fmt;

use futures_util::future::{try_join, try_join_all};
use msgraph::{Group, GroupKind, Place, TeamMember, TeamRole, User, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::groups::membership::{self as groups, Rights};
use crate::groups::ownership::{self, MOST_OWNERS, Owned};
use crate::teams::membership as teams;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct AddGroupOwnerships;

/// The person and the groups.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Object ids or display names of groups and teams.
    groups: Vec<String>,
}

/// The account, the groups it is in, the requested groups that exist, and a note on each that does not.
pub struct Observed {
    person: Person,
    member_of: Vec<String>,
    wanted: Vec<(Owned, Vec<TeamMember>)>,
    missing: Vec<Left>,
    rights: Rights,
    is_written_out: bool,
}

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Adds an owner of a group.
    Group {
        /// The account.
        user: Account,
        /// The group's object id.
        group: String,
        /// Whether the group can hold directory roles.
        role_assignable: bool,
    },
    /// Adds an owner of a team, or makes a member one.
    Team(teams::Change),
}

impl Action for AddGroupOwnerships {
    const NAME: &'static str = "add_group_ownerships";
    const MAKES_TRUE: &'static str = "The person owns these groups and teams";
    const NEEDS: &'static [&'static str] =
        &["Group.ReadWrite.All", "TeamMember.ReadWrite.All", "User.Read.All"];
    const POWERFUL: &'static [&'static str] = &["groups"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let seen = graph.person_and_groups(&params.user, &["id"]);
        let ((person, member_of), (found, mut missing)) =
            try_join(seen, groups::find(&params.groups, graph)).await?;
        let member_of = member_of.into_iter().map(|group| group.id).collect();
        let (owned, unread) = ownership::with_owners(found, rights, graph).await?;
        missing.extend(unread);
        let wanted = owned.into_iter().map(async |owned| {
            let members = match teams::is_through_teams(&owned.group) {
                true => graph.team_members(&Place::team(&owned.group.id)).await?,
                false => Vec::new(),
            };
            Ok::<_, Error>((owned, members))
        });
        let wanted = try_join_all(wanted).await?;
        let is_written_out = graph.is_written_out("groups");
        Ok(Observed { person, member_of, wanted, missing, rights, is_written_out })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let (mut changes, mut left) = (Vec::new(), observed.missing.clone());
        for (owned, members) in &observed.wanted {
            if is_owner(owned, members, seen) {
                continue;
            }
            match left_alone(owned, observed) {
                Some(reason) => left.push(reason),
                None if teams::is_through_teams(&owned.group) => {
                    let is_member = observed.member_of.contains(&owned.group.id);
                    match of_team(&owned.group, members, is_member, &user, seen) {
                        Ok(change) => changes.push(change),
                        Err(reason) => left.push(reason),
                    }
                }
                None => changes.push(Change::Group {
                    user: user.clone(),
                    group: owned.group.id.clone(),
                    role_assignable: owned.group.kind() == GroupKind::RoleAssignable,
                }),
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let (user, group, role_assignable) = match change {
            Change::Team(change) => return change.apply(graph).await,
            Change::Group { user, group, role_assignable } => (user, group, *role_assignable),
        };
        graph.add_owner(group, user.id()?).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                groups::missing_permission("owners", "Group.ReadWrite.All", group, role_assignable)
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let gone = "6f0a8a6c-0001-4000-8000-00000000dead";
        let groups = ["Research", "Library", "Compilers", "Harbour", "Everybody", "Building 7", gone];
        crate::Scenario::new(serde_json::json!({ "user": "ada@contoso.example", "groups": groups }))
    }
}

/// Whether the person owns the group already. Of a team, Teams knows it first.
fn is_owner(owned: &Owned, members: &[TeamMember], seen: Option<&User>) -> bool {
    let Some(User { id, .. }) = seen else { return false };
    match teams::is_through_teams(&owned.group) {
        true => members.iter().any(|member| member.is(id) && member.is_owner()),
        false => owned.owners.iter().any(|owner| owner.id.eq_ignore_ascii_case(id)),
    }
}

/// Why the group gets no further owner, if so.
fn left_alone(owned: &Owned, observed: &Observed) -> Option<Left> {
    let group = &owned.group;
    let left = |code: &str, detail: String| Left { code: code.to_owned(), detail, needs: Needs::Operator };
    if group.can_hold_roles() && !observed.is_written_out {
        let detail = format!(
            "group {} can hold directory roles, so no event makes somebody its owner; decide whether the person is to \
             own it again",
            group.id
        );
        return Some(left("role_group_not_named", detail));
    }
    if let Some(restriction) = ownership::restriction(group, observed.rights) {
        return Some(restriction.left(group));
    }
    (owned.owners.len() >= MOST_OWNERS).then(|| {
        let detail = format!("group {} has {MOST_OWNERS} owners; remove one, then add the person", group.id);
        left("owner_limit", detail)
    })
}

/// The write that makes the person an owner of a team. Teams would get a member twice whom it does not show yet.
fn of_team(
    team: &Group,
    members: &[TeamMember],
    is_member: bool,
    user: &Account,
    seen: Option<&User>,
) -> Result<Change, Left> {
    let place = Place::team(&team.id);
    let membership = members.iter().find(|member| seen.is_some_and(|seen| member.is(&seen.id)));
    let (user, role) = (user.clone(), TeamRole::Owner);
    match membership {
        Some(member) => {
            let membership = member.id.clone();
            Ok(Change::Team(teams::Change::SetRole { place, membership, user, role }))
        }
        None if is_member => Err(teams::left_out_of_step(&team.id, &user, "a member")),
        None => Ok(Change::Team(teams::Change::Add { place, user, role })),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { user, group, .. } => write!(f, "make {user} an owner of group {group}"),
            Self::Team(change) => change.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::{ALL, security, team};
    use crate::groups::ownership::tests::owned;

    type Wanted = Vec<(Owned, Vec<TeamMember>)>;

    fn ada() -> Person {
        Person::Present(Box::new(User { id: "1".into(), ..User::default() }))
    }

    /// The changes, and the codes of what is left.
    fn plan(person: Person, wanted: Wanted, is_written_out: bool) -> (Vec<String>, Vec<String>) {
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let (member_of, missing) = (vec!["lagging".to_owned()], vec![]);
        let observed = Observed { person, member_of, wanted, missing, rights: ALL, is_written_out };
        let plan = AddGroupOwnerships::plan(&Params { user, groups: vec![] }, &observed).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| left.code).collect())
    }

    fn member(id: &str, owns: bool) -> TeamMember {
        let roles = if owns { vec!["owner".to_owned()] } else { vec![] };
        TeamMember { id: format!("m{id}"), user_id: Some(id.into()), roles: Some(roles) }
    }

    #[test]
    fn only_missing_ownerships_are_added_those_of_teams_through_teams() {
        let wanted = vec![
            (owned(security("new"), &["2"]), vec![]),
            (owned(security("had"), &["1", "2"]), vec![]),
            (owned(team("entered"), &["2"]), vec![member("2", true)]),
            (owned(team("joined"), &["2"]), vec![member("2", true), member("1", false)]),
            (owned(team("led"), &["2"]), vec![member("1", true)]),
            (owned(team("lagging"), &["2"]), vec![member("2", true)]),
        ];
        let expected = [
            "make user 1 an owner of group new",
            "add user 1 to team entered as owner",
            "make user 1 an owner of team joined",
        ];
        let (changes, left) = plan(ada(), wanted, true);
        assert_eq!(
            (changes.as_slice(), left.as_slice()),
            (&expected.map(str::to_owned)[..], &["team_out_of_step".to_owned()][..])
        );
    }

    #[test]
    fn a_group_that_can_hold_roles_is_given_back_only_where_the_author_wrote_it_out() {
        let powerful = || {
            let group = Group { is_assignable_to_role: Some(true), ..security("g") };
            vec![(owned(group, &["2"]), vec![])]
        };
        assert_eq!(plan(ada(), powerful(), false), (vec![], vec!["role_group_not_named".to_owned()]));
        let made = vec!["make user 1 an owner of group g".to_owned()];
        assert_eq!(plan(ada(), powerful(), true), (made, vec![]));
        let held = Group { is_assignable_to_role: Some(true), ..security("g") };
        let held = vec![(owned(held, &["1"]), vec![])];
        assert_eq!(plan(ada(), held, false), (vec![], vec![]), "an owner already is no matter");
    }

    #[test]
    fn what_has_its_owners_elsewhere_is_left_and_a_rule_is_no_hindrance() {
        let synced = Group { on_premises_sync_enabled: Some(true), ..security("synced") };
        let dynamic = Group { group_types: Some(vec!["DynamicMembership".into()]), ..security("dynamic") };
        let full: Vec<String> = (2..102).map(|number: u32| number.to_string()).collect();
        let full: Vec<_> = full.iter().map(String::as_str).collect();
        let wanted = vec![
            (owned(synced, &[]), vec![]),
            (owned(dynamic, &["2"]), vec![]),
            (owned(security("full"), &full), vec![]),
        ];
        let (changes, left) = plan(Person::ToBeCreated, wanted, true);
        assert_eq!(changes, ["make the new user an owner of group dynamic"]);
        assert_eq!(left, ["synced_group", "owner_limit"]);
    }
}
