//! Members and owners of teams and channels: reads, adds and removes them.
//!
//! Membership ids are opaque and come from a listing (Microsoft Graph documentation, "List members of team", 2025).

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::{self, quoted};
use crate::http::request::{Query, Write};

/// The most members Teams puts on a page (Microsoft Graph documentation, "List members of team", 2025).
const PAGE: usize = 999;

/// A team, or a channel with members of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The object id of the team, which is that of its group.
    pub team: String,
    /// The channel's id.
    pub channel: Option<String>,
}

impl Place {
    /// A team.
    pub fn team(team: &str) -> Self {
        Self { team: team.to_owned(), channel: None }
    }

    /// A channel of this team.
    pub fn channel(team: &str, channel: &str) -> Self {
        Self { team: team.to_owned(), channel: Some(channel.to_owned()) }
    }

    /// The path of the members, or of one of them.
    fn members<'a>(&'a self, below: Option<&'a str>) -> Vec<&'a str> {
        let mut path = vec!["teams", self.team.as_str()];
        if let Some(channel) = &self.channel {
            path.extend(["channels", channel.as_str()]);
        }
        path.push("members");
        path.extend(below);
        path
    }
}

/// A member of a team or channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct TeamMember {
    /// The membership's id, not the person's.
    pub id: String,
    pub user_id: Option<String>,
    /// Nothing if Graph does not tell.
    pub roles: Option<Vec<String>>,
}

impl TeamMember {
    /// Whether it is this person.
    pub fn is(&self, user_id: &str) -> bool {
        self.user_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(user_id))
    }

    /// Whether the member is an owner.
    pub fn is_owner(&self) -> bool {
        self.roles.iter().flatten().any(|role| role.eq_ignore_ascii_case("owner"))
    }
}

/// The role of a person in a team or channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamRole {
    /// A member.
    Member,
    /// An owner.
    Owner,
}

/// A membership to create or change.
#[derive(Serialize)]
struct Membership<'a> {
    #[serde(rename = "@odata.type")]
    odata_type: &'static str,
    roles: &'a [&'static str],
    #[serde(rename = "user@odata.bind", skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

impl Membership<'_> {
    fn of(role: TeamRole, user: Option<String>) -> Self {
        let roles: &[_] = match role {
            TeamRole::Member => &[],
            TeamRole::Owner => &["owner"],
        };
        Self { odata_type: "#microsoft.graph.aadUserConversationMember", roles, user }
    }
}

impl Reader<'_> {
    /// The members of a team or channel. For a shared channel, those who are members themselves and not through a team.
    pub async fn team_members(self, place: &Place) -> Result<Vec<TeamMember>, Error> {
        self.list(Query::new(&place.members(None))?.page_size(PAGE)).await
    }
}

impl Writer<'_> {
    /// Adds a person to a team or channel. Only for a person who is not a member: Teams does not document the effect on
    /// a member, and some lost their membership (issue threads, 2020).
    pub async fn add_team_member(self, place: &Place, user_id: &str, role: TeamRole) -> Result<(), Error> {
        let key = format!("users({})", quoted(user_id));
        let user = self.address(&path::join(&[&key])?);
        let membership = Membership::of(role, Some(user));
        self.send(Write::post(&place.members(None))?.json(&membership)?).await
    }

    /// Sets the role of a member of a team or channel.
    pub async fn set_team_role(
        self,
        place: &Place,
        membership_id: &str,
        role: TeamRole,
    ) -> Result<(), Error> {
        let write = Write::patch(&place.members(Some(membership_id)))?;
        self.send(write.json(&Membership::of(role, None))?).await
    }

    /// Removes a member or owner from a team or channel. Leaving a team also ends membership of its private channels.
    pub async fn remove_team_member(self, place: &Place, membership_id: &str) -> Result<(), Error> {
        self.remove(&place.members(Some(membership_id))).await
    }
}
