//! Messages of a mailbox: drafts and sent messages.

use serde::Deserialize;
use serde_json::{Value, json};

/// A message, under Graph's names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct MailMessage {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) internet_message_id: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// Whether the body is HTML.
    #[serde(skip)]
    pub(crate) html: bool,
    pub(crate) recipients: Vec<String>,
    pub(crate) is_sent: bool,
}

impl MailMessage {
    /// `message`, as far as it is kept.
    pub(crate) fn property(&self, name: &str) -> Option<Value> {
        let recipient = |address: &String| json!({ "emailAddress": { "address": address } });
        Some(match name {
            "body" => {
                json!({ "contentType": if self.html { "html" } else { "text" }, "content": self.body })
            }
            "id" => json!(self.id),
            "internetMessageId" => json!(self.internet_message_id),
            "isDraft" => json!(!self.is_sent),
            "subject" => json!(self.subject),
            "toRecipients" => self.recipients.iter().map(recipient).collect(),
            _ => return None,
        })
    }
}
