//! Owners of groups: reads, adds and removes them.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

/// An owner of a group: a person or an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Owner {
    pub id: String,
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
    pub account_enabled: Option<bool>,
}

impl Owner {
    /// Whether it is a person who can sign in. Graph does not accept an application as the only owner either (seen in
    /// issue threads, 2023).
    pub fn can_act(&self) -> bool {
        let is_application = self.odata_type.as_deref().is_some_and(|name| !name.ends_with(".user"));
        !is_application && self.account_enabled != Some(false)
    }
}

impl Reader<'_> {
    /// The owners of a group.
    pub async fn owners(self, group_id: &str) -> Result<Vec<Owner>, Error> {
        self.list(Query::new(&["groups", group_id, "owners"])?.select(&["id", "accountEnabled"])).await
    }
}

impl Writer<'_> {
    /// Makes a person an owner of a group.
    ///
    /// # Errors
    ///
    /// [`is_limit_reached`](Error::is_limit_reached) when the group has a hundred owners.
    pub async fn add_owner(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        let owner = self.reference(&["users", user_id])?;
        let write = Write::post(&["groups", group_id, "owners", "$ref"])?.json(&owner)?;
        match self.send(write).await {
            Err(error) if error.is_already_exists() => Ok(()),
            outcome => outcome,
        }
    }

    /// Removes a person from the owners of a group. A membership stays.
    ///
    /// # Errors
    ///
    /// [`is_unprepared`](Error::is_unprepared) when there is no other owner.
    pub async fn remove_owner(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.remove(&["groups", group_id, "owners", user_id, "$ref"]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_who_cannot_act_is_told_from_one_who_can() {
        let owner = |json: &str| serde_json::from_str::<Owner>(json).unwrap();
        let person = r##"{"id":"1","@odata.type":"#microsoft.graph.user","accountEnabled":true}"##;
        let disabled = r##"{"id":"1","@odata.type":"#microsoft.graph.user","accountEnabled":false}"##;
        let application = r##"{"id":"1","@odata.type":"#microsoft.graph.servicePrincipal"}"##;
        assert!(owner(person).can_act() && owner(r#"{"id":"1"}"#).can_act());
        assert!(!owner(disabled).can_act() && !owner(application).can_act());
    }
}
