//! Makes true: the person owns no group and no team, and each of them has another owner.
//!
//! **Needs** `Group.ReadWrite.All` and `User.Read.All`; for teams also `TeamMember.ReadWrite.All`; for a group that
//! can hold directory roles also `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; if a group would be without an owner: `successor_missing`, `successor_not_found`,
//! `own_successor`, `successor_disabled`, `successor_is_guest`; `permission_missing`.
//! **Leaves** synced groups, distribution lists and mail-enabled security groups, whose owners are set elsewhere;
//! `role_assignable_group` (the permission for a group that can hold directory roles is not granted); `owner_limit` (a
//! group with a hundred owners, none of whom can sign in); `team_out_of_step` (a team whose owner the person is in the
//! directory but not in Teams); `owned_application` (an application in Microsoft Entra, to which only an operator can give
//! another owner).
//! **Idempotent because** it reads the owners of each group: a successor who is an owner is not added, and an
//! ownership that has ended is not ended again. The successor comes first, so a run that dies leaves two owners,
//! never none.
//! **Caveat:** an owner who cannot sign in, or is an application, does not count as another owner.
//! `remove_from_teams` handles channels. Graph was seen to end a membership together with the ownership: run steps
//! about members afterwards.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{GroupKind, OwnedApplication, Place, TeamMember, TeamRole, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::looks;
use crate::groups::membership::{self as groups, Rights};
use crate::groups::ownership::{self, MOST_OWNERS, Owned, Successor};
use crate::teams::membership as teams;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct TransferGroupOwnership;

/// The person and the successor.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The successor for groups that nobody else owns. Defaults to the manager.
    to: Option<PersonRef>,
    /// Whether the person stays an owner beside the others.
    #[serde(default)]
    stay_owner: bool,
}

/// The account, the successor, and the groups and applications it owns; for teams also their members.
pub struct Observed {
    person: Person,
    successor: Successor,
    owned: Vec<(Owned, Vec<TeamMember>)>,
    applications: Vec<OwnedApplication>,
    /// Groups and teams that cannot be read.
    unread: Vec<Left>,
    rights: Rights,
}

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Adds an owner.
    Add {
        /// The owner's object id.
        user: String,
        /// The group's object id.
        group: String,
        /// Whether the group can hold directory roles.
        role_assignable: bool,
    },
    /// Removes an owner.
    Remove {
        /// The owner's object id.
        user: String,
        /// The group's object id.
        group: String,
        /// Whether the group can hold directory roles.
        role_assignable: bool,
    },
    /// Changes an owner of a team, through Teams.
    Team(teams::Change),
}

impl Action for TransferGroupOwnership {
    const NAME: &'static str = "transfer_group_ownership";
    const MAKES_TRUE: &'static str = "The person owns no group or team, and each has another owner";
    const NEEDS: &'static [&'static str] =
        &["Group.ReadWrite.All", "TeamMember.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("to", "{{ manager }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        Successor::resolve(params.to.as_ref(), graph).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let person = graph.person(&params.user, &["id"]).await?;
        let Person::Present(user) = &person else {
            let (successor, owned, unread) = (Successor::default(), Vec::new(), Vec::new());
            return Ok(Observed { person, successor, owned, applications: Vec::new(), unread, rights });
        };
        let successor = Successor::observe(params.to.as_ref(), graph);
        let (((owned, mut unread), applications), successor) =
            try_join(ownership::owned_by(&user.id, rights, graph), successor).await?;
        let owned = owned.into_iter().map(|owned| {
            let name = format!("who is in team {}", owned.group.id);
            let look = async move {
                let members = match teams::is_through_teams(&owned.group) {
                    true => graph.team_members(&Place::team(&owned.group.id)).await?,
                    false => Vec::new(),
                };
                Ok::<_, Error>((owned, members))
            };
            (name, look)
        });
        let (owned, teams) = looks::at_each(owned).await?;
        unread.extend(teams);
        Ok(Observed { person, successor, owned, applications, unread, rights })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let Some(seen) = seen else { return Ok(Plan::nothing()) };
        let (mut sequences, mut left) = (Vec::new(), observed.unread.clone());
        left.extend(observed.applications.iter().map(ownership::application_left));
        for (owned, members) in &observed.owned {
            if let Some(restriction) = ownership::restriction(&owned.group, observed.rights) {
                left.push(restriction.left(&owned.group));
                continue;
            }
            let is_last = owned.is_last(&seen.id);
            if is_last && owned.group.can_hold_roles() {
                left.push(groups::ownership_left(&owned.group));
                continue;
            }
            let to = match is_last {
                true => Some(observed.successor.of(&user)?),
                false => None,
            };
            let done = if teams::is_through_teams(&owned.group) {
                of_team(owned, members, &seen.id, to, params.stay_owner)
            } else {
                of_group(owned, &seen.id, to, params.stay_owner)
            };
            match done {
                Ok(changes) => sequences.push(changes),
                Err(reason) => left.push(reason),
            }
        }
        Ok(Plan::sequences(sequences).leaving(left))
    }

    fn takes(observed: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((person, Some(seen))) = observed.person.account() else { return Vec::new() };
        let taken = changes.iter().filter_map(|change| match change {
            Change::Remove { user, group, role_assignable } if *user == seen.id => {
                let taken = person.loses(TakenKind::Ownership)?.with("group", group.clone());
                Some(taken.with("role_assignable", *role_assignable))
            }
            Change::Team(change) if change.takes_ownership_from(&seen.id) => {
                Some(person.loses(TakenKind::Ownership)?.with("group", change.place().team.clone()))
            }
            Change::Add { .. } | Change::Remove { .. } | Change::Team(_) => None,
        });
        taken.collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let (outcome, group, role_assignable) = match change {
            Change::Team(change) => return change.apply(graph).await,
            Change::Add { user, group, role_assignable } => {
                (graph.add_owner(group, user).await, group, role_assignable)
            }
            Change::Remove { user, group, role_assignable } => {
                (graph.remove_owner(group, user).await, group, role_assignable)
            }
        };
        outcome.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                groups::missing_permission("owners", "Group.ReadWrite.All", group, *role_assignable)
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "grace@contoso.example", "to": "ada@contoso.example" });
        crate::Scenario::new(params)
    }
}

fn of_group(owned: &Owned, user: &str, to: Option<&str>, stays: bool) -> Result<Vec<Change>, Left> {
    let group = || owned.group.id.clone();
    let role_assignable = owned.group.kind() == GroupKind::RoleAssignable;
    if to.is_some() && owned.owners.len() >= MOST_OWNERS {
        let detail =
            format!("group {} has {MOST_OWNERS} owners, and none of them can sign in; remove one", group());
        return Err(Left { code: "owner_limit".to_owned(), detail, needs: Needs::Operator });
    }
    let add = to.map(|to| Change::Add { user: to.to_owned(), group: group(), role_assignable });
    let remove = (!stays).then(|| Change::Remove { user: user.to_owned(), group: group(), role_assignable });
    Ok(add.into_iter().chain(remove).collect())
}

fn of_team(
    owned: &Owned,
    members: &[TeamMember],
    user: &str,
    to: Option<&str>,
    stays: bool,
) -> Result<Vec<Change>, Left> {
    let place = Place::team(&owned.group.id);
    let own = members.iter().find(|member| member.is(user) && member.is_owner());
    let Some(own) = own else {
        let user = Account::Known(user.to_owned());
        return Err(teams::left_out_of_step(&owned.group.id, &user, "an owner"));
    };
    let successor = to.and_then(|to| teams::Change::make_owner(&place, to, members));
    let demoted = (!stays).then(|| teams::Change::SetRole {
        place: place.clone(),
        membership: own.id.clone(),
        user: Account::Known(user.to_owned()),
        role: TeamRole::Member,
    });
    Ok(successor.into_iter().chain(demoted).map(Change::Team).collect())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { user, group, .. } => write!(f, "make user {user} an owner of group {group}"),
            Self::Remove { user, group, .. } => {
                write!(f, "make user {user} no longer an owner of group {group}")
            }
            Self::Team(change) => change.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::{ALL, security, team};
    use crate::groups::ownership::tests::{owned, successor};
    use msgraph::{Group, User};

    fn plan(
        owned: Vec<(Owned, Vec<TeamMember>)>,
        to: Successor,
        stay_owner: bool,
    ) -> Result<Plan<Change>, String> {
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let observed = Observed {
            person,
            successor: to,
            owned,
            applications: Vec::new(),
            unread: Vec::new(),
            rights: ALL,
        };
        let plan = TransferGroupOwnership::plan(&Params { user, to: None, stay_owner }, &observed);
        plan.map_err(|error| outcome::Failure::from(error).code)
    }

    fn told(plan: Result<Plan<Change>, String>) -> Vec<String> {
        plan.unwrap().changes().map(ToString::to_string).collect()
    }

    fn member(id: &str, owns: bool) -> TeamMember {
        let roles = if owns { vec!["owner".to_owned()] } else { vec![] };
        TeamMember { id: format!("m{id}"), user_id: Some(id.into()), roles: Some(roles) }
    }

    #[test]
    fn the_successor_comes_before_the_leaver_goes_and_only_where_no_owner_is_left() {
        let groups = || {
            vec![
                (owned(security("alone"), &["1"]), vec![]),
                (owned(security("shared"), &["1", "3"]), vec![]),
                (owned(security("with-a-leaver"), &["1", "3!"]), vec![]),
            ]
        };
        let changes = told(plan(groups(), successor("2"), false));
        let expected = [
            "make user 2 an owner of group alone",
            "make user 1 no longer an owner of group alone",
            "make user 1 no longer an owner of group shared",
            "make user 2 an owner of group with-a-leaver",
            "make user 1 no longer an owner of group with-a-leaver",
        ];
        assert_eq!(changes, expected);
        let changes = told(plan(groups(), successor("2"), true));
        assert_eq!(
            changes,
            ["make user 2 an owner of group alone", "make user 2 an owner of group with-a-leaver"]
        );
    }

    #[test]
    fn no_successor_is_required_where_none_is_needed() {
        let shared = vec![(owned(security("shared"), &["1", "3"]), vec![])];
        assert_eq!(told(plan(shared, Successor::default(), false)).len(), 1);
        let alone = vec![(owned(security("alone"), &["1"]), vec![])];
        assert_eq!(plan(alone, Successor::default(), false), Err("successor_missing".to_owned()));
    }

    #[test]
    fn a_team_is_handed_over_through_teams() {
        let alone = |members: Vec<TeamMember>| vec![(owned(team("t"), &["1"]), members)];
        let demoted = "make user 1 no longer an owner but a member of team t";
        let changes = told(plan(alone(vec![member("1", true)]), successor("2"), false));
        assert_eq!(changes, ["add user 2 to team t as owner", demoted]);
        let changes = told(plan(alone(vec![member("1", true), member("2", false)]), successor("2"), false));
        assert_eq!(changes, ["make user 2 an owner of team t", demoted]);
        // The directory does not show the promotion yet.
        let changes = told(plan(alone(vec![member("1", true), member("2", true)]), successor("2"), false));
        assert_eq!(changes, [demoted]);
        let late = plan(alone(vec![member("1", false), member("2", true)]), successor("2"), false).unwrap();
        assert_eq!((late.changes().count(), late.left[0].code.as_str()), (0, "team_out_of_step"));
    }

    #[test]
    fn what_has_its_owners_elsewhere_is_left_and_a_rule_is_no_hindrance() {
        let synced = Group { on_premises_sync_enabled: Some(true), ..security("synced") };
        let dynamic = Group { group_types: Some(vec!["DynamicMembership".into()]), ..security("dynamic") };
        let full: Vec<_> =
            (0..100).map(|number| if number == 0 { "1".into() } else { format!("{number}!") }).collect();
        let full: Vec<_> = full.iter().map(String::as_str).collect();
        let groups = vec![
            (owned(synced, &[]), vec![]),
            (owned(dynamic, &["1"]), vec![]),
            (owned(security("full"), &full), vec![]),
        ];
        let plan = plan(groups, successor("2"), false).unwrap();
        let left: Vec<_> = plan.left.iter().map(|left| left.code.as_str()).collect();
        assert_eq!(left, ["synced_group", "owner_limit"]);
        assert!(plan.changes().all(|change| change.to_string().ends_with(" of group dynamic")));
        assert_eq!(plan.changes().count(), 2);
    }
}
