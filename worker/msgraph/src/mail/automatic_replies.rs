//! Automatic replies of mailboxes.

use serde::{Deserialize, Serialize};

use super::date_time::DateTimeTimeZone;
use super::mailbox::in_mailbox;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

/// The automatic replies of a mailbox. The messages are HTML.
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

/// Whether automatic replies are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AutomaticRepliesStatus {
    /// Off.
    #[default]
    Disabled,
    /// On until someone turns them off.
    AlwaysEnabled,
    /// On between two points in time.
    Scheduled,
    /// A value that Graph added later.
    #[serde(other)]
    Unknown,
}

/// The senders outside the organization who get a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExternalAudience {
    /// No sender.
    #[default]
    None,
    /// The person's contacts.
    ContactsOnly,
    /// Every sender.
    All,
    /// A value that Graph added later.
    #[serde(other)]
    Unknown,
}

/// A change of a mailbox's settings. An absent setting keeps its value.
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
    /// The automatic replies of a mailbox; `None` if there is no mailbox, or not yet.
    pub async fn automatic_replies(self, user_id: &str) -> Result<Option<AutomaticReplies>, Error> {
        let query = Query::new(&["users", user_id, "mailboxSettings", "automaticRepliesSetting"])?;
        in_mailbox(self.get(query).await)
    }
}

impl Writer<'_> {
    /// Sets the automatic replies of a mailbox.
    pub async fn set_automatic_replies(self, user_id: &str, replies: &AutomaticReplies) -> Result<(), Error> {
        self.update_settings(user_id, replies).await
    }

    /// Turns automatic replies off. The messages stay for the person to find.
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
    fn a_value_that_graph_adds_later_is_unknown() {
        let replies: AutomaticReplies =
            serde_json::from_str(r#"{"status":"sometimes","externalAudience":"partners"}"#).unwrap();
        assert_eq!(replies.status, AutomaticRepliesStatus::Unknown);
        assert_eq!(replies.external_audience, ExternalAudience::Unknown);
    }

    #[test]
    fn turning_replies_off_keeps_the_messages() {
        let patch = StatusPatch { status: AutomaticRepliesStatus::Disabled };
        let patch = SettingsPatch { automatic_replies_setting: patch };
        let text = serde_json::to_string(&patch).unwrap();
        assert_eq!(text, r#"{"automaticRepliesSetting":{"status":"disabled"}}"#);
    }
}
