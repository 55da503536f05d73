//! Templates and expressions in workflow values (`minijinja`).
//!
//! A string that is one `{{ expression }}` and nothing else becomes the expression's value, whatever its
//! type. Any other string with markup becomes text; everything else stays as it is. A missing name is an
//! error, never an empty string: an offboarding with a blank in it must not run.

mod country;
mod names;

use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

pub use country::code_of;
pub(crate) use names::{Known, ParametersRead, check_expression, check_text, is_from_event, reads_event};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_filter("country_code", country::country_code);
    environment
});

/// Why a template or an expression has no value. The text quotes the workflow, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// It does not parse.
    #[error("`{source}` does not parse: {problem}", source = .text)]
    Syntax {
        /// The template.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no value for this event.
    #[error(
        "`{text}` has no value here: {problem}; give the event that field, or the template a `default(...)`"
    )]
    NoValue {
        /// The template.
        text: String,
        /// What is wrong, in the engine's words.
        problem: String,
    },
}

/// Fills every template in a value.
pub(crate) fn fill(value: &Value, variables: &Value) -> Result<Value, TemplateError> {
    match value {
        Value::String(text) => fill_text(text, variables),
        Value::Array(items) => items.iter().map(|item| fill(item, variables)).collect(),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, value)| Ok((name.clone(), fill(value, variables)?)));
            filled.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// Whether a `when` is true. A missing name makes it false.
pub(crate) fn holds(expression: &str, variables: &Value) -> Result<bool, TemplateError> {
    let compiled = ENVIRONMENT.compile_expression(expression).map_err(|error| syntax(expression, &error))?;
    let value = compiled
        .eval(minijinja::Value::from(minijinja::value::Serde(variables)))
        .map_err(|error| no_value(expression, &error))?;
    Ok(value.is_true())
}

fn fill_text(text: &str, variables: &Value) -> Result<Value, TemplateError> {
    let context = || minijinja::Value::from(minijinja::value::Serde(variables));
    if let Some(expression) = expression_in(text) {
        let compiled = ENVIRONMENT.compile_expression(expression).map_err(|error| syntax(text, &error))?;
        let value = compiled.eval(context()).map_err(|error| no_value(text, &error))?;
        if value.kind() == ValueKind::Undefined {
            return Err(TemplateError::NoValue {
                text: text.to_owned(),
                problem: "undefined value".to_owned(),
            });
        }
        return serde_json::to_value(&value)
            .map_err(|error| TemplateError::NoValue { text: text.to_owned(), problem: error.to_string() });
    }
    if !is_template(text) {
        return Ok(Value::String(text.to_owned()));
    }
    ENVIRONMENT.render_str(text, context()).map(Value::String).map_err(|error| match error.kind() {
        minijinja::ErrorKind::SyntaxError => syntax(text, &error),
        _ => no_value(text, &error),
    })
}

/// Whether a text has anything to fill.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Whether a value has nothing to fill anywhere.
pub(crate) fn is_literal(value: &Value) -> bool {
    match value {
        Value::String(text) => !is_template(text),
        Value::Array(items) => items.iter().all(is_literal),
        Value::Object(fields) => fields.values().all(is_literal),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The expression, if the text is exactly one.
fn expression_in(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim())
}

fn syntax(text: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError::Syntax { text: text.to_owned(), problem: detail(error) }
}

/// What does not parse. It can quote the template, and a template holds no value of an event.
fn detail(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned)
}

/// Only the kind of the error: its detail can quote a value, and values are people's.
fn no_value(text: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError::NoValue { text: text.to_owned(), problem: error.kind().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables() -> Value {
        json!({
            "person": { "given_name": "Ada", "department": "Research", "seats": 3 },
            "manager": null,
            "lookups": { "licenses": { "Research": ["SPE_E5"] } },
        })
    }

    #[test]
    fn a_lone_expression_keeps_its_type() {
        let rows = [
            (json!("{{ person.seats }}"), json!(3)),
            (json!(" {{ lookups.licenses[person.department] }} "), json!(["SPE_E5"])),
            (json!("{{ lookups.licenses['Sales'] | default(['SPE_E3']) }}"), json!(["SPE_E3"])),
            (json!("{{ manager }}"), Value::Null),
            (json!({ "text": ["Hello {{ person.given_name }}", 7] }), json!({ "text": ["Hello Ada", 7] })),
            (json!("plain"), json!("plain")),
        ];
        for (template, expected) in rows {
            assert_eq!(fill(&template, &variables()), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_missing_name_is_an_error_and_never_a_blank() {
        for template in ["{{ person.family_name }}", "Dear {{ person.family_name }}", "{{ persons.x }}"] {
            let error = fill(&json!(template), &variables()).unwrap_err();
            assert!(matches!(error, TemplateError::NoValue { .. }), "{template}: {error}");
            assert!(!error.to_string().contains("Ada"), "{error}");
        }
    }

    #[test]
    fn a_condition_on_a_missing_name_is_false() {
        let rows = [
            ("manager", false),
            ("manager is not none", false),
            ("person.family_name", false),
            ("person.department == 'Research'", true),
        ];
        for (expression, expected) in rows {
            assert_eq!(holds(expression, &variables()), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn an_error_never_quotes_a_value() {
        let error = fill(&json!("{{ person.given_name | int }}"), &variables()).unwrap_err();
        assert!(!error.to_string().contains("Ada"), "{error}");
    }
}
