//! What the JSON Schema of an action refuses, at the place of the refused value and in words of the author.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::mistake::{At, Mistake};
use super::node::{Content, Entry, Node};
use super::words;
use crate::suggest;

/// What errors of one step are reported with.
pub(super) struct Refusal<'a> {
    pub(super) action: &'a str,
    /// The place of the action.
    pub(super) at: At,
    pub(super) entries: &'a [Entry],
    pub(super) schema: &'a Value,
    /// Whether an error stands for every event.
    pub(super) certain: &'a dyn Fn(&ValidationError<'_>) -> bool,
}

impl Refusal<'_> {
    /// The mistakes behind one error of the validator.
    pub(super) fn mistakes(&self, error: &ValidationError<'_>) -> Vec<Mistake> {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                unexpected.iter().map(|name| self.unknown(pointer, name, error)).collect()
            }
            Kind::Required { property } => {
                vec![self.missing(pointer, property.as_str().unwrap_or_default())]
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match *fitting(context, pointer) {
                [alternative] => {
                    let certain = alternative.iter().filter(|error| (self.certain)(error));
                    certain.flat_map(|error| self.mistakes(error)).collect()
                }
                _ => vec![self.unexpected(error)],
            },
            _ => vec![self.unexpected(error)],
        }
    }

    fn unexpected(&self, error: &ValidationError<'_>) -> Mistake {
        let pointer = error.instance_path().as_str();
        let expected = self.expected(error);
        let found = error.instance();
        let options: Vec<_> =
            expected.iter().filter_map(|word| word.strip_prefix('`')?.strip_suffix('`')).collect();
        let nearest = found.as_str().and_then(|word| suggest::nearest(word, &options));
        let hint = nearest.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
        let parameter = segments(pointer).next().unwrap_or_default();
        let problem = format!(
            "`{parameter}` of `{}`: expected {}, found {}{hint}",
            self.action,
            words::any_of(&expected),
            words::found(found),
        );
        Mistake::new(self.place(pointer), problem)
    }

    /// What could stand there instead.
    fn expected(&self, error: &ValidationError<'_>) -> Vec<String> {
        let described = |otherwise: String| {
            let description = self.part(error).and_then(|part| part.get("description")?.as_str());
            vec![description.map_or(otherwise, |text| text.trim_end_matches('.').to_owned())]
        };
        match error.kind() {
            Kind::Type { kind } => words::types(kind),
            Kind::Constant { expected_value } => vec![words::exactly(expected_value)],
            Kind::Enum { options } => options.as_array().into_iter().flatten().map(words::exactly).collect(),
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                let own = error.instance_path().as_str();
                let fitting = fitting(context, own);
                let all = || context.iter().map(Vec::as_slice).collect();
                let alternatives = if fitting.is_empty() { all() } else { fitting };
                let first = alternatives.iter().filter_map(|alternative| most_exact(alternative, own));
                first.flat_map(|error| self.expected(error)).collect()
            }
            Kind::Minimum { limit } => vec![format!("at least {limit}")],
            Kind::Maximum { limit } => vec![format!("at most {limit}")],
            Kind::MinLength { limit: 1 } => vec!["text that is not empty".to_owned()],
            Kind::MinLength { limit } => vec![format!("text of at least {limit} characters")],
            Kind::MaxLength { limit } => vec![format!("text of at most {limit} characters")],
            Kind::MinItems { limit } => vec![format!("at least {limit} entries")],
            Kind::MaxItems { limit } => vec![format!("at most {limit} entries")],
            Kind::UniqueItems => vec!["every entry once".to_owned()],
            Kind::Required { .. } | Kind::AdditionalProperties { .. } => {
                let part = self.part(error);
                let names = |keyword: &str| part.and_then(|part| part.get(keyword));
                let required = names("required").and_then(Value::as_array).into_iter().flatten();
                let mut required = required.filter_map(Value::as_str).peekable();
                if required.peek().is_some() {
                    return vec![words::map_with(required)];
                }
                let known = names("properties").and_then(Value::as_object);
                vec![words::map_with(known.into_iter().flat_map(|known| known.keys().map(String::as_str)))]
            }
            Kind::Pattern { pattern } => described(format!("text that matches `{pattern}`")),
            Kind::Format { format } => described(format!("text of the form {format}")),
            other => described(format!("a value that fits the schema's `{}`", other.keyword())),
        }
    }

    fn unknown(&self, pointer: &str, name: &str, error: &ValidationError<'_>) -> Mistake {
        let known = self.part(error).and_then(|part| part.get("properties")?.as_object());
        let hint = suggest::hint(name, known.into_iter().flat_map(|known| known.keys().map(String::as_str)));
        let entry = self.entries_at(pointer).iter().find(|entry| entry.name == name);
        let at = entry.map_or_else(|| self.place(pointer), |entry| entry.at);
        let problem = match segments(pointer).next() {
            None => format!("unknown parameter `{name}` of `{}`{hint}", self.action),
            Some(parameter) => format!("`{parameter}` of `{}`: unknown field `{name}`{hint}", self.action),
        };
        Mistake::new(at, problem)
    }

    fn missing(&self, pointer: &str, name: &str) -> Mistake {
        let problem = match segments(pointer).next() {
            None => format!("`{}` needs the parameter `{name}`", self.action),
            Some(parameter) => format!("`{parameter}` of `{}`: the field `{name}` is missing", self.action),
        };
        Mistake::new(self.place(pointer), problem)
    }

    /// The part of the schema that has the keyword of an error.
    fn part(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let (part, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(part)
    }

    /// The place of a value, or of the nearest one around it that stands in the file.
    fn place(&self, pointer: &str) -> At {
        self.path(pointer).last().map_or(self.at, |node| node.at)
    }

    /// The entries of the map at a pointer.
    fn entries_at(&self, pointer: &str) -> &[Entry] {
        match self.path(pointer).last() {
            None => self.entries,
            Some(Node { content: Content::Map(entries), .. }) => entries,
            Some(_) => &[],
        }
    }

    /// The nodes on the way to a pointer, as far as they stand in the file.
    fn path(&self, pointer: &str) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = Vec::new();
        for segment in segments(pointer) {
            let entries = match nodes.last() {
                None => self.entries,
                Some(Node { content: Content::Map(entries), .. }) => entries,
                Some(Node { content: Content::List(items), .. }) => {
                    let Some(item) = segment.parse().ok().and_then(|index: usize| items.get(index)) else {
                        break;
                    };
                    nodes.push(item);
                    continue;
                }
                Some(_) => break,
            };
            let Some(entry) = entries.iter().find(|entry| entry.name == segment) else { break };
            nodes.push(&entry.value);
        }
        nodes
    }
}

/// The alternatives that a value of this type can mean.
fn fitting<'e>(
    context: &'e [Vec<ValidationError<'static>>],
    pointer: &str,
) -> Vec<&'e [ValidationError<'static>]> {
    let is_of_another_form = |error: &ValidationError<'_>| {
        error.instance_path().as_str() == pointer && (is_literal(error) || is_form(error))
    };
    let alternatives = context.iter().filter(|alternative| !alternative.iter().any(is_of_another_form));
    alternatives.map(Vec::as_slice).collect()
}

/// The error of an alternative that says best what was expected at `pointer`.
fn most_exact<'e>(
    alternative: &'e [ValidationError<'static>],
    pointer: &str,
) -> Option<&'e ValidationError<'static>> {
    let mut own = alternative.iter().filter(|error| error.instance_path().as_str() == pointer);
    let first = own.next()?;
    if is_literal(first) { Some(first) } else { own.find(|error| is_literal(error)).or(Some(first)) }
}

fn is_literal(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. })
}

fn is_form(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::Type { .. } | Kind::AnyOf { .. } | Kind::OneOfNotValid { .. })
}

/// The parts of a JSON pointer.
fn segments(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
