//! Teams and their channels: who is in them, who owns them, and one member more or less.
//!
//! Membership ids are opaque and come from a listing (Microsoft Graph documentation, "List members of team", 2025).

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json::null_as_empty;
use crate::http::path::{self, quoted};
use crate::http::request::{Query, Write};

/// The most members Teams puts on a page (Microsoft Graph documentation, "List members of team", 2025).
const PAGE: usize = 999;

/// A team, or a channel of it that has members of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The object id of the team, which is its group's.
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

    /// The path of the members, or of what is below them.
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

/// Somebody in a team or channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct TeamMember {
    /// The membership's id, not the person's.
    pub id: String,
    pub user_id: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub roles: Vec<String>,
}

impl TeamMember {
    /// Whether it is this person.
    pub fn is(&self, user_id: &str) -> bool {
        self.user_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(user_id))
    }

    /// Whether they are an owner.
    pub fn is_owner(&self) -> bool {
        self.roles.iter().any(|role| role.eq_ignore_ascii_case("owner"))
    }
}

/// What somebody is in a team or channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamRole {
    /// In it.
    Member,
    /// Answers for it.
    Owner,
}

/// A membership to be made or changed.
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
    /// Who is in a team or channel. In a shared channel those who are in it by themselves, and not with a whole team.
    pub async fn team_members(self, place: &Place) -> Result<Vec<TeamMember>, Error> {
        self.list(Query::new(&place.members(None))?.page_size(PAGE)).await
    }
}

impl Writer<'_> {
    /// Puts a person into a team or channel. Only for who is not in it: what Teams does to whoever is, it does not
    /// say, and some were seen to lose their membership (issue threads, 2020).
    pub async fn add_team_member(self, place: &Place, user_id: &str, role: TeamRole) -> Result<(), Error> {
        let key = format!("users({})", quoted(user_id));
        let user = self.address(&path::join(&[&key])?);
        let membership = Membership::of(role, Some(user));
        self.send(Write::post(&place.members(None))?.json(&membership)?).await
    }

    /// Makes somebody in a team or channel an owner, or no longer one.
    pub async fn set_team_role(
        self,
        place: &Place,
        membership_id: &str,
        role: TeamRole,
    ) -> Result<(), Error> {
        let write = Write::patch(&place.members(Some(membership_id)))?;
        self.send(write.json(&Membership::of(role, None))?).await
    }

    /// Takes somebody out of a team or channel, as an owner too. Who leaves a team leaves its private channels.
    pub async fn remove_team_member(self, place: &Place, membership_id: &str) -> Result<(), Error> {
        self.remove(&place.members(Some(membership_id))).await
    }
}
