//! What mailboxes answer by themselves.

use serde::{Deserialize, Serialize};

use super::date_time::DateTimeTimeZone;
use super::mailbox::in_mailbox;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

/// What a mailbox answers by itself. The messages are HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AutomaticReplies {
    pub status: AutomaticRepliesStatus,
    pub external_audience: ExternalAudience,
    pub internal_reply_message: Option<String>,
    pub external_reply_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_start_date_time: Option<DateTimeTimeZone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_end_date_time: Option<DateTimeTimeZone>,
}

/// Whether a mailbox answers by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AutomaticRepliesStatus {
    /// It does not.
    #[default]
    Disabled,
    /// Until somebody turns it off.
    AlwaysEnabled,
    /// Between two moments.
    Scheduled,
    /// What Graph had no word for when this was written.
    #[serde(other)]
    Unknown,
}

/// Who outside gets an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExternalAudience {
    /// Nobody.
    #[default]
    None,
    /// The person's contacts.
    ContactsOnly,
    /// Everybody.
    All,
    /// What Graph had no word for when this was written.
    #[serde(other)]
    Unknown,
}

/// A change of a mailbox's settings. What is not sent keeps its value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsPatch<T> {
    automatic_replies_setting: T,
}

#[derive(Serialize)]
struct StatusPatch {
    status: AutomaticRepliesStatus,
}

impl Reader<'_> {
    /// What a mailbox answers by itself; `None` where there is no mailbox, or not yet.
    pub async fn automatic_replies(self, user_id: &str) -> Result<Option<AutomaticReplies>, Error> {
        let query = Query::new(&["users", user_id, "mailboxSettings", "automaticRepliesSetting"])?;
        in_mailbox(self.get(query).await)
    }
}

impl Writer<'_> {
    /// Has a mailbox answer by itself, or not.
    pub async fn set_automatic_replies(self, user_id: &str, replies: &AutomaticReplies) -> Result<(), Error> {
        self.update_settings(user_id, replies).await
    }

    /// Has a mailbox answer no longer; the messages stay where the person finds them.
    pub async fn disable_automatic_replies(self, user_id: &str) -> Result<(), Error> {
        self.update_settings(user_id, StatusPatch { status: AutomaticRepliesStatus::Disabled }).await
    }

    async fn update_settings(self, user_id: &str, setting: impl Serialize + Send) -> Result<(), Error> {
        let patch = SettingsPatch { automatic_replies_setting: setting };
        self.send(Write::patch(&["users", user_id, "mailboxSettings"])?.json(&patch)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_graph_finds_later_are_no_words_of_ours() {
        let replies: AutomaticReplies =
            serde_json::from_str(r#"{"status":"sometimes","externalAudience":"partners"}"#).unwrap();
        assert_eq!(replies.status, AutomaticRepliesStatus::Unknown);
        assert_eq!(replies.external_audience, ExternalAudience::Unknown);
    }

    #[test]
    fn what_is_turned_off_keeps_its_words() {
        let patch = StatusPatch { status: AutomaticRepliesStatus::Disabled };
        let patch = SettingsPatch { automatic_replies_setting: patch };
        let text = serde_json::to_string(&patch).unwrap();
        assert_eq!(text, r#"{"automaticRepliesSetting":{"status":"disabled"}}"#);
    }
}
