//! Folders of mailboxes.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

#[derive(Deserialize)]
struct Folder {}

impl Reader<'_> {
    /// Whether the mailbox has a folder with this id. An id of another mailbox, or of none, is of no folder here.
    pub async fn has_mail_folder(self, user_id: &str, folder_id: &str) -> Result<bool, Error> {
        let query = Query::new(&["users", user_id, "mailFolders", folder_id])?.select(&["id"]);
        match self.find::<Folder>(query).await {
            Ok(folder) => Ok(folder.is_some()),
            Err(error) if error.is_id_of_nothing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
