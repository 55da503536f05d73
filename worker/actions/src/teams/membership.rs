//! Teams: adding or removing a member, or changing the member's role.
//!
//! Every team is also a group, and Teams and the directory synchronize with a delay. To keep both consistent, members
//! of a group with a team are changed through Teams alone: actions for groups leave it.

use std::fmt;
use std::time::Duration;

use futures_util::future::try_join_all;
use msgraph::{Channel, Group, GroupKind, Place, TeamMember, TeamRole, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Error, View};

/// How long Teams may take to show a new member (Microsoft asks for two seconds between two members, "Add member to
/// team", 2023).
pub const SETTLES_AFTER: Duration = Duration::from_secs(20);

/// Whether Teams changes a group's members and owners. Members by a rule are changed through neither.
pub fn is_through_teams(group: &Group) -> bool {
    group.is_team() && group.kind() != GroupKind::Dynamic
}

/// The action that ends memberships of teams, and reports on each.
const ENDS: &str = "remove_from_teams";

/// Whether an earlier step of the run has the task to end the person's memberships of teams. It may have failed: a
/// replay repeats it.
pub fn are_left(graph: View<'_>) -> bool {
    graph.has_run(ENDS) || graph.has_failed(ENDS)
}

/// The note of an action for groups that leaves a team alone.
pub fn left_to_teams(group: &Group) -> Left {
    let detail = format!("group {} is a team; run {ENDS} to remove the person", group.id);
    Left { code: "team".to_owned(), detail, needs: Needs::Operator }
}

/// The note about a membership that the directory shows and Teams does not, as for a while after a change.
pub fn left_out_of_step(team: &str, user: &dyn fmt::Display, role: &str) -> Left {
    let detail = format!("the directory shows {user} as {role} of team {team}, and Teams does not");
    Left { code: "team_out_of_step".to_owned(), detail, needs: Needs::Nobody }
}

/// A team, or some of its channels, as a workflow names them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TeamRef {
    /// Display name or object id of a team.
    Team(String),
    /// Channels of a team that have members of their own.
    Channels(ChannelRefs),
}

impl TeamRef {
    /// Whether it is about channels and names none, as when a template gives an empty list. A removal must not take
    /// that for the whole team.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Channels(references) if references.channels.is_empty())
    }

    /// The team, and the channels if only these are meant.
    fn named(&self) -> (&str, &[String]) {
        match self {
            Self::Team(team) => (team, &[]),
            Self::Channels(ChannelRefs { team, channels }) => (team, channels),
        }
    }
}

/// Channels of a team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelRefs {
    /// Display name or object id of the team.
    team: String,
    /// Display names or ids of private or shared channels.
    channels: Vec<String>,
}

/// A team to join, or some of its channels, as a workflow names them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JoinRef {
    /// Display name or object id of a team.
    Team(String),
    /// Channels of a team that have members of their own.
    Channels(JoinChannels),
}

/// Channels of a team to join.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinChannels {
    /// Display name or object id of the team.
    team: String,
    /// Display names or ids of private or shared channels.
    channels: Vec<String>,
    /// Whether the person owns these channels.
    #[serde(default)]
    owner: bool,
}

impl JoinRef {
    /// Whether the person is to own what is named.
    pub fn is_owned(&self) -> bool {
        matches!(self, Self::Channels(channels) if channels.owner)
    }

    /// The named team or channels, without the role.
    pub fn named(&self) -> TeamRef {
        match self.clone() {
            Self::Team(team) => TeamRef::Team(team),
            Self::Channels(JoinChannels { team, channels, .. }) => {
                TeamRef::Channels(ChannelRefs { team, channels })
            }
        }
    }
}

/// A named team with its named channels.
#[derive(Clone, Debug)]
pub struct Team {
    /// The group behind it.
    pub group: Group,
    /// Empty if the team itself is meant.
    pub channels: Vec<Channel>,
}

/// The teams and channels with these names or ids, each once.
///
/// # Errors
///
/// `team_not_found`, `not_a_team`, `channel_not_found`, `standard_channel`; `ambiguous_team` and `ambiguous_channel`,
/// which list the candidates' ids.
pub async fn resolve(references: &[TeamRef], graph: View<'_>) -> Result<Vec<Team>, Error> {
    let named: Vec<_> = references.iter().map(|reference| reference.named().0).collect();
    graph.look_up_groups(&named).await?;
    let found = references.iter().map(async |reference| {
        let (team, wanted) = reference.named();
        let group = find_team(team, graph).await?;
        let known = if wanted.is_empty() { Vec::new() } else { graph.channels(&group.id).await? };
        let channels = wanted.iter().map(|name| find_channel(name, &group, &known).cloned());
        let channels = channels.collect::<Result<Vec<_>, Error>>()?;
        Ok::<_, Error>(Team { group, channels })
    });
    let mut teams: Vec<Team> = Vec::with_capacity(references.len());
    for team in try_join_all(found).await? {
        match teams.iter_mut().find(|known| known.group.id == team.group.id) {
            Some(known) => {
                let new = team.channels.into_iter().filter(|channel| !known.channels.contains(channel));
                let new: Vec<_> = new.collect();
                known.channels.extend(new);
            }
            None => teams.push(team),
        }
    }
    Ok(teams)
}

/// The same for the teams of the parameter `keep`.
pub async fn resolve_kept(references: &[TeamRef], graph: View<'_>) -> Result<Vec<Team>, Error> {
    resolve(references, graph).await.map_err(|error| error.about(&["keep"]))
}

async fn find_team(reference: &str, graph: View<'_>) -> Result<Group, Error> {
    let found = graph.groups_with(reference).await?;
    let is_some_group = !found.is_empty();
    let mut teams: Vec<_> = found.into_iter().filter(Group::is_team).collect();
    match (teams.pop(), teams.is_empty()) {
        (Some(team), true) => Ok(team),
        (Some(last), false) => {
            let ids: Vec<_> = teams.iter().chain([&last]).map(|team| team.id.as_str()).collect();
            let detail = format!(
                "{} teams have the name `{reference}`; use one of the ids {}",
                ids.len(),
                ids.join(", ")
            );
            Err(Error::rejected(&["teams"], "ambiguous_team", detail))
        }
        (None, _) if is_some_group => {
            let detail = format!("group `{reference}` has no team; use add_to_groups or remove_from_groups");
            Err(Error::rejected(&["teams"], "not_a_team", detail))
        }
        (None, _) => {
            let detail = format!("team `{reference}` not found; check the name or id");
            Err(Error::rejected(&["teams"], "team_not_found", detail))
        }
    }
}

fn find_channel<'a>(reference: &str, team: &Group, known: &'a [Channel]) -> Result<&'a Channel, Error> {
    let is_it = |channel: &&Channel| {
        let name = channel.display_name.as_deref();
        channel.id == reference || name.is_some_and(|name| name.eq_ignore_ascii_case(reference))
    };
    let found: Vec<_> = known.iter().filter(is_it).collect();
    match found.as_slice() {
        [channel] if channel.is_standard() => {
            let detail = format!(
                "channel {} of team {} is open to all its members; name the team instead",
                channel.id, team.id
            );
            Err(Error::rejected(&["teams"], "standard_channel", detail))
        }
        [channel] => Ok(channel),
        [] => {
            let detail = format!("channel `{reference}` of team {} not found; check the name or id", team.id);
            Err(Error::rejected(&["teams"], "channel_not_found", detail))
        }
        several => {
            let ids: Vec<_> = several.iter().map(|channel| channel.id.as_str()).collect();
            let detail = format!(
                "{} channels of team {} have the name `{reference}`; use one of the ids {}",
                ids.len(),
                team.id,
                ids.join(", ")
            );
            Err(Error::rejected(&["teams"], "ambiguous_channel", detail))
        }
    }
}

/// One write to a team or channel.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Adds a person.
    Add {
        /// The team or channel.
        place: Place,
        /// The person.
        user: Account,
        /// The role.
        role: TeamRole,
    },
    /// Changes a member's role.
    SetRole {
        /// The team or channel.
        place: Place,
        /// The membership's id.
        membership: String,
        /// The person.
        user: Account,
        /// The new role.
        role: TeamRole,
    },
    /// Removes a member.
    Remove {
        /// The team or channel.
        place: Place,
        /// The membership's id.
        membership: String,
        /// The person.
        user: Account,
    },
}

impl Change {
    /// The team or channel that it changes.
    pub fn place(&self) -> &Place {
        let (Self::Add { place, .. } | Self::SetRole { place, .. } | Self::Remove { place, .. }) = self;
        place
    }

    /// Whether this person no longer owns the place afterwards, and is still in it.
    pub fn takes_ownership_from(&self, person: &str) -> bool {
        matches!(self, Self::SetRole { user: Account::Known(id), role: TeamRole::Member, .. } if id == person)
    }

    /// Whether it removes this person.
    pub fn removes(&self, person: &str) -> bool {
        matches!(self, Self::Remove { user: Account::Known(id), .. } if id == person)
    }

    /// Makes this person an owner of a place with these members, unless the person is one.
    pub fn make_owner(place: &Place, user: &str, members: &[TeamMember]) -> Option<Self> {
        let (place, role) = (place.clone(), TeamRole::Owner);
        let member = members.iter().find(|member| member.is(user));
        let user = Account::Known(user.to_owned());
        match member {
            Some(member) if member.is_owner() => None,
            Some(member) => Some(Self::SetRole { place, membership: member.id.clone(), user, role }),
            None => Some(Self::Add { place, user, role }),
        }
    }

    /// Makes the change.
    pub async fn apply(&self, graph: Writer<'_>) -> Result<(), Error> {
        let (outcome, place) = match self {
            Self::Add { place, user, role } => (graph.add_team_member(place, user.id()?, *role).await, place),
            Self::SetRole { place, membership, role, .. } => {
                (graph.set_team_role(place, membership, *role).await, place)
            }
            Self::Remove { place, membership, .. } => {
                (graph.remove_team_member(place, membership).await, place)
            }
        };
        outcome.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || missing_permission(place))
        })
    }
}

/// Names the permission to read or change the members of a place.
fn missing_permission(place: &Place) -> String {
    let needed = match place.channel {
        None => "TeamMember.ReadWrite.All",
        Some(_) => "ChannelMember.ReadWrite.All",
    };
    format!("changing the members of {} needs {needed}", PlaceName(place))
}

/// A place, printed as a team or a channel.
pub struct PlaceName<'a>(pub &'a Place);

impl fmt::Display for PlaceName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.channel {
            None => write!(f, "team {}", self.0.team),
            Some(channel) => write!(f, "channel {channel} of team {}", self.0.team),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { place, user, role: TeamRole::Member } => {
                write!(f, "add {user} to {}", PlaceName(place))
            }
            Self::Add { place, user, role: TeamRole::Owner } => {
                write!(f, "add {user} to {} as owner", PlaceName(place))
            }
            Self::SetRole { place, user, role: TeamRole::Owner, .. } => {
                write!(f, "make {user} an owner of {}", PlaceName(place))
            }
            Self::SetRole { place, user, role: TeamRole::Member, .. } => {
                write!(f, "make {user} no longer an owner but a member of {}", PlaceName(place))
            }
            Self::Remove { place, user, .. } => write!(f, "remove {user} from {}", PlaceName(place)),
        }
    }
}
