//! The manager of a person.

use super::user::DirectoryObject;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

impl Reader<'_> {
    /// A person's manager; `None` if there is none.
    pub async fn manager(self, user_id: &str) -> Result<Option<DirectoryObject>, Error> {
        self.find(Query::new(&["users", user_id, "manager"])?.select(&["id"])).await
    }
}

impl Writer<'_> {
    /// Sets a person's manager, in place of the one before.
    pub async fn set_manager(self, user_id: &str, manager_id: &str) -> Result<(), Error> {
        let manager = self.reference(&["users", manager_id])?;
        self.send(Write::put(&["users", user_id, "manager", "$ref"])?.json(&manager)?).await
    }

    /// Removes a person's manager.
    pub async fn remove_manager(self, user_id: &str) -> Result<(), Error> {
        // Without a manager Graph answers 404.
        self.remove(&["users", user_id, "manager", "$ref"]).await
    }
}
