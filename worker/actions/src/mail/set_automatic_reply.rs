//! Makes true: the mailbox has these settings of automatic replies, as Graph gave them earlier.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** a schedule that has ended (`schedule_ended`) or whose times are not in UTC (`schedule_unreadable`): the
//! texts are set, and the replies are off. A person without a mailbox gets a note.
//! **Idempotent because** it reads the settings and writes all of them if one differs. It compares texts word by word,
//! since Exchange rewrites their HTML.
//! **Caveat:** a text with the same words and another format is not set again.

use std::fmt;

use jiff::Timestamp;
use msgraph::{AutomaticReplies, AutomaticRepliesStatus, DateTimeTimeZone, ExternalAudience, Writer};
use outcome::{Left, Needs, Taken};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::enable_automatic_reply::is_as_requested;
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct SetAutomaticReply;

/// The person and the settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The settings, as Graph gives them (`automaticRepliesSetting`).
    settings: ReplySettings,
}

/// Automatic replies under Graph's names.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplySettings {
    /// Whether the mailbox answers.
    status: ReplyStatus,
    /// Which people outside get an answer.
    external_audience: OutsideReaders,
    /// The text for people of the organization, in HTML.
    #[serde(default)]
    internal_reply_message: Option<String>,
    /// The text for other people, in HTML.
    #[serde(default)]
    external_reply_message: Option<String>,
    /// When a scheduled answer begins.
    #[serde(default)]
    scheduled_start_date_time: Option<LocalTime>,
    /// When a scheduled answer ends.
    #[serde(default)]
    scheduled_end_date_time: Option<LocalTime>,
}

/// Whether a mailbox answers.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReplyStatus {
    /// It does not.
    Disabled,
    /// It does until someone turns it off.
    AlwaysEnabled,
    /// It does between two points in time.
    Scheduled,
}

/// The people outside who get an answer.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OutsideReaders {
    /// Nobody.
    None,
    /// The person's contacts.
    ContactsOnly,
    /// Everybody.
    All,
}

/// A point in time as Outlook writes it (`dateTimeTimeZone`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalTime {
    /// Date and time, like `2026-03-02T08:00:00.0000000`.
    date_time: String,
    /// The time zone: `UTC`, in which Graph answers.
    time_zone: String,
}

/// The mailbox, and when it was read.
pub struct Observed {
    mailbox: Mailbox<AutomaticReplies>,
    now: Timestamp,
}

/// Sets automatic replies.
#[derive(Debug, PartialEq)]
pub struct Set {
    user: Account,
    replies: AutomaticReplies,
}

impl Action for SetAutomaticReply {
    const NAME: &'static str = "set_automatic_reply";
    const MAKES_TRUE: &'static str = "The mailbox has these settings of automatic replies";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Observed;
    type Change = Set;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let mailbox = Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.automatic_replies(&id).await?)
        })
        .await?;
        Ok(Observed { mailbox, now: Timestamp::now() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Set>, Error> {
        let Observed { mailbox, now } = observed;
        let (replies, lapse) = params.settings.at(*now);
        let user = match (mailbox, mailbox.or_nothing()) {
            (Mailbox::ToBeCreated, _) => &Account::ToBeCreated,
            (_, Err(plan)) => return Ok(plan),
            (_, Ok((user, seen))) if is_as_requested(seen, &replies) => {
                return Ok(Plan::nothing().leaving(lapse.map(|lapse| lapse.left(user))));
            }
            (_, Ok((user, _))) => user,
        };
        let left = lapse.map(|lapse| lapse.left(user));
        Ok(Plan::in_order([Set { user: user.clone(), replies }]).leaving(left))
    }

    fn takes(observed: &Observed, _: &[&Set]) -> Vec<Taken> {
        mailbox::replies_taken(&observed.mailbox)
    }

    async fn apply(change: &Set, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.set_automatic_replies(change.user.id()?, &change.replies).await;
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let moment = |year: u16| {
            let date_time = format!("{year}-03-02T08:00:00.0000000");
            serde_json::json!({ "dateTime": date_time, "timeZone": "UTC" })
        };
        let text = "<html>\n<body>\n<p>Grace is <b>at sea</b> &amp; away.</p>\n</body>\n</html>\n";
        crate::Scenario::new(serde_json::json!({
            "user": "grace@contoso.example",
            "settings": {
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#automaticRepliesSetting",
                "status": "scheduled",
                "externalAudience": "contactsOnly",
                "internalReplyMessage": text,
                "externalReplyMessage": "",
                "scheduledStartDateTime": moment(2026),
                "scheduledEndDateTime": moment(2999),
            },
        }))
    }
}

/// Why a schedule does not come back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lapse {
    Ended,
    Unreadable,
}

impl Lapse {
    fn left(self, user: &Account) -> Left {
        let (code, why, needs) = match self {
            Self::Ended => ("schedule_ended", "ended, so they are off", Needs::Nobody),
            Self::Unreadable => (
                "schedule_unreadable",
                "has no times in UTC, so they are off; set the schedule in Outlook",
                Needs::Operator,
            ),
        };
        let detail = format!("the schedule of automatic replies of {user} {why}");
        Left { code: code.to_owned(), detail, needs }
    }
}

impl ReplySettings {
    /// The settings at this time, and why a schedule is none any more. Both texts are always there: a text that is left
    /// out would keep its value. Outlook refuses a schedule in the past.
    fn at(&self, now: Timestamp) -> (AutomaticReplies, Option<Lapse>) {
        let moment = |moment: &Option<LocalTime>| {
            let LocalTime { date_time, time_zone } = moment.clone()?;
            DateTimeTimeZone { date_time, time_zone }.moment()
        };
        let window = moment(&self.scheduled_start_date_time).zip(moment(&self.scheduled_end_date_time));
        let (status, window, lapse) = match (self.status, window) {
            (ReplyStatus::Disabled, _) => (AutomaticRepliesStatus::Disabled, None, None),
            (ReplyStatus::AlwaysEnabled, _) => (AutomaticRepliesStatus::AlwaysEnabled, None, None),
            (ReplyStatus::Scheduled, None) => {
                (AutomaticRepliesStatus::Disabled, None, Some(Lapse::Unreadable))
            }
            (ReplyStatus::Scheduled, Some((_, end))) if end <= now => {
                (AutomaticRepliesStatus::Disabled, None, Some(Lapse::Ended))
            }
            (ReplyStatus::Scheduled, window) => (AutomaticRepliesStatus::Scheduled, window, None),
        };
        let replies = AutomaticReplies {
            status,
            external_audience: match self.external_audience {
                OutsideReaders::None => ExternalAudience::None,
                OutsideReaders::ContactsOnly => ExternalAudience::ContactsOnly,
                OutsideReaders::All => ExternalAudience::All,
            },
            internal_reply_message: Some(self.internal_reply_message.clone().unwrap_or_default()),
            external_reply_message: Some(self.external_reply_message.clone().unwrap_or_default()),
            scheduled_start_date_time: window.map(|(start, _)| DateTimeTimeZone::utc(start)),
            scheduled_end_date_time: window.map(|(_, end)| DateTimeTimeZone::utc(end)),
        };
        (replies, lapse)
    }
}

/// The texts are not printed: they name people.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.replies.status {
            AutomaticRepliesStatus::AlwaysEnabled => "on",
            AutomaticRepliesStatus::Scheduled => "on as scheduled",
            AutomaticRepliesStatus::Disabled | AutomaticRepliesStatus::Unknown => "off",
        };
        write!(f, "set the texts of automatic replies of {} and turn them {status}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn params(more: Value) -> Params {
        let mut settings = json!({
            "status": "alwaysEnabled", "externalAudience": "all",
            "internalReplyMessage": "<p>Away</p>", "externalReplyMessage": "<p>Gone</p>",
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({ "user": "ada@contoso.example", "settings": settings })).unwrap()
    }

    fn until(zone: &str) -> Value {
        let at =
            |day: &str| json!({ "dateTime": format!("2026-03-{day}T08:00:00.0000000"), "timeZone": zone });
        json!({ "status": "scheduled", "scheduledStartDateTime": at("02"), "scheduledEndDateTime": at("04") })
    }

    /// The changes on that day, and the codes of what is left.
    fn plan(params: &Params, day: &str, seen: AutomaticReplies) -> (Vec<String>, Vec<String>) {
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let now = format!("2026-03-{day}T08:00:00Z").parse().unwrap();
        let plan = SetAutomaticReply::plan(params, &Observed { mailbox, now }).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| left.code).collect())
    }

    fn set(how: &str) -> Vec<String> {
        vec![format!("set the texts of automatic replies of user 1 and turn them {how}")]
    }

    #[test]
    fn a_schedule_comes_back_until_it_has_ended() {
        let wanted = params(until("UTC"));
        let nothing = AutomaticReplies::default;
        assert_eq!(plan(&wanted, "03", nothing()), (set("on as scheduled"), vec![]));
        let ended = vec!["schedule_ended".to_owned()];
        assert_eq!(plan(&wanted, "04", nothing()), (set("off"), ended.clone()));
        let off = AutomaticReplies {
            external_audience: ExternalAudience::All,
            internal_reply_message: Some("<html><body>Away</body></html>".into()),
            external_reply_message: Some("Gone".into()),
            ..nothing()
        };
        assert_eq!(plan(&wanted, "04", off), (vec![], ended));
        let elsewhere = params(until("W. Europe Standard Time"));
        assert_eq!(plan(&elsewhere, "03", nothing()), (set("off"), vec!["schedule_unreadable".to_owned()]));
    }

    #[test]
    fn equal_settings_stay_and_texts_come_back_as_they_were() {
        let wanted = params(json!({}));
        let (replies, lapse) = wanted.settings.at(Timestamp::MIN);
        assert_eq!((replies.internal_reply_message.as_deref(), lapse), (Some("<p>Away</p>"), None));
        assert_eq!(plan(&wanted, "03", replies.clone()), (vec![], vec![]));
        let other = AutomaticReplies { external_reply_message: Some("Here".into()), ..replies };
        assert_eq!(plan(&wanted, "03", other.clone()), (set("on"), vec![]));
        assert_eq!(plan(&params(json!({ "status": "disabled" })), "03", other), (set("off"), vec![]));
    }
}
