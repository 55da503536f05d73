//! Rules of the inbox.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::mailbox::in_mailbox;
use super::recipient::Recipient;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json::{self, null_as_empty};
use crate::http::request::{Query, Write};

/// A rule of the inbox.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct InboxRule {
    pub id: String,
    pub display_name: Option<String>,
    /// Its place among the rules, from 1.
    #[serde(default, deserialize_with = "json::number")]
    pub sequence: Option<i64>,
    pub is_enabled: Option<bool>,
    pub has_error: Option<bool>,
    pub is_read_only: Option<bool>,
    /// Which messages the rule applies to. `None` or empty means all of them.
    pub conditions: Option<Map<String, Value>>,
    pub exceptions: Option<Map<String, Value>>,
    pub actions: Option<RuleActions>,
}

impl InboxRule {
    /// Whether the rule applies to every message.
    pub fn is_unconditional(&self) -> bool {
        let says_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        [&self.conditions, &self.exceptions]
            .into_iter()
            .flatten()
            .all(|predicates| predicates.values().all(says_nothing))
    }
}

/// The actions of a rule on a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RuleActions {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub forward_to: Vec<Recipient>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub redirect_to: Vec<Recipient>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_processing_rules: Option<bool>,
    /// Moving, deleting, marking and other actions.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl RuleActions {
    /// Whether the rule only forwards or redirects messages.
    pub fn only_send_on(&self) -> bool {
        let says_nothing = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        // Graph's own annotations, such as `@odata.type`, are no actions.
        self.others.iter().all(|(name, value)| name.starts_with('@') || says_nothing(value))
    }
}

/// A rule to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct NewInboxRule {
    pub display_name: String,
    pub sequence: u32,
    pub is_enabled: bool,
    /// Empty for a rule that applies to every message.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub conditions: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub exceptions: Map<String, Value>,
    pub actions: RuleActions,
}

impl Reader<'_> {
    /// The rules of the inbox; `None` if there is no mailbox, or not yet.
    pub async fn inbox_rules(self, user_id: &str) -> Result<Option<Vec<InboxRule>>, Error> {
        in_mailbox(self.list(Query::new(&inbox_rules(user_id))?).await)
    }
}

impl Writer<'_> {
    /// Creates a rule of the inbox.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the rule before creating another.
    pub async fn create_inbox_rule(self, user_id: &str, rule: &NewInboxRule) -> Result<(), Error> {
        self.send(Write::post(&inbox_rules(user_id))?.json(rule)?).await
    }

    /// Removes a rule of the inbox.
    pub async fn delete_inbox_rule(self, user_id: &str, rule_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id, "mailFolders", "inbox", "messageRules", rule_id]).await
    }
}

fn inbox_rules(user_id: &str) -> [&str; 5] {
    ["users", user_id, "mailFolders", "inbox", "messageRules"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_a_set_condition_applies_to_every_message() {
        let rule = |json: &str| serde_json::from_str::<InboxRule>(json).unwrap();
        assert!(rule(r#"{"id":"1"}"#).is_unconditional());
        assert!(rule(r#"{"id":"1","conditions":{"sentToMe":null},"exceptions":{}}"#).is_unconditional());
        assert!(!rule(r#"{"id":"1","conditions":{"sentToMe":true}}"#).is_unconditional());
        assert!(!rule(r#"{"id":"1","exceptions":{"senderContains":["ada"]}}"#).is_unconditional());
    }

    #[test]
    fn a_rule_that_also_deletes_does_more_than_forward() {
        let actions = |json: &str| serde_json::from_str::<RuleActions>(json).unwrap();
        assert!(actions(r#"{"forwardTo":[],"delete":false,"assignCategories":[],"@x":1}"#).only_send_on());
        assert!(!actions(r#"{"forwardTo":null,"delete":true}"#).only_send_on());
        assert!(!actions(r#"{"moveToFolder":"1"}"#).only_send_on());
    }
}
