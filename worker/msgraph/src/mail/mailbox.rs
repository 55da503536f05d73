//! Mailboxes: whether a person has one, and its purpose.
//!
//! Every read returns `None` for a missing mailbox. Graph has half a dozen answers for it, and none of them says why
//! it is missing (seen in clients' code and support threads, 2021 to 2026).

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purpose {
    user_purpose: Option<String>,
}

impl Reader<'_> {
    /// The purpose of a mailbox: `user`, `shared`, `room` and the like; `None` if there is no mailbox, or not yet.
    pub async fn mailbox_purpose(self, user_id: &str) -> Result<Option<String>, Error> {
        let query = Query::new(&["users", user_id, "mailboxSettings"])?;
        let settings: Option<Purpose> = in_mailbox(self.get(query).await)?;
        Ok(settings.and_then(|settings| settings.user_purpose))
    }
}

/// Absence is data: a missing mailbox is `None`, with any of Graph's codes for it.
pub(crate) fn in_mailbox<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.is_mailbox_missing() || error.says_missing() => Ok(None),
        Err(error) => Err(error),
    }
}
