//! Messages: written as a draft once and sent once.
//!
//! The answer of `sendMail` does not distinguish a repetition from the first call. A draft does: the client chooses its
//! `internetMessageId`, which stays when the message is sent and moves to another folder ("message resource type",
//! Microsoft Graph documentation, 2026). A retry looks for that id.

use serde::{Deserialize, Serialize};

use super::recipient::Recipient;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::quoted;
use crate::http::request::{Query, Write};

/// A message in a mailbox, draft or sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Message {
    pub id: String,
    pub is_draft: Option<bool>,
}

/// A message to write.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct NewMessage {
    pub internet_message_id: String,
    pub subject: String,
    pub body: ItemBody,
    pub to_recipients: Vec<Recipient>,
}

/// The body of a message.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct ItemBody {
    pub content_type: &'static str,
    pub content: String,
}

impl ItemBody {
    /// Plain text.
    pub fn text(content: impl Into<String>) -> Self {
        Self { content_type: "text", content: content.into() }
    }
}

impl Reader<'_> {
    /// The message with this internet message id, in any folder of a mailbox; of several, one that was sent.
    ///
    /// # Errors
    ///
    /// A missing mailbox is an error, too.
    pub async fn message_by_internet_id(self, user_id: &str, id: &str) -> Result<Option<Message>, Error> {
        let query = Query::new(&["users", user_id, "messages"])?
            .filter(&format!("internetMessageId eq {}", quoted(id)))
            .select(&["id", "isDraft"]);
        let found: Vec<Message> = self.list(query).await?;
        Ok(found.into_iter().min_by_key(|message| message.is_draft == Some(true)))
    }
}

impl Writer<'_> {
    /// Writes a message as a draft.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the draft before writing another.
    pub async fn create_draft(self, user_id: &str, message: &NewMessage) -> Result<Message, Error> {
        self.send_for(Write::post(&["users", user_id, "messages"])?.json(message)?).await
    }

    /// Deletes a message, draft or sent.
    pub async fn delete_message(self, user_id: &str, message_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id, "messages", message_id]).await
    }

    /// Sends a draft.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the draft before a retry.
    pub async fn send_draft(self, user_id: &str, message_id: &str) -> Result<(), Error> {
        self.send(Write::post(&["users", user_id, "messages", message_id, "send"])?).await
    }
}
