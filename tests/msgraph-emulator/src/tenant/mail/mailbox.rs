//! The content of a mailbox: settings, rules, calendars, events and messages.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::tenant::ids::opaque;
use crate::tenant::{Calendar, Event, Events, MailMessage, TenantError};

/// The content of a mailbox. Graph reaches it while its user has an Exchange plan and it is neither `pending` nor kept
/// on premises.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Mailbox {
    /// Exchange has not created it yet.
    pub(crate) pending: bool,
    /// It is kept on premises, whatever licence its user has: Graph answers as for one that does not exist, for ever
    /// (microsoftgraph/microsoft-graph-docs issues 5888, 2019-10-07, and 10745, 2020-11-19).
    pub(crate) on_premises: bool,
    pub(crate) automatic_replies: AutomaticReplies,
    pub(crate) inbox_rules: Vec<InboxRule>,
    /// The folders that the person made, by name.
    pub(crate) folders: BTreeSet<String>,
    /// The primary one first.
    pub(crate) calendars: Vec<Calendar>,
    /// Of the primary calendar.
    pub(crate) events: Events,
    pub(crate) messages: Vec<MailMessage>,
    /// It is a shared one.
    pub(crate) shared: bool,
    /// No address list shows it.
    pub(crate) hidden: bool,
    /// The recipient it forwards to by name, and by address.
    pub(crate) forwarding_address: Option<String>,
    pub(crate) forwarding_smtp_address: Option<String>,
    /// Forwarded messages stay in the mailbox, too.
    pub(crate) keeps_copy: bool,
    pub(crate) size_bytes: u64,
    /// The other users with full access.
    #[serde(skip)]
    pub(crate) full_access: BTreeSet<Uuid>,
    /// How many things were ever made in it: their ids follow from that.
    #[serde(skip)]
    made: u32,
}

/// Automatic replies, under Graph's names and with Graph's values.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct AutomaticReplies {
    pub(crate) status: String,
    pub(crate) external_audience: String,
    pub(crate) internal_reply_message: String,
    pub(crate) external_reply_message: String,
    /// Moments in UTC, as Exchange writes them.
    pub(crate) scheduled_start: String,
    pub(crate) scheduled_end: String,
}

/// A rule of the inbox, under Graph's names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct InboxRule {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) sequence: i64,
    pub(crate) is_disabled: bool,
    pub(crate) has_error: bool,
    pub(crate) is_read_only: bool,
    pub(crate) conditions: Map<String, Value>,
    pub(crate) exceptions: Map<String, Value>,
    pub(crate) actions: Map<String, Value>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            pending: false,
            on_premises: false,
            automatic_replies: AutomaticReplies::default(),
            inbox_rules: Vec::new(),
            folders: BTreeSet::new(),
            calendars: vec![Calendar::primary()],
            events: Events::default(),
            messages: Vec::new(),
            shared: false,
            hidden: false,
            forwarding_address: None,
            forwarding_smtp_address: None,
            keeps_copy: false,
            size_bytes: 0,
            full_access: BTreeSet::new(),
            made: 0,
        }
    }
}

impl Default for AutomaticReplies {
    fn default() -> Self {
        Self {
            status: "disabled".to_owned(),
            external_audience: "all".to_owned(),
            internal_reply_message: String::new(),
            external_reply_message: String::new(),
            scheduled_start: "2026-01-01T00:00:00.0000000".to_owned(),
            scheduled_end: "2026-01-02T00:00:00.0000000".to_owned(),
        }
    }
}

impl AutomaticReplies {
    /// `automaticRepliesSetting`.
    pub(crate) fn shown(&self) -> Value {
        let moment = |moment: &str| json!({ "dateTime": moment, "timeZone": "UTC" });
        json!({
            "externalAudience": self.external_audience,
            "externalReplyMessage": self.external_reply_message,
            "internalReplyMessage": self.internal_reply_message,
            "scheduledEndDateTime": moment(&self.scheduled_end),
            "scheduledStartDateTime": moment(&self.scheduled_start),
            "status": self.status,
        })
    }
}

impl InboxRule {
    /// `messageRule`.
    pub(crate) fn shown(&self) -> Value {
        let some = |fields: &Map<String, Value>| (!fields.is_empty()).then(|| fields.clone());
        json!({
            "actions": self.actions,
            "conditions": some(&self.conditions),
            "displayName": self.display_name,
            "exceptions": some(&self.exceptions),
            "hasError": self.has_error,
            "id": self.id,
            "isEnabled": !self.is_disabled,
            "isReadOnly": self.is_read_only,
            "sequence": self.sequence,
        })
    }
}

impl Mailbox {
    /// A mailbox as Exchange creates it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the mailbox pending, as Exchange does for minutes after a licence is assigned.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.pending = true;
        self
    }

    /// Sets its size in bytes.
    #[must_use]
    pub fn sized(mut self, bytes: u64) -> Self {
        self.size_bytes = bytes;
        self
    }

    /// Turns automatic replies on.
    #[must_use]
    pub fn replying(mut self, text: &str) -> Self {
        self.automatic_replies.status = "alwaysEnabled".to_owned();
        self.automatic_replies.internal_reply_message = wrapped(text);
        self.automatic_replies.external_reply_message = wrapped(text);
        self
    }

    /// Adds a rule that does this, in Graph's words, with every message.
    #[must_use]
    pub fn rule(mut self, display_name: &str, actions: Value) -> Self {
        let actions = actions.as_object().cloned().unwrap_or_default();
        let display_name = display_name.to_owned();
        self.add_rule(InboxRule { display_name, sequence: 1, actions, ..InboxRule::default() });
        self
    }

    /// Makes the mailbox itself forward its mail: no rule shows it, and Graph has no other place for it
    /// (microsoft-graph-docs issue 9830, 2020-09-08).
    #[must_use]
    pub fn forwarding(mut self, address: &str) -> Self {
        self.forwarding_smtp_address = Some(format!("smtp:{address}"));
        self
    }

    /// Adds a folder.
    #[must_use]
    pub fn folder(mut self, name: &str) -> Self {
        self.folders.insert(name.to_owned());
        self
    }

    /// The id of a folder with this name.
    #[must_use]
    pub fn folder_id(name: &str) -> String {
        opaque("folder", name)
    }

    /// The name of the folder with this id, or of the inbox.
    pub(crate) fn folder_name(&self, id: &str) -> Option<&str> {
        let inbox = (id == "inbox" || id == Self::folder_id("Inbox")).then_some("Inbox");
        inbox.or_else(|| self.folders.iter().map(String::as_str).find(|name| Self::folder_id(name) == id))
    }

    /// Adds a rule that Graph shows and refuses to change.
    #[must_use]
    pub fn read_only_rule(self, display_name: &str) -> Self {
        let mut mailbox = self.rule(display_name, json!({ "stopProcessingRules": true }));
        mailbox.inbox_rules.iter_mut().rev().take(1).for_each(|rule| rule.is_read_only = true);
        mailbox
    }

    /// Adds a calendar, or replaces the primary one by another of that kind.
    #[must_use]
    pub fn calendar(mut self, calendar: Calendar) -> Self {
        if calendar.is_default {
            self.calendars.retain(|held| !held.is_default);
            self.calendars.insert(0, Calendar { id: Calendar::primary().id, ..calendar });
        } else {
            let id = self.fresh_id("calendar");
            self.calendars.push(Calendar { id, ..calendar });
        }
        self
    }

    /// Adds a rule and returns its id.
    pub(crate) fn add_rule(&mut self, rule: InboxRule) -> String {
        let id = self.fresh_id("rule");
        self.inbox_rules.push(InboxRule { id: id.clone(), ..rule });
        id
    }

    /// Adds an event to the primary calendar.
    #[must_use]
    pub fn event(self, event: Event) -> Self {
        self.events([event])
    }

    /// Adds events to the primary calendar, ten thousand if need be.
    #[must_use]
    pub fn events(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        for event in events {
            self.events.add(event);
        }
        self
    }

    /// Adds a draft and returns its id.
    pub(crate) fn add_draft(&mut self, message: MailMessage) -> String {
        let id = self.fresh_id("message");
        self.messages.push(MailMessage { id: id.clone(), ..message });
        id
    }

    /// Gives ids to the rules and calendars of a tenant file.
    pub(in crate::tenant) fn numbered(mut self) -> Self {
        for rule in std::mem::take(&mut self.inbox_rules) {
            match rule.id.is_empty() {
                true => drop(self.add_rule(rule)),
                false => self.inbox_rules.push(rule),
            }
        }
        let calendars = std::mem::replace(&mut self.calendars, vec![Calendar::primary()]);
        let is_new = |calendar: &Calendar| *calendar != Calendar::primary();
        calendars.into_iter().filter(is_new).fold(self, Self::calendar)
    }

    /// An opaque id, equal in every run that creates the same objects in the same order.
    pub(crate) fn fresh_id(&mut self, kind: &str) -> String {
        self.made += 1;
        opaque(kind, &self.made.to_string())
    }

    /// The mailbox as a state shows it, with `tell` applied to the texts of messages.
    pub(in crate::tenant) fn state(&self, tell: impl Fn(&str) -> String) -> Value {
        let rules: Vec<Value> = self.inbox_rules.iter().map(InboxRule::shown).collect();
        let calendars: Vec<Value> = self
            .calendars
            .iter()
            .map(|calendar| json!({ "calendar": calendar.shown(""), "permissions": calendar.permissions() }))
            .collect();
        let event = |event: &Event| {
            Value::Object(crate::http::query::project(crate::tenant::KEPT_OF_EVENTS, |name| {
                event.property(name, "")
            }))
        };
        let events: Vec<Value> = self.events.iter().map(event).collect();
        let message = |message: &MailMessage| {
            let shown = ["internetMessageId", "isDraft", "subject", "body", "toRecipients"];
            let told = MailMessage { body: tell(&message.body), ..message.clone() };
            Value::Object(crate::http::query::project(&shown, |name| told.property(name)))
        };
        let messages: Vec<Value> = self.messages.iter().map(message).collect();
        json!({
            "automaticReplies": self.automatic_replies.shown(),
            "calendars": calendars,
            "events": events,
            "inboxRules": rules,
            "messages": messages,
            "shared": self.shared,
            "hidden": self.hidden,
            "forwarding": [self.forwarding_address, self.forwarding_smtp_address],
            "keepsCopy": self.keeps_copy,
            "fullAccess": self.full_access,
            "pending": self.pending,
            "onPremises": self.on_premises,
        })
    }

    /// Reads the mailbox of a tenant file.
    pub(in crate::tenant) fn parse(place: &str, value: &Value) -> Result<Self, TenantError> {
        let mailbox: Self = Self::deserialize(value)
            .map_err(|error| TenantError::new(format!("{place}.mailbox: {error}")))?;
        Ok(mailbox.numbered())
    }
}

/// A text as Exchange keeps it, in a document of its own (Microsoft Graph documentation, "Get user mailbox settings",
/// 2026). A text that is a document already comes back as it was sent ("Update user mailbox settings", 2026).
pub(crate) fn wrapped(text: &str) -> String {
    if text.is_empty() || text.starts_with("<html>") {
        return text.to_owned();
    }
    format!("<html>\n<body>\n{text}\n</body>\n</html>\n")
}
