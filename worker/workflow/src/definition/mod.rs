//! Workflows as their authors write them: YAML, with every error at its line and column.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

use crate::delay::Delay;
use crate::step::Roster;
use crate::template;

/// Workflows by name: the compiled-in ones, with an operator's on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Definitions(BTreeMap<String, Definition>);

/// One workflow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// The name an event asks for.
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Plain maps that templates look things up in.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub lookups: Map<String, Value>,
    /// Run in this order.
    pub stages: Vec<Stage>,
}

/// Steps that run together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Unique in its workflow.
    pub name: String,
    /// The stage runs only if this expression holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The stage starts so long after the end of the one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Delay>,
    /// What a failed step means for the stages after it.
    pub on_failure: OnFailure,
    /// Run together.
    pub steps: Vec<StepDefinition>,
    /// Where it stands in its file.
    #[serde(skip)]
    pub place: Place,
}

/// What a failed step means for the stages after its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, DeriveDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They are not run.
    #[default]
    Stop,
    /// They are run all the same.
    Continue,
}

/// One action with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepDefinition {
    /// Unique in its stage; the action's name unless the author gave another.
    pub name: String,
    /// What it does.
    pub action: String,
    /// The step runs only if this expression holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Values and templates.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Where it stands in its file.
    #[serde(skip)]
    pub place: Place,
}

/// A place in a workflow file, for error texts. Places do not take part in comparison of what is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    file: String,
    line: u64,
    column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong with a workflow file, where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct DefinitionError {
    /// File, line and column.
    pub place: Place,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl Definitions {
    /// Reads a file of workflows. `file` only names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, DefinitionError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let raw: BTreeMap<String, RawDefinition> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| DefinitionError {
                place: place(file, error.location().unwrap_or(Location::UNKNOWN)),
                problem: without_location(&error),
            })?;
        let definitions = raw.into_iter().map(|(name, raw)| Ok((name.clone(), raw.named(file, name)?)));
        definitions.collect::<Result<_, _>>().map(Self)
    }

    /// These with `others` on top: of two with one name, the other wins.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The workflow with this name.
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.0.values()
    }

    /// Everything that could not run: unknown actions and parameters, templates that do not parse.
    pub fn check<W>(&self, roster: &Roster<W>) -> Vec<DefinitionError> {
        self.iter().flat_map(|definition| definition.check(roster)).collect()
    }
}

impl Definition {
    fn check<W>(&self, roster: &Roster<W>) -> Vec<DefinitionError> {
        let mut errors = Vec::new();
        for stage in &self.stages {
            let mut at = |place: &Place, problem: String| {
                errors.push(DefinitionError { place: place.clone(), problem });
            };
            if let Some(problem) =
                stage.when.as_deref().and_then(|when| template::check_expression(when).err())
            {
                at(&stage.place, format!("`when` of stage `{}`: {problem}", stage.name));
            }
            for step in &stage.steps {
                for problem in step.check(roster) {
                    at(&step.place, problem);
                }
            }
        }
        errors
    }
}

impl StepDefinition {
    fn check<W>(&self, roster: &Roster<W>) -> Vec<String> {
        let mut problems = Vec::new();
        match roster.get(&self.action) {
            None => {
                let known: Vec<_> = roster.names().collect();
                problems.push(format!("unknown action `{}`; known: {}", self.action, known.join(", ")));
            }
            Some(step) => {
                let known = step.parameters();
                for name in self.params.keys().filter(|name| !known.contains(*name)) {
                    let action = &self.action;
                    problems
                        .push(format!("`{action}` has no parameter `{name}`; it has: {}", known.join(", ")));
                }
            }
        }
        if let Some(problem) = self.when.as_deref().and_then(|when| template::check_expression(when).err()) {
            problems.push(format!("`when` of step `{}`: {problem}", self.name));
        }
        for (name, value) in &self.params {
            if let Err(problem) = template::check(value) {
                problems.push(format!("parameter `{name}` of step `{}`: {problem}", self.name));
            }
        }
        problems
    }
}

#[derive(DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct RawDefinition {
    description: Option<String>,
    #[serde(default)]
    lookups: Map<String, Value>,
    stages: Vec<Spanned<RawStage>>,
}

#[derive(DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct RawStage {
    name: String,
    when: Option<String>,
    after: Option<Delay>,
    #[serde(default)]
    on_failure: OnFailure,
    steps: Vec<Spanned<RawStep>>,
}

/// `disable_account`, or a map of one action to its parameters beside `when` and `name`.
struct RawStep {
    action: String,
    name: Option<String>,
    when: Option<String>,
    params: Map<String, Value>,
}

impl RawDefinition {
    fn named(self, file: &str, name: String) -> Result<Definition, DefinitionError> {
        let mut stages: Vec<Stage> = Vec::new();
        for raw in self.stages {
            let place = place(file, raw.referenced);
            if stages.iter().any(|stage| stage.name == raw.value.name) {
                let problem =
                    format!("two stages of `{name}` are called `{}`; give one another name", raw.value.name);
                return Err(DefinitionError { place, problem });
            }
            stages.push(raw.value.placed(file, place)?);
        }
        Ok(Definition { name, description: self.description, lookups: self.lookups, stages })
    }
}

impl RawStage {
    fn placed(self, file: &str, stage_place: Place) -> Result<Stage, DefinitionError> {
        let mut steps: Vec<StepDefinition> = Vec::new();
        for raw in self.steps {
            let place = place(file, raw.referenced);
            let RawStep { action, name, when, params } = raw.value;
            let name = name.unwrap_or_else(|| action.clone());
            if steps.iter().any(|step| step.name == name) {
                let problem =
                    format!("two steps of stage `{}` are called `{name}`; add `name:` to one", self.name);
                return Err(DefinitionError { place, problem });
            }
            steps.push(StepDefinition { name, action, when, params, place });
        }
        let Self { name, when, after, on_failure, .. } = self;
        Ok(Stage { name, when, after, on_failure, steps, place: stage_place })
    }
}

impl<'de> Deserialize<'de> for RawStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = RawStep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action's name, or a map such as `assign_licenses: { licenses: [SPE_E3] }`")
    }

    fn visit_str<E: de::Error>(self, action: &str) -> Result<RawStep, E> {
        Ok(RawStep { action: action.to_owned(), name: None, when: None, params: Map::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawStep, A::Error> {
        let (mut action, mut name, mut when) = (None::<(String, Map<String, Value>)>, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "when" => when = Some(map.next_value()?),
                _ => {
                    if let Some((first, _)) = &action {
                        return Err(de::Error::custom(format!(
                            "a step is one action, found `{first}` and `{key}`; write two steps, or indent the parameters"
                        )));
                    }
                    action = Some((key, map.next_value::<Option<Map<String, Value>>>()?.unwrap_or_default()));
                }
            }
        }
        let (action, params) =
            action.ok_or_else(|| de::Error::custom("a step names an action; found only `name` or `when`"))?;
        Ok(RawStep { action, name, when, params })
    }
}

fn place(file: &str, location: Location) -> Place {
    Place { file: file.to_owned(), line: location.line(), column: location.column() }
}

/// The parser's text ends in its own wording of the place, which [`Place`] already gives.
fn without_location(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(text).to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toys;

    const FILE: &str = "\
leave:
  description: Locks a person out
  lookups:
    groups: { Paris: [staff-fr] }
  stages:
    - name: lock out
      after: 30d
      on_failure: continue
      steps:
        - note
        - note: { text: \"{{ person.id }}\" }
          name: second
          when: manager
";

    #[test]
    fn a_file_says_what_it_means() {
        let definitions = Definitions::parse("leave.yaml", FILE).unwrap();
        let leave = definitions.get("leave").unwrap();
        assert_eq!(leave.stages[0].on_failure, OnFailure::Continue);
        assert_eq!(leave.stages[0].after.map(|after| after.to_string()).as_deref(), Some("30d"));
        let names: Vec<_> = leave.stages[0].steps.iter().map(|step| (&*step.name, &*step.action)).collect();
        assert_eq!(names, [("note", "note"), ("second", "note")]);
        assert_eq!(leave.stages[0].steps[1].when.as_deref(), Some("manager"));
        assert_eq!(definitions.check(&toys::roster()), []);
    }

    #[test]
    fn every_mistake_has_its_place_and_says_what_was_expected() {
        let rows = [
            ("leave:\n  stages:\n    - nam: x\n      steps: []\n", "leave.yaml:3:7: ", "unknown field `nam`"),
            ("leave:\n  stages: 3\n", "leave.yaml:2:11: ", "expected"),
            (
                "leave:\n  stages:\n    - name: a\n      steps: [{ note: {}, fail: {} }]\n",
                "leave.yaml:4:",
                "one action",
            ),
            (
                "leave:\n  stages:\n    - name: a\n      steps: [note, note]\n",
                "leave.yaml:4:21: ",
                "two steps",
            ),
            (
                "leave:\n  stages:\n    - name: a\n      after: 30\n      steps: []\n",
                "leave.yaml:4:",
                "such as 90s",
            ),
            (
                "leave:\n  stages:\n    - name: a\n      after: 2y\n      steps: []\n",
                "leave.yaml:4:",
                "such as 90s",
            ),
            ("leave: [\n", "leave.yaml:", ""),
            ("a: { stages: [] }\na: { stages: [] }\n", "leave.yaml:2:1: ", "duplicate"),
        ];
        for (text, start, part) in rows {
            let error = Definitions::parse("leave.yaml", text).unwrap_err().to_string();
            assert!(error.starts_with(start) && error.contains(part), "{text}\n{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_check_names_everything_that_could_not_run() {
        let text = "\
leave:
  stages:
    - name: a
      when: persn.id
      steps:
        - nota
        - note: { txt: x }
          when: person.id ==
        - note: { text: \"{{ person.id\" }
          name: broken
";
        let definitions = Definitions::parse("leave.yaml", text).unwrap();
        let errors: Vec<_> = definitions.check(&toys::roster()).iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 5, "{errors:#?}");
        assert!(
            errors[0].starts_with("leave.yaml:3:7: `when` of stage `a`: unknown variable `persn`"),
            "{errors:#?}"
        );
        assert!(
            errors[1].starts_with("leave.yaml:6:11: unknown action `nota`; known: copy, fail"),
            "{errors:#?}"
        );
        assert!(errors[2].contains("`note` has no parameter `txt`; it has: text"), "{errors:#?}");
    }

    #[test]
    fn a_later_file_replaces_a_workflow_of_the_same_name() {
        let ours = Definitions::parse("a", "leave: { stages: [] }\nstay: { stages: [] }\n").unwrap();
        let theirs = Definitions::parse("b", FILE).unwrap();
        let both = ours.with(theirs);
        assert_eq!(both.get("leave").unwrap().stages.len(), 1);
        assert!(both.get("stay").is_some());
    }
}
