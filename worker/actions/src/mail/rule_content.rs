//! What inbox rules say, to compare a rule with one that was recorded, and to judge what it does.

use msgraph::{InboxRule, RuleActions};
use serde_json::{Map, Value};

use crate::mail::forwarding_rule::FORWARDING;

/// What Graph can do with a message and Gatehouse gives back. What Graph learns later may send mail on.
const KNOWN: [&str; 8] = [
    "assignCategories",
    "copyToFolder",
    "delete",
    "markAsRead",
    "markImportance",
    "moveToFolder",
    "permanentDelete",
    "stopProcessingRules",
];
const SEND_ON: [&str; 3] = ["forwardTo", "redirectTo", "forwardAsAttachmentTo"];

/// The content of a rule, in a form in which two equal rules are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    name: String,
    predicates: [Value; 2],
    actions: Value,
}

impl Content {
    /// Of a rule's name, its conditions and exceptions, and its actions.
    pub fn new(
        name: &str,
        predicates: [Option<&Map<String, Value>>; 2],
        actions: Option<&Map<String, Value>>,
    ) -> Self {
        let part = |part: Option<&Map<String, Value>>, case| {
            Value::Object(part.map(|part| comparable(part, case)).unwrap_or_default())
        };
        Self {
            name: name.to_owned(),
            predicates: predicates.map(|predicates| part(predicates, Case::Ignored)),
            // Ids of folders differ by case.
            actions: part(actions, Case::Kept),
        }
    }

    /// Of a rule of the inbox.
    pub fn of(rule: &InboxRule) -> Self {
        let actions = serde_json::to_value(&rule.actions).unwrap_or_default();
        let predicates = [rule.conditions.as_ref(), rule.exceptions.as_ref()];
        Self::new(rule.display_name.as_deref().unwrap_or_default(), predicates, actions.as_object())
    }

    /// Whether the rule is the one by which Gatehouse forwards.
    pub fn is_ours(&self) -> bool {
        self.name == FORWARDING
    }

    /// Whether both rules have one name.
    pub fn has_name_of(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The fields that say something: Graph has nulls, empty lists and false for the others, and annotations of its own.
pub fn said(fields: &Map<String, Value>) -> Map<String, Value> {
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    };
    let said = fields.iter().filter(|(name, value)| !name.starts_with('@') && says_something(value));
    said.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether these actions send mail to an address. Graph may accept names in any case.
pub fn sends_on(actions: &Map<String, Value>) -> bool {
    actions.keys().any(|name| SEND_ON.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether Gatehouse knows all of these actions.
pub fn is_known(actions: &Map<String, Value>) -> bool {
    actions.keys().all(|name| KNOWN.contains(&name.as_str()))
}

/// Actions that send mail to no address, for a rule to create.
pub fn without_recipients(mut actions: Map<String, Value>) -> RuleActions {
    let stop_processing_rules = actions.remove("stopProcessingRules").and_then(|value| value.as_bool());
    RuleActions { stop_processing_rules, others: actions, ..RuleActions::default() }
}

/// Whether texts that differ by case only are equal.
#[derive(Clone, Copy)]
enum Case {
    Kept,
    /// Outlook writes the words of conditions in capitals ("Create rule", Microsoft Graph documentation, 2018).
    Ignored,
}

fn comparable(fields: &Map<String, Value>, case: Case) -> Map<String, Value> {
    said(fields).into_iter().map(|(name, value)| (name, comparable_value(value, case))).collect()
}

fn comparable_value(value: Value, case: Case) -> Value {
    match (value, case) {
        (Value::String(text), Case::Ignored) => Value::String(text.to_lowercase()),
        (Value::Array(items), _) => {
            let mut items: Vec<_> = items.into_iter().map(|item| comparable_value(item, case)).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        (Value::Object(fields), _) => match address(&fields) {
            Some(address) => Value::String(address),
            None => Value::Object(comparable(&fields, case)),
        },
        (value, _) => value,
    }
}

/// The address of a recipient: Outlook adds and changes the name.
fn address(fields: &Map<String, Value>) -> Option<String> {
    Some(fields.get("emailAddress")?.get("address")?.as_str()?.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_of_folders_differ_by_case_and_words_do_not() {
        let content = |conditions: Value, actions: Value| {
            Content::new("x", [conditions.as_object(), None], actions.as_object())
        };
        let words = |word: &str| content(json!({ "subjectContains": [word, "b"] }), json!({}));
        assert_eq!(words("a"), words("A"));
        assert_eq!(
            words("a"),
            content(json!({ "subjectContains": ["B", "A"], "sentToMe": false }), json!({}))
        );
        assert_ne!(words("a"), words("c"));
        let folder = |id: &str| content(json!({}), json!({ "moveToFolder": id }));
        assert_ne!(folder("AAMkA="), folder("AAMka="));
    }
}
