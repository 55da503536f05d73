//! Channels of teams.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Channel {
    pub id: String,
    pub display_name: Option<String>,
    /// `standard`, `private` or `shared`.
    pub membership_type: Option<String>,
}

impl Channel {
    /// Whether people outside the team can be members.
    pub fn is_shared(&self) -> bool {
        self.membership_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("shared"))
    }

    /// Whether its members are exactly those of the team.
    pub fn is_standard(&self) -> bool {
        self.membership_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("standard"))
    }
}

impl Reader<'_> {
    /// The channels of a team that the application may see.
    pub async fn channels(self, team_id: &str) -> Result<Vec<Channel>, Error> {
        let query = Query::new(&["teams", team_id, "channels"])?;
        self.list(query.select(&["id", "displayName", "membershipType"])).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_with_members_of_their_own_are_told_apart() {
        let kind =
            |kind: Option<&str>| Channel { membership_type: kind.map(Into::into), ..Channel::default() };
        assert!(kind(None).is_standard() && kind(Some("standard")).is_standard());
        assert!(!kind(Some("private")).is_standard() && !kind(Some("shared")).is_standard());
        assert!(kind(Some("shared")).is_shared() && !kind(Some("private")).is_shared());
    }
}
