//! What a workflow takes: the events that may ask for it, and the parameters that they may give.

use serde::Serialize;
use serde_json::Value;

use super::Definition;
use crate::step::{Roster, Step};
use crate::template::ParametersRead;

/// A parameter that events may give.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The values it takes.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Its value if an event does not give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The values that a parameter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    List,
    /// A map.
    Map,
    /// Any value.
    #[default]
    Any,
}

impl ParameterType {
    /// Every type.
    pub(super) const ALL: [Self; 6] =
        [Self::Text, Self::Number, Self::Boolean, Self::List, Self::Map, Self::Any];

    /// The word for it in a file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Map => "map",
            Self::Any => "any",
        }
    }

    /// Whether it takes this value. A parameter that is null is not given.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match self {
            _ if value.is_null() => true,
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
            Self::Any => true,
        }
    }
}

impl Definition {
    /// The parameters that the templates and conditions of the workflow read, those of its actions' defaults among them.
    pub(crate) fn parameters_read<W>(&self, roster: &Roster<W>) -> ParametersRead {
        let mut read = ParametersRead::default();
        for stage in &self.stages {
            stage.when.iter().for_each(|when| read.in_expression(when));
            for step in &stage.steps {
                step.when.iter().for_each(|when| read.in_expression(when));
                step.params.values().for_each(|value| read.in_value(value));
                let defaults = roster.get(&step.action).map(Step::defaults).unwrap_or_default();
                let used = defaults.iter().filter(|(name, _)| !step.params.contains_key(*name));
                used.for_each(|(_, template)| read.in_value(&Value::String((*template).to_owned())));
            }
        }
        read
    }

    /// Whether a template of the workflow may name this variable: whether the word is anywhere in one.
    pub(crate) fn may_name<W>(&self, variable: &str, roster: &Roster<W>) -> bool {
        let has = |text: &str| text.contains(variable);
        let in_step = |step: &super::StepDefinition| {
            let defaults = roster.get(&step.action).map(Step::defaults).unwrap_or_default();
            let mut used = defaults.iter().filter(|(name, _)| !step.params.contains_key(*name));
            step.when.as_deref().is_some_and(has)
                || step.params.values().any(|value| has(&value.to_string()))
                || used.any(|(_, template)| has(template))
        };
        self.stages
            .iter()
            .any(|stage| stage.when.as_deref().is_some_and(has) || stage.steps.iter().any(in_step))
    }
}
