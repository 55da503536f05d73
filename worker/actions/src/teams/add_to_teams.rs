//! Makes true: the person is in these teams, and in their named private or shared channels, as a member or an owner.
//!
//! **Needs** `TeamMember.ReadWriteNonOwnerRole.All`, `TeamMember.Read.All`, `GroupMember.Read.All` and `User.Read.All`;
//! for channels also `Channel.ReadBasic.All` and `ChannelMember.ReadWrite.All`; for a team that can hold directory roles
//! also `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `team_not_found`, `not_a_team`, `ambiguous_team` (lists the candidates);
//! `channel_not_found`, `ambiguous_channel`, `standard_channel` (all members of the team are in it); `dynamic_group`;
//! `role_group_not_named` (the team can hold directory roles, and the workflow's author did not write it out);
//! `permission_missing`.
//! **Waits** between a team and its channels: Teams adds to a channel only people whom it shows as members of the
//! team.
//! **Idempotent because** it adds a person only if neither the directory nor Teams shows the membership. Teams does
//! not document what adding a person twice does, so that never happens: after a lost answer, Teams' own list decides.
//! **Caveat:** groups without a team belong to `add_to_groups`, and that action leaves teams alone.

use std::time::Duration;

use futures_util::future::{try_join, try_join_all};
use msgraph::{Channel, Group, Place, TeamMember, TeamRole, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::backoff;
use crate::groups::membership::{self as groups, Rights};
use crate::teams::membership::{self as teams, Change, JoinRef, Team};
use crate::{Account, Action, Error, Person, PersonRef, Plan, View, Wait};

/// See the file's head.
pub struct AddToTeams;

/// The person and the teams.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Display names or object ids of teams, or `{ team, channels, owner }` for some of their channels.
    teams: Vec<JoinRef>,
}

/// The account, and the requested teams.
pub struct Observed {
    person: Person,
    wanted: Vec<Wanted>,
    rights: Rights,
    is_written_out: bool,
    /// At how many looks Teams has not shown the person.
    looks: u32,
}

/// A team, whether the person is in it, and the requested channels with their members.
struct Wanted {
    group: Group,
    is_member: bool,
    channels: Vec<Joined>,
}

/// A requested channel, and the role there.
struct Joined {
    channel: Channel,
    owner: bool,
    members: Vec<TeamMember>,
}

impl Action for AddToTeams {
    const NAME: &'static str = "add_to_teams";
    const MAKES_TRUE: &'static str = "The person is in these teams and in their named channels";
    const NEEDS: &'static [&'static str] = &[
        "TeamMember.ReadWriteNonOwnerRole.All",
        "TeamMember.Read.All",
        "Channel.ReadBasic.All",
        "ChannelMember.ReadWrite.All",
        "GroupMember.Read.All",
        "User.Read.All",
    ];
    const POWERFUL: &'static [&'static str] = &["teams"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        let wanted = asked(&params.teams, graph).await?;
        let wanted = wanted.iter().map(|(team, _)| &team.group);
        groups::refuse_unnamed(wanted, graph.is_written_out("teams"), &["teams"])
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let seen = graph.person_and_groups(&params.user, &["id"]);
        let ((person, member_of), wanted) = try_join(seen, asked(&params.teams, graph)).await?;
        let wanted = wanted.into_iter().map(|wanted| look(wanted, &person, &member_of, graph));
        let wanted = try_join_all(wanted).await?;
        let (is_written_out, looks) = (graph.is_written_out("teams"), backoff::looks(graph));
        Ok(Observed { person, wanted, rights, is_written_out, looks })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let (mut sequences, mut later) = (Vec::new(), Vec::new());
        for Wanted { group, is_member, channels } in &observed.wanted {
            if let Some(restriction) = groups::restriction(group, observed.rights).filter(|_| !is_member) {
                let detail = format!("team {} {}", group.id, restriction.because);
                return Err(restriction.refusal(detail));
            }
            let joined = Some(group).filter(|_| !is_member);
            groups::refuse_unnamed(joined, observed.is_written_out, &["teams"])?;
            let seen = seen.map(|seen| seen.id.as_str());
            let missing = channels.iter().filter_map(|joined| joined.missing(&group.id, &user, seen));
            if *is_member {
                sequences.push(missing.collect());
            } else {
                let (place, role) = (Place::team(&group.id), TeamRole::Member);
                sequences.push(vec![Change::Add { place, user: user.clone(), role }]);
                later.extend(missing.map(|change| change.to_string()));
            }
        }
        Ok(Plan::sequences(sequences).waiting_for(later, |later| wait(observed.looks, later)))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        change.apply(graph).await
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let wanted = serde_json::json!({ "team": "Harbour", "channels": ["Suppliers"] });
        let params = serde_json::json!({ "user": "ada@contoso.example", "teams": [wanted] });
        crate::Scenario::new(params)
    }
}

/// The teams, each once, with the channels to join and whether to own them.
async fn asked(references: &[JoinRef], graph: View<'_>) -> Result<Vec<(Team, Vec<Channel>)>, Error> {
    let named = |owned| references.iter().filter(move |known| known.is_owned() == owned).map(JoinRef::named);
    let [joined, owned] = [false, true].map(|owned| named(owned).collect::<Vec<_>>());
    let (joined, owned) = try_join(teams::resolve(&joined, graph), teams::resolve(&owned, graph)).await?;
    let mut wanted: Vec<_> = joined.into_iter().map(|team| (team, Vec::new())).collect();
    for Team { group, channels } in owned {
        match wanted.iter_mut().find(|(known, _)| known.group.id == group.id) {
            Some((known, owned)) => {
                known.channels.retain(|channel| !channels.contains(channel));
                owned.extend(channels);
            }
            None => wanted.push((Team { group, channels: Vec::new() }, channels)),
        }
    }
    Ok(wanted)
}

/// Asks Teams if the directory does not show the person as a member: the directory lags behind.
async fn look(
    (team, owned): (Team, Vec<Channel>),
    person: &Person,
    member_of: &[Group],
    graph: View<'_>,
) -> Result<Wanted, Error> {
    let Team { group, channels } = team;
    let is_member = match person {
        Person::Present(_) if member_of.iter().any(|known| known.id == group.id) => true,
        Person::Present(user) => {
            let members = graph.team_members(&Place::team(&group.id)).await?;
            members.iter().any(|member| member.is(&user.id))
        }
        Person::ToBeCreated | Person::Absent => false,
    };
    let joined = channels.into_iter().map(|channel| (channel, false));
    let joined = joined.chain(owned.into_iter().map(|channel| (channel, true)));
    let channels = joined.map(async |(channel, owner)| {
        let members = match is_member {
            true => graph.team_members(&Place::channel(&group.id, &channel.id)).await?,
            false => Vec::new(),
        };
        Ok::<_, Error>(Joined { channel, owner, members })
    });
    let channels = try_join_all(channels).await?;
    Ok(Wanted { group, is_member, channels })
}

impl Joined {
    /// What the person still lacks here. Without an id the account does not exist yet. An owner stays an owner.
    fn missing(&self, team: &str, user: &Account, seen: Option<&str>) -> Option<Change> {
        let place = Place::channel(team, &self.channel.id);
        let is_in = seen.is_some_and(|seen| self.members.iter().any(|member| member.is(seen)));
        match (seen, self.owner) {
            (Some(seen), true) => Change::make_owner(&place, seen, &self.members),
            (_, owner) => (!is_in).then(|| {
                let role = if owner { TeamRole::Owner } else { TeamRole::Member };
                Change::Add { place, user: user.clone(), role }
            }),
        }
    }
}

fn wait(looks: u32, later: Vec<String>) -> Wait {
    let reason = "Teams to show the person as a member";
    Wait { later, ..backoff::wait(teams::SETTLES_AFTER, looks, Duration::from_secs(60 * 60), reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::{ALL, team};
    use msgraph::User;

    fn plan(person: Person, wanted: Vec<Wanted>) -> Result<Plan<Change>, String> {
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let observed = Observed { person, wanted, rights: ALL, is_written_out: true, looks: 0 };
        let plan = AddToTeams::plan(&Params { user, teams: vec![] }, &observed);
        plan.map_err(|error| outcome::Failure::from(error).code)
    }

    fn wanted(group: Group, is_member: bool, channel: Option<&[&str]>) -> Wanted {
        let member = |id: &&str| TeamMember { user_id: Some((*id).into()), ..TeamMember::default() };
        let channels = channel.map(|members| {
            let channel = Channel { id: "c".into(), ..Channel::default() };
            Joined { channel, owner: false, members: members.iter().map(member).collect() }
        });
        Wanted { group, is_member, channels: channels.into_iter().collect() }
    }

    fn told(plan: &Plan<Change>) -> Vec<String> {
        plan.changes().map(ToString::to_string).collect()
    }

    #[test]
    fn a_channel_waits_until_the_person_is_in_its_team() {
        let ada = || Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let first = plan(ada(), vec![wanted(team("t"), false, Some(&[]))]).unwrap();
        assert_eq!(told(&first), ["add user 1 to team t"]);
        assert_eq!(first.wait.unwrap().later, ["add user 1 to channel c of team t"]);
        let second = plan(ada(), vec![wanted(team("t"), true, Some(&["2"]))]).unwrap();
        assert_eq!((told(&second), second.wait), (vec!["add user 1 to channel c of team t".into()], None));
        let third = plan(ada(), vec![wanted(team("t"), true, Some(&["1"]))]).unwrap();
        assert_eq!(third, Plan::nothing());
    }

    #[test]
    fn an_owner_of_a_channel_is_added_as_one_or_becomes_one() {
        let ada = || Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let owned = |members: &[&str]| {
            let mut wanted = wanted(team("t"), true, Some(members));
            wanted.channels[0].owner = true;
            wanted
        };
        let added = plan(ada(), vec![owned(&["2"])]).unwrap();
        assert_eq!(told(&added), ["add user 1 to channel c of team t as owner"]);
        let raised = plan(ada(), vec![owned(&["1"])]).unwrap();
        assert_eq!(told(&raised), ["make user 1 an owner of channel c of team t"]);
        let mut owner = owned(&["1"]);
        owner.channels[0].members[0].roles = Some(vec!["owner".into()]);
        assert_eq!(plan(ada(), vec![owner]).unwrap(), Plan::nothing());
        let mut promised = owned(&[]);
        promised.is_member = false;
        let planned = plan(Person::ToBeCreated, vec![promised]).unwrap();
        assert_eq!(planned.wait.unwrap().later, ["add the new user to channel c of team t as owner"]);
    }

    #[test]
    fn a_promised_account_is_planned_for_and_a_rule_is_respected() {
        let planned = plan(Person::ToBeCreated, vec![wanted(team("t"), false, None)]).unwrap();
        assert_eq!(told(&planned), ["add the new user to team t"]);
        let dynamic =
            || Group { group_types: Some(vec!["Unified".into(), "DynamicMembership".into()]), ..team("t") };
        assert_eq!(
            plan(Person::ToBeCreated, vec![wanted(dynamic(), false, None)]),
            Err("dynamic_group".into())
        );
        assert_eq!(plan(Person::ToBeCreated, vec![wanted(dynamic(), true, None)]), Ok(Plan::nothing()));
    }
}
