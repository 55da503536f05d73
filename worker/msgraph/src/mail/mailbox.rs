//! Mailboxes: automatic replies, and the rules of the inbox.
//!
//! A mailbox that is not there is `None` in every read: Graph has half a dozen answers for it, and which of them it
//! gives says nothing about why (seen in clients' code and support threads, 2021 to 2026).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};
use crate::users::user::null_as_empty;

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

/// A moment as Outlook writes it: the time on a wall, and where the wall is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DateTimeTimeZone {
    pub date_time: String,
    pub time_zone: String,
}

impl DateTimeTimeZone {
    /// A moment, written in UTC.
    pub fn utc(moment: Timestamp) -> Self {
        let date_time = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        Self { date_time, time_zone: "UTC".to_owned() }
    }

    /// The moment, if it is written in UTC: settings are, unless another zone is asked for.
    pub fn moment(&self) -> Option<Timestamp> {
        let wall: DateTime = self.date_time.parse().ok()?;
        let is_utc = self.time_zone.eq_ignore_ascii_case("UTC");
        is_utc.then(|| wall.to_zoned(TimeZone::UTC).ok()).flatten().map(|zoned| zoned.timestamp())
    }
}

/// A rule of the inbox.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct InboxRule {
    pub id: String,
    pub display_name: Option<String>,
    pub is_enabled: Option<bool>,
    pub has_error: Option<bool>,
    pub is_read_only: Option<bool>,
    /// Of which messages it is true; what is `None` or empty is true of all.
    pub conditions: Option<Map<String, Value>>,
    pub exceptions: Option<Map<String, Value>>,
    pub actions: Option<RuleActions>,
}

impl InboxRule {
    /// Whether the rule is about every message.
    pub fn is_unconditional(&self) -> bool {
        let says_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        [&self.conditions, &self.exceptions]
            .into_iter()
            .flatten()
            .all(|predicates| predicates.values().all(says_nothing))
    }
}

/// What a rule does with a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RuleActions {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub forward_to: Vec<Recipient>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub redirect_to: Vec<Recipient>,
    pub stop_processing_rules: Option<bool>,
    /// Moving, deleting, marking and whatever else.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl RuleActions {
    /// Whether nothing is done with a message but to send it on.
    pub fn only_send_on(&self) -> bool {
        let says_nothing = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        // Graph's own notes, such as `@odata.type`, do nothing.
        self.others.iter().all(|(name, value)| name.starts_with('@') || says_nothing(value))
    }
}

/// A rule to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct NewInboxRule {
    pub display_name: String,
    pub sequence: u32,
    pub is_enabled: bool,
    pub actions: RuleActions,
}

/// Somebody mail goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Recipient {
    pub email_address: EmailAddress,
}

/// An address, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct EmailAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub address: Option<String>,
}

impl Recipient {
    /// Whoever has this address.
    pub fn at(address: &str) -> Self {
        Self { email_address: EmailAddress { name: None, address: Some(address.to_owned()) } }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purpose {
    user_purpose: Option<String>,
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

    /// What a mailbox is for: `user`, `shared`, `room` and the like; `None` where there is no mailbox, or not yet.
    pub async fn mailbox_purpose(self, user_id: &str) -> Result<Option<String>, Error> {
        let query = Query::new(&["users", user_id, "mailboxSettings"])?;
        let settings: Option<Purpose> = in_mailbox(self.get(query).await)?;
        Ok(settings.and_then(|settings| settings.user_purpose))
    }

    /// The rules of the inbox; `None` where there is no mailbox, or not yet.
    pub async fn inbox_rules(self, user_id: &str) -> Result<Option<Vec<InboxRule>>, Error> {
        in_mailbox(self.list(Query::new(&inbox_rules(user_id))?).await)
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

    /// Makes a rule of the inbox.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the rule before making a second one.
    pub async fn create_inbox_rule(self, user_id: &str, rule: &NewInboxRule) -> Result<(), Error> {
        self.send(Write::post(&inbox_rules(user_id))?.json(rule)?).await
    }

    /// Removes a rule of the inbox.
    pub async fn delete_inbox_rule(self, user_id: &str, rule_id: &str) -> Result<(), Error> {
        let segments = ["users", user_id, "mailFolders", "inbox", "messageRules", rule_id];
        match self.send(Write::delete(&segments)?).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }

    async fn update_settings(self, user_id: &str, setting: impl Serialize + Send) -> Result<(), Error> {
        let patch = SettingsPatch { automatic_replies_setting: setting };
        self.send(Write::patch(&["users", user_id, "mailboxSettings"])?.json(&patch)?).await
    }
}

fn inbox_rules(user_id: &str) -> [&str; 5] {
    ["users", user_id, "mailFolders", "inbox", "messageRules"]
}

/// Absence is data: a mailbox that is not there is `None`, by whichever of its names Graph calls that.
pub(crate) fn in_mailbox<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.is_mailbox_missing() || error.says_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_where_it_is_in_utc() {
        let written = |date_time: &str, time_zone: &str| DateTimeTimeZone {
            date_time: date_time.into(),
            time_zone: time_zone.into(),
        };
        let moment: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        assert_eq!(DateTimeTimeZone::utc(moment), written("2026-03-02T08:00:00", "UTC"));
        assert_eq!(written("2026-03-02T08:00:00.0000000", "UTC").moment(), Some(moment));
        assert_eq!(written("2026-03-02T08:00:00", "W. Europe Standard Time").moment(), None);
        assert_eq!(written("tomorrow", "UTC").moment(), None);
    }

    #[test]
    fn a_rule_about_every_message_has_no_condition_that_says_something() {
        let rule = |json: &str| serde_json::from_str::<InboxRule>(json).unwrap();
        assert!(rule(r#"{"id":"1"}"#).is_unconditional());
        assert!(rule(r#"{"id":"1","conditions":{"sentToMe":null},"exceptions":{}}"#).is_unconditional());
        assert!(!rule(r#"{"id":"1","conditions":{"sentToMe":true}}"#).is_unconditional());
        assert!(!rule(r#"{"id":"1","exceptions":{"senderContains":["ada"]}}"#).is_unconditional());
    }

    #[test]
    fn a_rule_that_also_deletes_does_more_than_send_on() {
        let actions = |json: &str| serde_json::from_str::<RuleActions>(json).unwrap();
        assert!(actions(r#"{"forwardTo":[],"delete":false,"assignCategories":[],"@x":1}"#).only_send_on());
        assert!(!actions(r#"{"forwardTo":null,"delete":true}"#).only_send_on());
        assert!(!actions(r#"{"moveToFolder":"1"}"#).only_send_on());
    }

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
