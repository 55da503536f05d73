//! Policies that undercut what our queues are declared with, and queues that nobody needs any more.

use lapin::types::{AMQPValue, FieldTable};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Inspection;
use crate::Inventory;

/// A queue that takes fewer messages is full at a small crowd: one event is one message.
const SMALL: i64 = 10_000;

/// A queue as the API lists it.
#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) name: String,
    /// The policy in force, by name.
    policy: Option<String>,
    operator_policy: Option<String>,
    /// What both come to. RabbitMQ gives an empty list for nothing.
    #[serde(default)]
    effective_policy_definition: Value,
    messages: Option<u64>,
    consumers: Option<u64>,
}

impl Queue {
    /// Adds what the policies on this queue do against the arguments it was declared with. Of a number both name the
    /// smaller counts (RabbitMQ documentation, "Operator policies" and "Quorum queues", read 2026-11-21).
    pub(super) fn judge(&self, arguments: &FieldTable, found: &mut Inspection) {
        let Some(policy) = self.effective_policy_definition.as_object() else { return };
        let (name, who) = (&self.name, self.who());
        let number = |key: &str| policy.get(key).and_then(Value::as_i64);
        let own = |key: &str| integer(arguments, key);
        if is_stream(arguments) {
            return self.judge_stream(policy, arguments, found);
        }
        let mut problem = |text: String| found.problems.push(text);
        if let (Some(limit), Some(own)) = (number("delivery-limit"), own("x-delivery-limit"))
            && limit < own
        {
            problem(format!(
                "{who} has `delivery-limit` {limit} for {name}, which needs {own}: messages are set aside or dropped too early; take \
                 it out"
            ));
        }
        if number("expires").is_some() {
            problem(format!(
                "{who} has `expires` for {name}: the queue is deleted with its messages; take it out"
            ));
        }
        if let Some(ttl) = number("message-ttl")
            && !is_allowed_to_expire(name)
            && own("x-message-ttl").is_none_or(|own| ttl < own)
        {
            problem(format!(
                "{who} has `message-ttl` {ttl} for {name}: messages leave it before their time; take it out, or except this queue"
            ));
        }
        self.judge_length(policy, arguments, found);
    }

    fn judge_length(&self, policy: &Map<String, Value>, arguments: &FieldTable, found: &mut Inspection) {
        let (name, who) = (&self.name, self.who());
        let [length, bytes] =
            ["max-length", "max-length-bytes"].map(|key| policy.get(key).and_then(Value::as_i64));
        if length.is_none() && bytes.is_none() {
            return;
        }
        let keeps = |overflow: &str| overflow == "reject-publish";
        let overflow = text(arguments, "x-overflow")
            .or_else(|| policy.get("overflow").and_then(Value::as_str).map(str::to_owned));
        // A queue for one message drops the older one, and is meant to.
        if integer(arguments, "x-max-length").is_some() {
            return;
        }
        if !overflow.is_some_and(|overflow| keeps(&overflow)) {
            found.problems.push(format!(
                "{who} limits {name} and drops the oldest messages when it is full; add `overflow` = `reject-publish` to it"
            ));
        }
        if let Some(length) = length.filter(|length| *length < SMALL) {
            found.problems.push(format!(
                "{who} has `max-length` {length} for {name}: it is full at a small crowd, and then takes nothing; allow at least \
                 {SMALL}"
            ));
        }
    }

    /// How long the history and snapshots are kept is for the operator to say. Of the ledger everything is needed.
    fn judge_stream(&self, policy: &Map<String, Value>, arguments: &FieldTable, found: &mut Inspection) {
        let (name, who) = (&self.name, self.who());
        let bytes = policy.get("max-length-bytes").and_then(Value::as_i64);
        let own = integer(arguments, "x-max-length-bytes");
        let is_fewer = bytes.is_some_and(|bytes| own.is_none_or(|own| bytes < own));
        let age = policy.get("max-age").and_then(Value::as_str);
        let is_younger = age
            .zip(text(arguments, "x-max-age"))
            .is_some_and(|(age, own)| seconds(age).zip(seconds(&own)).is_some_and(|(age, own)| age < own));
        if !is_fewer && !is_younger {
            return;
        }
        let text = format!("{who} keeps less of {name} than the settings say");
        if name.ends_with(".ledger") {
            found.problems.push(format!(
                "{text}: workers forget who acts for whom; take `max-age` and `max-length-bytes` out"
            ));
        } else {
            found.notes.push(text);
        }
    }

    /// The policies on it, as the subject of a sentence.
    fn who(&self) -> String {
        let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        match (named(&self.policy), named(&self.operator_policy)) {
            (Some(policy), Some(operator)) => format!("policy `{policy}` with operator policy `{operator}`"),
            (None, Some(operator)) => format!("operator policy `{operator}`"),
            (policy, None) => format!("policy `{}`", policy.unwrap_or_default()),
        }
    }
}

/// Whether a policy may let messages of this queue expire: what nobody took.
fn is_allowed_to_expire(name: &str) -> bool {
    name.ends_with(".unrouted")
}

/// Queues with names like ours that these settings do not declare and nobody reads, in a sentence.
pub(super) fn leftovers(queues: &[Queue], prefix: &str, inventory: &Inventory) -> Option<String> {
    let begins_like_ours = format!("{prefix}.");
    let is_leftover = |queue: &&Queue| {
        queue.name.starts_with(&begins_like_ours)
            && inventory.arguments(&queue.name).is_none()
            && queue.consumers == Some(0)
    };
    let named = |queue: &Queue| match queue.messages {
        Some(messages) => format!("{} ({messages} messages)", queue.name),
        None => queue.name.clone(),
    };
    let names: Vec<_> = queues.iter().filter(is_leftover).map(named).collect();
    (!names.is_empty()).then(|| {
        format!(
            "nobody reads these queues, and these settings do not declare them: {}; look at what they hold and delete those that \
             nobody needs any more",
            names.join(", ")
        )
    })
}

fn integer(arguments: &FieldTable, key: &str) -> Option<i64> {
    match arguments.inner().get(key)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        AMQPValue::LongInt(number) => Some(i64::from(*number)),
        _ => None,
    }
}

fn text(arguments: &FieldTable, key: &str) -> Option<String> {
    match arguments.inner().get(key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn is_stream(arguments: &FieldTable) -> bool {
    text(arguments, "x-queue-type").is_some_and(|kind| kind == "stream")
}

/// An age such as `400D`, as RabbitMQ writes it.
fn seconds(age: &str) -> Option<u64> {
    let (number, unit) = age.split_at_checked(age.len().checked_sub(1)?)?;
    let unit = match unit {
        "Y" => 365 * 86_400,
        "M" => 30 * 86_400,
        "D" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Settings, WorkQueue};

    fn inventory() -> Inventory {
        let queue = WorkQueue::new("workflows", ["a"]);
        Inventory::new(&Settings::new("amqp://127.0.0.1".to_owned().into(), vec![queue]), &[]).unwrap()
    }

    fn queue(name: &str, policy: Value) -> Queue {
        serde_json::from_value(json!({
            "name": name, "policy": "", "operator_policy": "small", "effective_policy_definition": policy,
            "messages": 3, "consumers": 0,
        }))
        .unwrap()
    }

    fn judged(name: &str, policy: Value) -> Inspection {
        let (inventory, mut found) = (inventory(), Inspection::default());
        queue(name, policy).judge(inventory.arguments(name).unwrap(), &mut found);
        found
    }

    #[test]
    fn a_policy_that_undercuts_a_queue_is_a_problem_and_says_which() {
        let rows = [
            (
                "gatehouse.workflows",
                json!({ "delivery-limit": 5 }),
                "`delivery-limit` 5 for gatehouse.workflows, which needs 20",
            ),
            ("gatehouse.workflows.dlq", json!({ "delivery-limit": 20 }), "which needs 1000000"),
            ("gatehouse.workflows", json!({ "message-ttl": 60_000 }), "`message-ttl` 60000"),
            ("gatehouse.workflows.dlq", json!({ "message-ttl": 60_000 }), "`message-ttl` 60000"),
            ("gatehouse.delay.5s", json!({ "message-ttl": 1 }), "`message-ttl` 1 "),
            ("gatehouse.workflows", json!({ "expires": 60_000 }), "is deleted with its messages"),
            ("gatehouse.workflows", json!({ "max-length": 100 }), "full at a small crowd"),
            ("gatehouse.workflows.dlq", json!({ "max-length": 100_000 }), "drops the oldest"),
            ("gatehouse.ledger", json!({ "max-age": "1D" }), "workers forget"),
        ];
        for (name, policy, says) in rows {
            if inventory().arguments(name).is_none() {
                panic!("{name} is no queue of ours");
            }
            let Inspection { problems, notes } = judged(name, policy);
            assert_eq!((problems.len(), notes.len()), (1, 0), "{name}: {problems:?} {notes:?}");
            assert!(
                problems[0].starts_with("operator policy `small` ") && problems[0].contains(says),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn what_leaves_a_queue_as_it_must_be_is_none() {
        let rows = [
            ("gatehouse.workflows", json!([])),
            (
                "gatehouse.workflows",
                json!({ "delivery-limit": 20, "max-length": 500_000, "overflow": "reject-publish" }),
            ),
            ("gatehouse.workflows.dlq", json!({ "max-length-bytes": 1, "overflow": "reject-publish" })),
            (
                "gatehouse.unrouted",
                json!({ "message-ttl": 1, "max-length-bytes": 1, "overflow": "reject-publish" }),
            ),
            ("gatehouse.ledger", json!({ "max-age": "10Y" })),
        ];
        for (name, policy) in rows {
            assert_eq!(judged(name, policy), Inspection::default(), "{name}");
        }
        let Inspection { problems, notes } = judged("gatehouse.history", json!({ "max-age": "50D" }));
        assert_eq!((problems.len(), notes.len()), (0, 1));
    }

    #[test]
    fn what_is_left_over_has_our_prefix_and_no_reader() {
        let queues = ["gatehouse.old", "gatehouse.workflows", "other.old"].map(|name| queue(name, json!([])));
        let text = leftovers(&queues, "gatehouse", &inventory()).unwrap();
        assert!(text.contains(": gatehouse.old (3 messages); look"), "{text}");
        assert_eq!(leftovers(&queues[1..], "gatehouse", &inventory()), None);
    }
}
