//! `$orderby`: by one property or several, upwards or downwards.

use std::cmp::Ordering;

use serde_json::Value;

use super::rules::Kind;
use crate::http::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Order(Vec<(String, bool)>);

impl Order {
    /// Reads the option. Which properties order a list depends on whether the query is an advanced one
    /// (microsoft-graph-docs-contrib 1354 and 1337, 2023).
    pub(super) fn read(text: &str, kind: &Kind, advanced: bool) -> Result<Self, Refusal> {
        let mut keys = Vec::new();
        for part in text.split(',') {
            let (name, direction) = part.trim().split_once(' ').unwrap_or((part.trim(), "asc"));
            if !kind.has(name) {
                return Err(Refusal::malformed(format!(
                    "Could not find a property named '{name}' on type '{}'.",
                    kind.type_name
                )));
            }
            let downwards = match direction.trim() {
                "asc" => false,
                "desc" => true,
                _ => return Err(Refusal::malformed("Syntax error in the option '$orderby'.")),
            };
            match kind.orders(name) {
                Some(default) if default || advanced => keys.push((name.to_owned(), downwards)),
                _ if advanced => {
                    return Err(Refusal::unsupported_query("An unsupported property was specified."));
                }
                _ => {
                    return Err(Refusal::unsupported_query(format!(
                        "Unsupported sort property '{name}' for '{}'.",
                        kind.name
                    )));
                }
            }
        }
        Ok(Self(keys))
    }

    /// What an object is ordered by.
    pub(super) fn key(&self, get: &dyn Fn(&str) -> Option<Value>) -> Vec<String> {
        let text = |name: &str| get(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_lowercase();
        self.0.iter().map(|(name, _)| text(name)).collect()
    }

    pub(super) fn compare(&self, one: &[String], other: &[String]) -> Ordering {
        let pairs = self.0.iter().zip(one.iter().zip(other));
        let orders = pairs.map(|((_, downwards), (one, other))| match downwards {
            true => other.cmp(one),
            false => one.cmp(other),
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}
