//! The parameters of a step against its action's JSON Schema, as far as they are known before there is an event.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::{Map, Value};

use super::mistake::{At, Mistake};
use super::node::{Content, Entry, Node};
use super::refusal::Refusal;
use crate::step::Step;
use crate::template::{self, Known};

/// The parameters a step is written with.
pub(super) struct Parameters<'a> {
    action: &'a str,
    entries: &'a [Entry],
    value: Map<String, Value>,
    doubts: Vec<Doubt>,
    /// What is wrong with templates.
    mistakes: Vec<Mistake>,
}

/// A value that only an event decides.
struct Doubt {
    pointer: String,
    is_text: bool,
}

impl<'a> Parameters<'a> {
    /// Reads every template.
    pub(super) fn of(action: &'a str, entries: &'a [Entry], lookups: &Map<String, Value>) -> Self {
        let mut parameters =
            Self { action, entries, value: Map::new(), doubts: Vec::new(), mistakes: Vec::new() };
        for entry in entries {
            let value = parameters.literal(&entry.value, &child("", &entry.name), lookups);
            parameters.value.insert(entry.name.clone(), value);
        }
        parameters
    }

    /// The value of a node, with a stand-in for what an event decides.
    fn literal(&mut self, node: &Node, pointer: &str, lookups: &Map<String, Value>) -> Value {
        match &node.content {
            Content::Scalar { value: Value::String(text), .. } if template::is_template(text) => {
                let known = match template::check_text(text, lookups) {
                    Ok(known) => known,
                    Err(problems) => {
                        let mistakes = problems.into_iter().map(|problem| Mistake::new(node.at, problem));
                        self.mistakes.extend(mistakes);
                        Known::Nothing
                    }
                };
                if let Known::Value(value) = known {
                    return value;
                }
                self.doubts.push(Doubt { pointer: pointer.to_owned(), is_text: known == Known::Text });
                Value::String(text.clone())
            }
            Content::Scalar { value, .. } => value.clone(),
            Content::List(items) => {
                let item = |(index, item): (usize, &Node)| {
                    self.literal(item, &format!("{pointer}/{index}"), lookups)
                };
                items.iter().enumerate().map(item).collect()
            }
            Content::Map(entries) => entries
                .iter()
                .map(|entry| {
                    (entry.name.clone(), self.literal(&entry.value, &child(pointer, &entry.name), lookups))
                })
                .collect(),
            Content::Broken => {
                self.doubts.push(Doubt { pointer: pointer.to_owned(), is_text: false });
                Value::Null
            }
        }
    }

    /// Everything in them that the action refuses for any event. `at` is the place of the action.
    pub(super) fn mistakes<W>(mut self, step: &dyn Step<W>, at: At) -> Vec<Mistake> {
        for (name, _) in step.defaults() {
            if !self.value.contains_key(*name) {
                self.value.insert((*name).to_owned(), Value::Null);
                self.doubts.push(Doubt { pointer: child("", name), is_text: false });
            }
        }
        let schema = step.schema();
        let validator = match jsonschema::validator_for(&schema) {
            Ok(validator) => validator,
            Err(error) => {
                let problem = format!("the schema of `{}` cannot be used: {error}", self.action);
                return vec![Mistake::new(at, problem)];
            }
        };
        let mut mistakes = std::mem::take(&mut self.mistakes);
        mistakes.extend(self.given_away(step.of_author()));
        let value = Value::Object(std::mem::take(&mut self.value));
        let certain = |error: &ValidationError<'_>| self.is_certain(error);
        let refusal =
            Refusal { action: self.action, at, entries: self.entries, schema: &schema, certain: &certain };
        for error in validator.iter_errors(&value).filter(|error| self.is_certain(error)) {
            mistakes.extend(refusal.mistakes(&error));
        }
        if mistakes.is_empty() && self.doubts.is_empty() {
            // What the schema cannot express, the action itself refuses.
            let refused = step.check(&value).err();
            mistakes.extend(
                refused.map(|failure| Mistake::new(at, format!("`{}`: {}", self.action, failure.message))),
            );
        }
        mistakes
    }

    /// The parameters that only the author may give, and that a template takes from the event.
    fn given_away(&self, of_author: &[&str]) -> Vec<Mistake> {
        let entries = self.entries.iter().filter(|entry| of_author.contains(&entry.name.as_str()));
        let given = entries.filter(|entry| self.value.get(&entry.name).is_some_and(template::reads_event));
        let mistake = |entry: &Entry| {
            let problem = format!(
                "`{}` of `{}` must not come from the event, because it gives power; write the value here, or a field of \
                 `tenant`",
                entry.name, self.action
            );
            Mistake::new(entry.value.at, problem)
        };
        given.map(mistake).collect()
    }

    /// Whether a value is refused whatever the event: an alternative that a template may still fit is no mistake.
    fn is_certain(&self, error: &ValidationError<'_>) -> bool {
        let pointer = error.instance_path().as_str();
        let doubt = self.doubts.iter().find(|doubt| is_at_or_under(pointer, &doubt.pointer));
        if doubt.is_some_and(|doubt| !doubt.is_text) {
            return false;
        }
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                context.iter().all(|alternative| alternative.iter().any(|error| self.is_certain(error)))
            }
            Kind::Type { .. } => true,
            Kind::AdditionalProperties { .. } | Kind::Required { .. } => doubt.is_none(),
            _ => doubt.is_none() && !self.doubts.iter().any(|doubt| is_at_or_under(&doubt.pointer, pointer)),
        }
    }
}

fn is_at_or_under(pointer: &str, parent: &str) -> bool {
    pointer.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A JSON pointer to a member.
fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
