//! Temporary access passes: one for each user at most; its value is shown once.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::tenant::{User, name_id};

/// The start of the method type's name.
pub(crate) const METHOD: &str = "temporaryAccessPass";

/// A user's pass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Pass {
    #[serde(rename = "createdDateTime")]
    pub(crate) created: String,
    #[serde(rename = "startDateTime")]
    pub(crate) start: String,
    #[serde(rename = "lifetimeInMinutes")]
    pub(crate) minutes: i64,
    #[serde(rename = "isUsableOnce")]
    pub(crate) is_usable_once: bool,
    /// The value to sign in with, never shown again.
    #[serde(skip)]
    pub(crate) value: String,
}

impl Default for Pass {
    fn default() -> Self {
        let [created, start] = [CREATED; 2].map(str::to_owned);
        Self { created, start, minutes: 60, is_usable_once: false, value: String::new() }
    }
}

impl Pass {
    /// Whether it is usable now, and the reason.
    fn usability(&self, now: Timestamp) -> (bool, &'static str) {
        let Ok(start) = self.start.parse::<Timestamp>() else { return (false, "Expired") };
        match start.checked_add(SignedDuration::from_mins(self.minutes)) {
            _ if now < start => (false, "NotYetValid"),
            Ok(end) if now < end => (true, "EnabledByPolicy"),
            _ => (false, "Expired"),
        }
    }

    /// `temporaryAccessPassAuthenticationMethod`, without its value.
    pub(crate) fn shown(&self, id: Uuid) -> Value {
        let (is_usable, reason) = self.usability(Timestamp::now());
        json!({
            "createdDateTime": self.created,
            "id": id,
            "isUsable": is_usable,
            "isUsableOnce": self.is_usable_once,
            "lifetimeInMinutes": self.minutes,
            "methodUsabilityReason": reason,
            "startDateTime": self.start,
            "temporaryAccessPass": null,
        })
    }
}

impl User {
    pub(in crate::tenant) fn holding_pass(mut self, pass: Pass) -> Self {
        self.pass = Some(pass);
        self.method(METHOD)
    }

    /// Stores a requested pass with a new value: another one each time, the same ones in every start.
    pub(crate) fn take_pass(&mut self, pass: Pass) -> String {
        self.passes_made += 1;
        let value = name_id("pass", &format!("{}/{}", self.id, self.passes_made)).simple().to_string();
        self.pass = Some(Pass { value: value.clone(), ..pass });
        self.methods.insert(METHOD.to_owned());
        value
    }
}
