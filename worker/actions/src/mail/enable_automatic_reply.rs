//! Makes true: the mailbox answers automatically, with this text, to these people and in this time window.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `invalid_window`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** a person without a mailbox, with a note.
//! **Idempotent because** it reads the settings and writes all of them if one differs. It compares texts word by word,
//! since Exchange rewrites their HTML.

use std::fmt;

use jiff::Timestamp;
use msgraph::{AutomaticReplies, AutomaticRepliesStatus, DateTimeTimeZone, ExternalAudience, Writer};
use outcome::Taken;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
use crate::mail::html;
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct EnableAutomaticReply;

/// The mailbox, the texts, their readers and the time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The text for people of the organization. Plain text: line breaks stay, and nothing in it is read as HTML.
    internal: String,
    /// The text for other people. Without it, nobody outside gets an answer.
    external: Option<String>,
    /// Which people outside get an answer.
    #[serde(default)]
    audience: Audience,
    /// When to answer. Defaults to always, from now on.
    window: Option<Window>,
}

/// The people outside who get an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody.
    #[default]
    All,
    /// The person's contacts.
    ContactsOnly,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first moment, like `2026-03-02T08:00:00Z`.
    #[schemars(with = "Moment")]
    from: Timestamp,
    /// The last moment. Outlook refuses one in the past.
    #[schemars(with = "Moment")]
    until: Timestamp,
}

/// Turns automatic replies on.
#[derive(Debug, PartialEq)]
pub struct Enable {
    user: Account,
    replies: AutomaticReplies,
    window: Option<Window>,
}

impl Action for EnableAutomaticReply {
    const NAME: &'static str = "enable_automatic_reply";
    const MAKES_TRUE: &'static str = "The mailbox answers automatically with this text";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<AutomaticReplies>;
    type Change = Enable;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<AutomaticReplies>, Error> {
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.automatic_replies(&id).await?)
        })
        .await
    }

    fn plan(params: &Params, mailbox: &Mailbox<AutomaticReplies>) -> Result<Plan<Enable>, Error> {
        if params.window.as_ref().is_some_and(|window| window.until <= window.from) {
            return Err(Error::rejected(
                &["window"],
                "invalid_window",
                "the window ends before it begins; swap `from` and `until`",
            ));
        }
        let replies = wanted(params);
        let user = match (mailbox, mailbox.or_nothing()) {
            (Mailbox::ToBeCreated, _) => Account::ToBeCreated,
            (_, Err(plan)) => return Ok(plan),
            (_, Ok((_, seen))) if is_as_requested(seen, &replies) => return Ok(Plan::nothing()),
            (_, Ok((user, _))) => user.clone(),
        };
        Ok(Plan::in_order([Enable { user, replies, window: params.window.clone() }]))
    }

    fn takes(mailbox: &Mailbox<AutomaticReplies>, _: &[&Enable]) -> Vec<Taken> {
        mailbox::replies_taken(mailbox)
    }

    async fn apply(change: &Enable, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.set_automatic_replies(change.user.id()?, &change.replies).await;
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "grace@contoso.example",
            "internal": "Grace has left.\nWrite to Ada & Edsger.",
            "external": "Grace has left.",
            "audience": "contacts_only",
            "window": { "from": "2026-03-02T08:00:00Z", "until": "2027-03-02T08:00:00+01:00" },
        }))
    }
}

/// The request always has both texts: a text that is left out would keep its value.
fn wanted(params: &Params) -> AutomaticReplies {
    let external = params.external.as_deref().map(html::of_text);
    let external_audience = match (&external, params.audience) {
        (None, _) => ExternalAudience::None,
        (Some(_), Audience::All) => ExternalAudience::All,
        (Some(_), Audience::ContactsOnly) => ExternalAudience::ContactsOnly,
    };
    let moment =
        |of: fn(&Window) -> Timestamp| params.window.as_ref().map(|window| DateTimeTimeZone::utc(of(window)));
    AutomaticReplies {
        status: match params.window {
            Some(_) => AutomaticRepliesStatus::Scheduled,
            None => AutomaticRepliesStatus::AlwaysEnabled,
        },
        external_audience,
        internal_reply_message: Some(html::of_text(&params.internal)),
        external_reply_message: Some(external.unwrap_or_default()),
        scheduled_start_date_time: moment(|window| window.from),
        scheduled_end_date_time: moment(|window| window.until),
    }
}

/// Whether a mailbox has these settings. Texts are compared word by word; times only if they matter.
pub fn is_as_requested(seen: &AutomaticReplies, wanted: &AutomaticReplies) -> bool {
    let words = |text: &Option<String>| html::words(text.as_deref().unwrap_or_default());
    let moment = |moment: &Option<DateTimeTimeZone>| moment.as_ref().and_then(DateTimeTimeZone::moment);
    let is_same_window = wanted.status != AutomaticRepliesStatus::Scheduled
        || moment(&seen.scheduled_start_date_time) == moment(&wanted.scheduled_start_date_time)
            && moment(&seen.scheduled_end_date_time) == moment(&wanted.scheduled_end_date_time);
    seen.status == wanted.status
        && seen.external_audience == wanted.external_audience
        && words(&seen.internal_reply_message) == words(&wanted.internal_reply_message)
        && words(&seen.external_reply_message) == words(&wanted.external_reply_message)
        && is_same_window
}

/// The text is not printed: it names people.
impl fmt::Display for Enable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audience = match self.replies.external_audience {
            ExternalAudience::All => "everybody",
            ExternalAudience::ContactsOnly => "the organization and contacts",
            ExternalAudience::None | ExternalAudience::Unknown => "the organization",
        };
        write!(f, "turn automatic replies of {} to {audience} on", self.user)?;
        match &self.window {
            Some(Window { from, until }) => write!(f, " from {from} until {until}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn params(more: Value) -> Params {
        let mut params = json!({ "user": "ada@contoso.example", "internal": "Ada & Co\nleft" });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(params).unwrap()
    }

    fn plan(params: &Params, seen: AutomaticReplies) -> Vec<String> {
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let plan = EnableAutomaticReply::plan(params, &mailbox).unwrap();
        plan.changes().map(ToString::to_string).collect()
    }

    #[test]
    fn people_outside_get_an_answer_only_if_there_is_a_text_for_them() {
        let on = |to: &str| vec![format!("turn automatic replies of user 1 to {to} on")];
        let nothing = AutomaticReplies::default;
        assert_eq!(plan(&params(json!({ "audience": "all" })), nothing()), on("the organization"));
        assert_eq!(plan(&params(json!({ "external": "Gone" })), nothing()), on("everybody"));
        let contacts = params(json!({ "external": "Gone", "audience": "contacts_only" }));
        assert_eq!(plan(&contacts, nothing()), on("the organization and contacts"));
    }

    #[test]
    fn equal_settings_stay_and_every_difference_is_seen() {
        let window = json!({ "from": "2026-03-02T08:00:00Z", "until": "2026-03-03T08:00:00Z" });
        let params = params(json!({ "external": "Gone", "window": window }));
        let internal = Some("<html><body>\nAda &amp; Co<br>left</body></html>".to_owned());
        let same = AutomaticReplies { internal_reply_message: internal, ..wanted(&params) };
        assert_eq!(plan(&params, same.clone()), Vec::<String>::new());
        let others = [
            AutomaticReplies { status: AutomaticRepliesStatus::AlwaysEnabled, ..same.clone() },
            AutomaticReplies { external_audience: ExternalAudience::None, ..same.clone() },
            AutomaticReplies { internal_reply_message: None, ..same.clone() },
            AutomaticReplies { external_reply_message: Some("Here".into()), ..same.clone() },
            AutomaticReplies { scheduled_start_date_time: None, ..same.clone() },
            AutomaticReplies { scheduled_end_date_time: same.scheduled_start_date_time.clone(), ..same },
        ];
        for other in others {
            assert_eq!(plan(&params, other.clone()).len(), 1, "{other:?}");
        }
    }

    #[test]
    fn an_account_to_be_created_is_planned_for_and_an_empty_window_is_refused() {
        let plan = EnableAutomaticReply::plan(&params(json!({})), &Mailbox::ToBeCreated).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        assert_eq!(changes, ["turn automatic replies of the new user to the organization on"]);
        let window = json!({ "from": "2026-03-03T08:00:00Z", "until": "2026-03-02T08:00:00Z" });
        let refused = EnableAutomaticReply::plan(&params(json!({ "window": window })), &Mailbox::ToBeCreated);
        assert_eq!(outcome::Failure::from(refused.unwrap_err()).code, "invalid_window");
    }
}
