//! Makes true: the person is in no team, and in none of the private and shared channels of those teams.
//!
//! **Needs** `TeamMember.ReadWrite.All`, `Channel.ReadBasic.All`, `ChannelMember.ReadWrite.All`,
//! `GroupMember.Read.All` and `User.Read.All`; for a team that can hold directory roles also
//! `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; in `teams` and `keep`: `team_not_found`, `not_a_team`, `ambiguous_team`,
//! `channel_not_found`, `ambiguous_channel`, `standard_channel`; `permission_missing`.
//! **Leaves** `dynamic_group`: a team whose members follow a rule; `last_owner`: a team or channel that nobody else
//! owns, if no successor can take over; `team_out_of_step`: a team in which only the directory shows the person,
//! which Teams and the directory synchronize by themselves; `hidden_groups`: without `Member.Read.Hidden`, teams that hide
//! their members cannot be seen.
//! **Waits** if the successor for a channel has to be in the team first.
//! **Idempotent because** it reads Teams' own lists and ends the memberships it finds. The successor comes before the
//! leaver goes, and channels before their team, so a run that dies leaves no place without an owner, and forgets none.
//! **Caveat:** a channel that is shared with the person alone, of a team the person is not in, is not found. Groups
//! without a team belong to `remove_from_groups`, and that action leaves teams alone.

use std::time::Duration;

use futures_util::future::try_join3;
use msgraph::{Group, Writer};
use outcome::{Left, Taken};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{backoff, looks, parameters};
use crate::groups::hidden;
use crate::groups::membership::{self as groups, Rights};
use crate::groups::ownership::{self, Successor};
use crate::teams::leaving::TeamMembership;
use crate::teams::membership::{self as teams, Change, Team, TeamRef};
use crate::{Action, Error, Person, PersonRef, Plan, View, Wait};

/// See the file's head.
pub struct RemoveFromTeams;

/// The person, and the teams to leave or to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The only teams to leave, by display name or object id, or `{ team, channels }` for channels alone. Defaults to
    /// all.
    #[serde(default, deserialize_with = "parameters::given")]
    #[schemars(with = "Vec<TeamRef>")]
    teams: Option<Vec<TeamRef>>,
    /// Teams to stay in, by display name or object id.
    #[serde(default)]
    keep: Vec<String>,
    /// The successor for teams and channels that nobody else owns. Defaults to the manager.
    to: Option<PersonRef>,
}

impl Params {
    /// The named teams, if only these are to be left.
    fn named(&self) -> Option<Vec<TeamRef>> {
        let named = self.teams.as_ref()?.iter().filter(|team| !team.is_empty());
        Some(named.cloned().collect())
    }

    /// The teams to stay in.
    fn kept(&self) -> Vec<TeamRef> {
        self.keep.iter().cloned().map(TeamRef::Team).collect()
    }
}

/// The account, its teams, and the successor.
pub struct Observed {
    person: Person,
    /// Teams whose members follow a rule or another directory.
    closed: Vec<Group>,
    memberships: Vec<TeamMembership>,
    /// Teams that cannot be read, and what cannot be seen at all.
    unread: Vec<Left>,
    /// At how many looks Teams has not shown a successor.
    looks: u32,
    successor: Successor,
    /// Whether an earlier step has given the teams other owners.
    is_transferred: bool,
    rights: Rights,
}

impl Action for RemoveFromTeams {
    const NAME: &'static str = "remove_from_teams";
    const MAKES_TRUE: &'static str = "The person is in no team and none of its channels";
    const NEEDS: &'static [&'static str] = &[
        "TeamMember.ReadWrite.All",
        "Channel.ReadBasic.All",
        "ChannelMember.ReadWrite.All",
        "GroupMember.Read.All",
        "User.Read.All",
    ];
    const ADDS: &'static [(&'static str, &'static str)] = &[hidden::SEEN_WITH];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("to", "{{ manager }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        let (named, keep) = (params.named().unwrap_or_default(), params.kept());
        let successor = Successor::resolve(params.to.as_ref(), graph);
        try_join3(teams::resolve(&named, graph), teams::resolve_kept(&keep, graph), successor).await.map(drop)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let keep = params.kept();
        let seen = graph.person_and_groups(&params.user, &["id"]);
        let asked = async {
            match params.named() {
                Some(named) => Ok(Some(teams::resolve(&named, graph).await?)),
                None => Ok(None),
            }
        };
        let ((person, member_of), asked, keep) =
            try_join3(seen, asked, teams::resolve_kept(&keep, graph)).await?;
        let user = match &person {
            Person::Present(user) => user.id.as_str(),
            Person::ToBeCreated | Person::Absent => "",
        };
        let stays = |group: &Group| keep.iter().any(|kept| kept.group.id == group.id);
        let (closed, open): (Vec<_>, Vec<_>) = chosen(member_of, asked.as_deref())
            .into_iter()
            .filter(|team| !stays(&team.group))
            .partition(|team| groups::restriction(&team.group, rights).is_some());
        let looks = open
            .into_iter()
            .map(|team| (format!("team {}", team.group.id), TeamMembership::look(team, user, graph)));
        let (memberships, mut unread) = looks::at_each(looks).await?;
        if params.teams.is_none() && matches!(person, Person::Present(_)) {
            unread.extend(hidden::unseen(graph).await?);
        }
        let is_needed = memberships.iter().any(|membership| !membership.last_owned(user).is_empty());
        let to = params.to.as_ref().filter(|_| is_needed);
        Ok(Observed {
            closed: closed.into_iter().map(|team| team.group).collect(),
            successor: Successor::observe(to, graph).await?,
            is_transferred: ownership::is_transferred(graph),
            person,
            memberships,
            unread,
            looks: backoff::looks(graph),
            rights,
        })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (_, seen) = observed.person.account()?;
        let Some(seen) = seen else { return Ok(Plan::nothing()) };
        let restriction = |group| Some(groups::restriction(group, observed.rights)?.left(group));
        let mut left: Vec<_> = observed.closed.iter().filter_map(restriction).collect();
        let (mut sequences, mut later) = (Vec::new(), Vec::new());
        for membership in &observed.memberships {
            let leaving = membership.leave(&seen.id, &observed.successor, observed.is_transferred);
            sequences.push(leaving.now);
            left.extend(leaving.left);
            later.extend(leaving.later.iter().map(ToString::to_string));
        }
        left.extend(observed.unread.iter().cloned());
        Ok(Plan::sequences(sequences).leaving(left).waiting_for(later, |later| wait(observed.looks, later)))
    }

    fn takes(observed: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((_, Some(seen))) = observed.person.account() else { return Vec::new() };
        let memberships = observed.memberships.iter();
        memberships.flat_map(|membership| membership.taken_from(&seen.id, changes)).collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        change.apply(graph).await
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "grace@contoso.example", "to": "ada@contoso.example" });
        crate::Scenario::new(params)
    }
}

/// The person's teams: the requested ones, else all. A person can leave channels of a team without being in it.
fn chosen(member_of: Vec<Group>, asked: Option<&[Team]>) -> Vec<Team> {
    if let Some(asked) = asked {
        let is_in = |team: &&Team| member_of.iter().any(|group| group.id == team.group.id);
        return asked.iter().filter(|team| !team.channels.is_empty() || is_in(team)).cloned().collect();
    }
    let teams = member_of.into_iter().filter(Group::is_team);
    teams.map(|group| Team { group, channels: Vec::new() }).collect()
}

fn wait(looks: u32, later: Vec<String>) -> Wait {
    let reason = "Teams to show the successor for a channel as a member";
    Wait { later, ..backoff::wait(teams::SETTLES_AFTER, looks, Duration::from_secs(60 * 60), reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::{ALL, security, team};
    use msgraph::{Channel, TeamMember, User};
    use outcome::Needs;

    fn person() -> Person {
        Person::Present(Box::new(User { id: "1".into(), ..User::default() }))
    }

    #[test]
    fn a_team_that_follows_a_rule_is_left_and_the_others_are_not() {
        let member = TeamMember { id: "m".into(), user_id: Some("1".into()), roles: Some(vec![]) };
        let membership =
            TeamMembership { group: team("t"), members: vec![member], ..TeamMembership::default() };
        let dynamic =
            Group { group_types: Some(vec!["Unified".into(), "DynamicMembership".into()]), ..team("rule") };
        let observed = Observed {
            person: person(),
            closed: vec![dynamic],
            memberships: vec![membership],
            unread: vec![],
            looks: 0,
            successor: Successor::default(),
            is_transferred: false,
            rights: ALL,
        };
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let params = Params { user, teams: None, keep: vec![], to: None };
        let plan = RemoveFromTeams::plan(&params, &observed).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        assert_eq!(changes, ["remove user 1 from team t"]);
        let left: Vec<_> = plan.left.iter().map(|left| (left.code.as_str(), left.needs)).collect();
        assert_eq!(left, [("dynamic_group", Needs::Nobody)]);
    }

    #[test]
    fn groups_without_a_team_are_not_looked_at_and_what_was_asked_for_is() {
        let all = chosen(vec![security("g"), team("t"), team("u")], None);
        assert_eq!(all.iter().map(|team| team.group.id.as_str()).collect::<Vec<_>>(), ["t", "u"]);
        let asked = |id: &str, channels| Team { group: team(id), channels };
        let channel = vec![Channel::default()];
        let these = [asked("t", vec![]), asked("v", vec![]), asked("w", channel)];
        let some = chosen(vec![team("t")], Some(&these));
        assert_eq!(some.iter().map(|team| team.group.id.as_str()).collect::<Vec<_>>(), ["t", "w"]);
    }

    #[test]
    fn an_empty_answer_never_means_all_teams() {
        let params = |teams: serde_json::Value| {
            let params = serde_json::json!({ "user": "ada@contoso.example", "teams": teams });
            serde_json::from_value::<Params>(params)
        };
        assert!(params(serde_json::Value::Null).is_err());
        for nothing in [serde_json::json!([]), serde_json::json!([{ "team": "t", "channels": [] }])] {
            let named = params(nothing).unwrap().named();
            assert!(named.is_some_and(|named| named.is_empty()));
        }
        assert!(chosen(vec![team("t")], Some(&[])).is_empty());
    }
}
