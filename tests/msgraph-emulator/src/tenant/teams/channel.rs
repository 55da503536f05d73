//! Channels of a team with members of their own; channels of the whole team are not stored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tenant::ids::name_id;

/// A private or shared channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    pub(crate) display_name: String,
    /// Whether people outside the team may be members.
    #[serde(default)]
    pub(crate) shared: bool,
    /// Members, and whether each is an owner.
    #[serde(skip)]
    pub(crate) members: BTreeMap<Uuid, bool>,
    #[serde(default, rename = "members")]
    wished_members: Vec<String>,
    #[serde(default, rename = "owners")]
    wished_owners: Vec<String>,
}

impl Channel {
    /// A channel that part of a team is in.
    #[must_use]
    pub fn private(display_name: &str) -> Self {
        Self {
            display_name: display_name.to_owned(),
            shared: false,
            members: BTreeMap::new(),
            wished_members: Vec::new(),
            wished_owners: Vec::new(),
        }
    }

    /// A channel that people of other teams can be in.
    #[must_use]
    pub fn shared(display_name: &str) -> Self {
        Self { shared: true, ..Self::private(display_name) }
    }

    /// Adds a member, by id or user principal name.
    #[must_use]
    pub fn member(mut self, key: &str) -> Self {
        self.wished_members.push(key.to_owned());
        self
    }

    /// Adds an owner, by id or user principal name.
    #[must_use]
    pub fn owner(mut self, key: &str) -> Self {
        self.wished_owners.push(key.to_owned());
        self
    }

    /// Resolves the names of members and owners to ids; an error is a name that nobody has.
    pub(in crate::tenant) fn settle(&mut self, find: impl Fn(&str) -> Option<Uuid>) -> Result<(), String> {
        let members = std::mem::take(&mut self.wished_members).into_iter().map(|key| (key, false));
        let owners = std::mem::take(&mut self.wished_owners).into_iter().map(|key| (key, true));
        for (key, owns) in members.chain(owners) {
            let id = find(&key).ok_or(key)?;
            self.members.insert(id, owns);
        }
        Ok(())
    }

    /// The id in a team, as Teams writes one.
    pub(crate) fn id_in(&self, team: Uuid) -> String {
        channel_id(team, &self.display_name)
    }

    pub(in crate::tenant) fn state(&self) -> Value {
        json!({ "displayName": self.display_name, "members": self.members, "shared": self.shared })
    }
}

/// The id of a channel by its name.
pub(crate) fn channel_id(team: Uuid, name: &str) -> String {
    format!("19:{}@thread.tacv2", name_id("channel", &format!("{team}/{name}")).simple())
}
