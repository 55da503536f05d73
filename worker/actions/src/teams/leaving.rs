//! The order in which a person leaves a team: the successor joins first, then the person leaves the channels, then
//! the team.

use futures_util::future::{try_join, try_join_all};
use msgraph::{Channel, Group, Owner, Place, TeamMember, TeamRole};
use outcome::{Left, Needs, Taken, TakenKind};

use crate::groups::membership::ownership_left;
use crate::groups::ownership::Successor;
use crate::teams::membership::{self as teams, Change, PlaceName, Team};
use crate::{Account, Error, View};

/// A team, or some of its channels, with the members.
#[derive(Debug, Default)]
pub struct TeamMembership {
    /// The group behind the team.
    pub group: Group,
    /// Whether the person leaves only channels.
    pub channels_only: bool,
    /// The team's members.
    pub members: Vec<TeamMember>,
    /// The team's owners in the directory, which shows who can sign in. Empty unless the person is an owner.
    pub owners: Vec<Owner>,
    /// The channels that have their own members, with these.
    pub channels: Vec<(Channel, Vec<TeamMember>)>,
}

/// The changes by which a person leaves a team.
#[derive(Debug, Default)]
pub struct LeavingPlan {
    /// The changes to make now, in order.
    pub now: Vec<Change>,
    /// The changes to make once Teams shows the successor as a member.
    pub later: Vec<Change>,
    /// Memberships that stay, and why.
    pub left: Vec<Left>,
}

impl TeamMembership {
    /// Reads a team that a person leaves, or only its named channels.
    pub async fn look(team: Team, user: &str, graph: View<'_>) -> Result<Self, Error> {
        let Team { group, channels } = team;
        let channels_only = !channels.is_empty();
        let place = Place::team(&group.id);
        let named = async {
            if channels_only { Ok(channels) } else { Ok::<_, Error>(graph.channels(&group.id).await?) }
        };
        let members = async { Ok(graph.team_members(&place).await?) };
        let (members, channels) = try_join(members, named).await?;
        let owns = members.iter().any(|member| member.is(user) && member.is_owner());
        let owners = async { Ok(if owns { graph.owners(&group.id).await? } else { Vec::new() }) };
        let own_members = channels.into_iter().filter(|channel| !channel.is_standard());
        let channels = try_join_all(own_members.map(async |channel| {
            let members = graph.team_members(&Place::channel(&group.id, &channel.id)).await?;
            Ok::<_, Error>((channel, members))
        }));
        let (owners, channels) = try_join(owners, channels).await?;
        Ok(Self { group, channels_only, members, owners, channels })
    }

    /// The team or channels of which the person is the last owner who can act.
    pub fn last_owned(&self, user: &str) -> Vec<Place> {
        let places = self.channels.iter().map(|(channel, members)| (self.channel(channel), members));
        let team = (!self.channels_only).then(|| (Place::team(&self.group.id), &self.members));
        let is_last = |members: &[TeamMember]| {
            let mut owners = members.iter().filter(|member| member.is_owner());
            let is_other = |member: &TeamMember| !member.is(user) && self.can_act(member);
            members.iter().any(|member| member.is(user) && member.is_owner()) && !owners.any(is_other)
        };
        let last = team.into_iter().chain(places).filter(|(_, members)| is_last(members));
        last.map(|(place, _)| place).collect()
    }

    /// Whether Graph keeps back the person's role in one of these places. An owner may be the last one.
    fn is_untold(&self, user: &str) -> bool {
        let team = (!self.channels_only).then_some(&self.members);
        let mut members = self.channels.iter().map(|(_, members)| members).chain(team).flatten();
        members.any(|member| member.is(user) && member.roles.is_none())
    }

    /// The directory shows which of the team's owners can sign in. Owners of a channel count as able to.
    fn can_act(&self, member: &TeamMember) -> bool {
        let known = self.owners.iter().find(|owner| member.is(&owner.id));
        known.is_none_or(Owner::can_act)
    }

    fn channel(&self, channel: &Channel) -> Place {
        Place::channel(&self.group.id, &channel.id)
    }

    /// The changes by which the person leaves. `is_transferred`: the team itself has, or will have, another owner.
    pub fn leave(&self, user: &str, successor: &Successor, is_transferred: bool) -> LeavingPlan {
        let leaver = Account::Known(user.to_owned());
        if self.is_untold(user) {
            return LeavingPlan { left: vec![untold(&self.group.id, &leaver)], ..LeavingPlan::default() };
        }
        let team = Place::team(&self.group.id);
        let last: Vec<_> =
            self.last_owned(user).into_iter().filter(|place| !is_transferred || *place != team).collect();
        let mut leaving = LeavingPlan::default();
        if self.group.can_hold_roles() && !last.is_empty() {
            leaving.left.push(ownership_left(&self.group));
            return leaving;
        }
        let to = match successor.of(&leaver) {
            _ if last.is_empty() => None,
            Ok(to) => Some(to),
            Err(error) => {
                leaving.left = last.iter().map(|place| last_owner(place, &leaver, &error)).collect();
                return leaving;
            }
        };
        leaving.now = to.and_then(|to| self.let_in(to, &last)).into_iter().collect();
        let mut rest = Vec::new();
        for (channel, members) in &self.channels {
            let place = self.channel(channel);
            let successor_here = to.filter(|_| last.contains(&place));
            rest.extend(successor_here.and_then(|to| Change::make_owner(&place, to, members)));
            rest.extend(removal(&place, user, members));
        }
        if !self.channels_only {
            match removal(&team, user, &self.members) {
                Some(removal) => rest.push(removal),
                None => {
                    leaving.left.push(teams::left_out_of_step(&self.group.id, &leaver, "a member"));
                }
            }
        }
        let joins = leaving.now.iter().any(|change| matches!(change, Change::Add { .. }));
        if joins && last.iter().any(|place| place.channel.is_some()) {
            leaving.later = rest;
        } else {
            leaving.now.extend(rest);
        }
        leaving
    }

    /// What the person loses here by these changes, with the role in each place.
    pub fn taken_from<'a>(
        &'a self,
        person: &'a str,
        changes: &'a [&Change],
    ) -> impl Iterator<Item = Taken> + 'a {
        let channels = self.channels.iter().map(|(channel, members)| (self.channel(channel), members));
        let places = channels.chain([(Place::team(&self.group.id), &self.members)]);
        places.filter_map(move |(place, members)| {
            changes.iter().find(|change| change.removes(person) && *change.place() == place)?;
            let owner = members.iter().any(|member| member.is(person) && member.is_owner());
            let kind = match place.channel {
                Some(_) => TakenKind::ChannelMembership,
                None => TakenKind::TeamMembership,
            };
            let taken = Taken::from(person, kind).with("team", place.team).with("owner", owner);
            Some(match place.channel {
                Some(channel) => taken.with("channel", channel),
                None => taken,
            })
        })
    }

    /// Makes the successor an owner of the team, or a member if the successor only needs to own a private channel.
    fn let_in(&self, to: &str, last: &[Place]) -> Option<Change> {
        let team = Place::team(&self.group.id);
        if last.contains(&team) {
            return Change::make_owner(&team, to, &self.members);
        }
        let is_in = self.members.iter().any(|member| member.is(to));
        let is_needed = |(channel, _): &(Channel, Vec<TeamMember>)| {
            !channel.is_shared() && last.contains(&self.channel(channel))
        };
        (!is_in && self.channels.iter().any(is_needed)).then(|| Change::Add {
            place: team,
            user: Account::Known(to.to_owned()),
            role: TeamRole::Member,
        })
    }
}

fn removal(place: &Place, user: &str, members: &[TeamMember]) -> Option<Change> {
    let member = members.iter().find(|member| member.is(user))?;
    let (place, user) = (place.clone(), Account::Known(user.to_owned()));
    Some(Change::Remove { place, membership: member.id.clone(), user })
}

fn last_owner(place: &Place, leaver: &Account, error: &Error) -> Left {
    let place = PlaceName(place);
    let detail =
        format!("{place} has no other owner who can sign in, so {leaver} stays in the team: {error}");
    Left { code: "last_owner".to_owned(), detail, needs: Needs::Operator }
}

fn untold(team: &str, leaver: &Account) -> Left {
    let detail = format!(
        "Microsoft Graph does not tell whether {leaver} owns team {team}, so {leaver} stays in it; look at its owners in \
         the Teams admin center"
    );
    Left { code: "team_role_unseen".to_owned(), detail, needs: Needs::Operator }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::team;
    use crate::groups::ownership::tests::successor;

    /// Members by object id; owners end in a star.
    fn members(ids: &[&str]) -> Vec<TeamMember> {
        let member = |id: &&str| {
            let user = id.trim_end_matches('*');
            let roles = if user == *id { vec![] } else { vec!["owner".to_owned()] };
            TeamMember { id: format!("m{user}"), user_id: Some(user.to_owned()), roles: Some(roles) }
        };
        ids.iter().map(member).collect()
    }

    fn membership(ids: &[&str], channel: Option<&[&str]>) -> TeamMembership {
        let channels = channel.map(|ids| {
            let kind = Some("private".to_owned());
            (Channel { id: "c".into(), membership_type: kind, ..Channel::default() }, members(ids))
        });
        TeamMembership {
            group: team("t"),
            members: members(ids),
            channels: channels.into_iter().collect(),
            ..TeamMembership::default()
        }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    }

    const OUT: [&str; 2] = ["remove user 1 from channel c of team t", "remove user 1 from team t"];

    #[test]
    fn channels_are_left_before_the_team() {
        let leaving = membership(&["1", "2*"], Some(&["1", "2*"])).leave("1", &Successor::default(), false);
        assert_eq!(told(&leaving.now), OUT);
        let alone = TeamMembership { channels_only: true, ..membership(&["1"], Some(&["1"])) };
        let leaving = alone.leave("1", &Successor::default(), false);
        assert_eq!(told(&leaving.now), [OUT[0]]);
    }

    #[test]
    fn the_successor_comes_before_the_leaver_goes() {
        let leaving = membership(&["1*", "2"], None).leave("1", &successor("2"), false);
        assert_eq!(told(&leaving.now), ["make user 2 an owner of team t", OUT[1]]);
        let leaving = membership(&["1*"], None).leave("1", &successor("2"), false);
        assert_eq!(told(&leaving.now), ["add user 2 to team t as owner", OUT[1]]);
        let leaving = membership(&["1*"], None).leave("1", &Successor::default(), true);
        assert_eq!(told(&leaving.now), [OUT[1]], "a plan in which the team was handed over");
    }

    #[test]
    fn a_successor_for_a_channel_joins_the_team_first() {
        let successor_here = "make user 2 an owner of channel c of team t";
        let leaving = membership(&["1", "2", "3*"], Some(&["1*", "2"])).leave("1", &successor("2"), false);
        assert_eq!(told(&leaving.now), [successor_here, OUT[0], OUT[1]]);
        let leaving = membership(&["1", "3*"], Some(&["1*"])).leave("1", &successor("2"), false);
        assert_eq!(told(&leaving.now), ["add user 2 to team t"]);
        let later = ["add user 2 to channel c of team t as owner", OUT[0], OUT[1]];
        assert_eq!(told(&leaving.later), later);
        let leaving = membership(&["1*"], Some(&["1*"])).leave("1", &successor("2"), false);
        assert_eq!(told(&leaving.now), ["add user 2 to team t as owner"]);
        assert_eq!(told(&leaving.later), later);
    }

    #[test]
    fn without_a_successor_nothing_changes_and_each_place_is_named() {
        let leaving = membership(&["1*"], Some(&["1*"])).leave("1", &Successor::default(), false);
        assert_eq!((leaving.now.len(), leaving.later.len()), (0, 0));
        let left: Vec<_> = leaving.left.iter().map(|left| (left.code.as_str(), left.needs)).collect();
        assert_eq!(left, [("last_owner", Needs::Operator); 2]);
        assert!(leaving.left[1].detail.starts_with("channel c of team t"), "{:?}", leaving.left);
    }

    #[test]
    fn an_owner_who_cannot_sign_in_does_not_count_and_a_lag_is_reported() {
        let disabled = Owner { id: "2".into(), account_enabled: Some(false), ..Owner::default() };
        let ownerless = TeamMembership { owners: vec![disabled], ..membership(&["1*", "2*"], None) };
        assert_eq!(ownerless.last_owned("1").len(), 1);
        let leaving = membership(&["2*"], None).leave("1", &Successor::default(), false);
        assert_eq!((leaving.now.len(), leaving.left[0].code.as_str()), (0, "team_out_of_step"));
    }
}
