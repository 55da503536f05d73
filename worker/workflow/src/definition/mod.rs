//! Workflows as their authors write them: YAML. A file is read once, and every mistake in it is named at its line
//! and column.
//!
//! `node` is the file as a tree with places, `read` makes workflows of it, `times` says when their stages start,
//! `parameters` and `refusal` hold a step's parameters against the schema of its action. [`schema`] publishes the same rules for editors.

mod intake;
mod mistake;
mod node;
mod parameters;
mod read;
mod refusal;
pub mod schema;
mod times;
mod words;
mod yaml;

use std::collections::BTreeMap;

use outcome::OnFailure;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::dates::Offset;
use crate::delay::Delay;
use crate::step::Roster;

pub use intake::{Parameter, ParameterType};
pub use mistake::Mistakes;

/// Workflows by name: the compiled-in ones, with an operator's on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Definitions(BTreeMap<String, Definition>);

/// One workflow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// The name an event asks for.
    pub name: String,
    /// What the workflow is for, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kinds of events that may ask for it; if it names none, the kind of its own name.
    #[serde(rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The parameters that events may give; if it declares none, those that its templates name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// Maps in which templates look values up.
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
    /// The stage runs only if this expression is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How long after the end of the stage before it the stage starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Delay>,
    /// How long before or after the effective date the stage starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Offset>,
    /// What a failed step means for the stages after it.
    pub on_failure: OnFailure,
    /// The stages and steps before it that must not have failed; if one has, the run ends before this stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Run together.
    pub steps: Vec<StepDefinition>,
}

/// One action with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepDefinition {
    /// Unique in its stage; the action's name unless the author gave another.
    pub name: String,
    /// The action's name.
    pub action: String,
    /// The step runs only if this expression is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Values and templates.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

impl Definitions {
    /// Reads a file of workflows and checks every step against the action that `roster` has for it. `file` only names
    /// the file in mistakes.
    ///
    /// # Errors
    ///
    /// Every mistake in the file: what is not YAML or has another form, unknown names, expressions that do not parse,
    /// and parameters that their action would refuse for any event.
    pub fn read<W>(file: &str, source: &str, roster: &Roster<W>) -> Result<Self, Mistakes> {
        read::read(source, Some(roster)).map(Self).map_err(|mistakes| Mistakes::new(file, mistakes))
    }

    /// Reads a file without a look at its actions and templates: for files that are compiled in and that a test checks.
    /// The check compiles a JSON Schema for every action that they use, which a worker would do at every start.
    ///
    /// # Errors
    ///
    /// Every mistake in the form of the file.
    pub fn parse(file: &str, source: &str) -> Result<Self, Mistakes> {
        let read = read::read(source, None::<&Roster<()>>);
        read.map(Self).map_err(|mistakes| Mistakes::new(file, mistakes))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_steps;

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

    /// The mistakes in a file, one a line.
    fn mistakes(source: &str) -> String {
        Definitions::read("leave.yaml", source, &test_steps::roster()).unwrap_err().to_string()
    }

    /// The mistakes in a file whose one step starts in line 1, column 39.
    fn mistakes_of_step(step: &str) -> String {
        mistakes(&format!("w: {{ stages: [{{ name: a, steps: [     {step}] }}] }}"))
    }

    #[test]
    fn a_file_says_what_it_means() {
        let definitions = Definitions::read("leave.yaml", FILE, &test_steps::roster()).unwrap();
        let leave = definitions.get("leave").unwrap();
        assert_eq!(leave.stages[0].on_failure, OnFailure::Continue);
        assert_eq!(leave.stages[0].after.map(|after| after.to_string()).as_deref(), Some("30d"));
        let names: Vec<_> = leave.stages[0].steps.iter().map(|step| (&*step.name, &*step.action)).collect();
        assert_eq!(names, [("note", "note"), ("second", "note")]);
        assert_eq!(leave.stages[0].steps[1].when.as_deref(), Some("manager"));
    }

    #[test]
    fn times_that_no_run_can_keep_are_mistakes() {
        let stage = |lines: &str| format!("leave:\n  stages:\n    - name: a\n{lines}");
        let rows = [
            (
                stage("      steps: []\n      at: 2\n"),
                "5:11: expected a time such as -2d (two days before the",
            ),
            (
                stage("      at: -2d\n      after: 2d\n      steps: []\n"),
                "4:11: a stage has one of `after` and `at`",
            ),
            (
                stage("      steps: [note]\n    - { name: b, at: -2d, steps: [] }\n"),
                "5:22: stage `b` cannot start at -2d: stage `a` runs before it, and not before 0s; put",
            ),
            (
                stage(
                    "      at: 30d\n      steps: [note]\n    - { name: b, after: 1d, steps: [note] }\n    - { name: c, at: 30d, steps: [] }\n",
                ),
                "7:22: stage `c` cannot start at 30d: stage `b` runs before it, and not before 31d;",
            ),
        ];
        for (source, expected) in rows {
            let found = mistakes(&source);
            assert!(found.starts_with(&format!("leave.yaml:{expected}")) && !found.contains('\n'), "{found}");
        }
    }

    #[test]
    fn times_that_a_run_can_keep_are_no_mistake() {
        let rows: [&[&str]; 6] = [
            &["at: -2d,", "at: -1d,", "", "at: 0s,", "at: 30d,"],
            &["at: -2d,", "after: 1d,", "at: 0s,"],
            &["at: -2d,", "after: 3d,", "at: 1d,"],
            &["at: 30d, when: manager,", "at: 2d,"],
            &["after: , at: 2d,", "at: , after: 2d,"],
            &["at: 2d,", "at: 2d,"],
        ];
        for times in rows {
            let stage = |(index, time)| format!("{{ name: s{index}, {time} steps: [note] }}");
            let stages: Vec<_> = times.iter().enumerate().map(stage).collect();
            let source = format!("w: {{ stages: [{}] }}", stages.join(", "));
            assert!(Definitions::read("w.yaml", &source, &test_steps::roster()).is_ok(), "{source}");
        }
    }

    #[test]
    fn scalars_are_text_where_text_is_expected() {
        let source = "\
007:
  description: 7
  stages: [{ name: 0x10, when: true, after: , steps: [{ note: , name: 1.0 }] }]
empty: &empty { stages: [] }
again: { <<: *empty, description: }
";
        let definitions = Definitions::read("f", source, &test_steps::roster()).unwrap();
        let seven = definitions.get("007").unwrap();
        let stage = &seven.stages[0];
        assert_eq!(seven.description.as_deref(), Some("7"));
        assert_eq!((&*stage.name, stage.when.as_deref(), stage.after), ("0x10", Some("true"), None));
        assert_eq!(stage.steps[0].name, "1.0");
        assert_eq!(definitions.get("again").unwrap().description, None);
        for nothing in ["", "# a comment\n", "---\n"] {
            assert_eq!(Definitions::read("f", nothing, &test_steps::roster()), Ok(Definitions::default()));
        }
    }

    #[test]
    fn every_mistake_has_its_place_and_says_what_was_expected() {
        let stage = |lines: &str| format!("leave:\n  stages:\n    - name: a\n{lines}");
        let rows = [
            ("leave: [\n".to_owned(), "1:8: this `[` is never closed"),
            ("leave:\n\tstages: []\n".to_owned(), "2:2: use spaces instead of this tab"),
            ("leave: a: b\n".to_owned(), "1:9: this `:` starts a map here"),
            ("leave:\n  stages: []\n description: x\n".to_owned(), "3:2: the indentation does not match"),
            ("leave: { stages: [\"a] }\n".to_owned(), "1:19: this quote is never closed"),
            ("leave: *nowhere\n".to_owned(), "1:8: no anchor"),
            ("a: {}\n---\nb: {}\n".to_owned(), "3:1: a file holds one document"),
            ("leave: @x\n".to_owned(), "1:8: a text that starts with `@` must be in quotes"),
            ("- leave\n".to_owned(), "1:1: expected workflows by name, found a list"),
            (
                "leave:\n".to_owned(),
                "1:6: expected a workflow with description, for, parameters, lookups, stages, found nothing",
            ),
            ("leave: { description: x }\n".to_owned(), "1:1: workflow `leave` has no `stages`"),
            ("leave:\n  stages: 3\n".to_owned(), "2:11: expected a list of stages, found the number 3"),
            ("leave: { stages: [], lookups: x }\n".to_owned(), "1:31: expected a map of lookups by name"),
            ("a: { stages: [] }\na: { stages: [] }\n".to_owned(), "2:1: `a` is already given in line 1"),
            (
                stage("      steps: []\n      stps: []\n"),
                "5:7: unknown field `stps` of a stage; did you mean `steps`?",
            ),
            (stage(""), "3:7: stage `a` has no `steps`"),
            ("leave: { stages: [{ steps: [] }] }\n".to_owned(), "1:19: this stage has no `name`"),
            (stage("      steps: [note, note]\n"), "4:21: another step of stage `a` is called `note`"),
            (stage("      steps: []\n    - { name: a, steps: [] }\n"), "5:7: another stage of this workflow"),
            (
                stage("      steps: [{ note: {}, fail: {} }]\n"),
                "4:27: a step is one action, found `note` and `fail`",
            ),
            (
                stage("      steps: [{ note: {}, wehn: x }]\n"),
                "4:27: unknown field `wehn` of a step; did you",
            ),
            (stage("      steps: [{ when: manager }]\n"), "4:15: this step names no action"),
            (stage("      steps: [7]\n"), "4:15: expected an action, such as"),
            (stage("      steps: [{ note: 7 }]\n"), "4:23: expected the parameters of `note` by name"),
            (stage("      steps: []\n      after: 30\n"), "5:14: expected a delay such as 90s"),
            (stage("      steps: []\n      after: 2y\n"), "5:14: expected a delay such as 90s"),
            (
                stage("      steps: []\n      on_failure: stopp\n"),
                "5:19: expected `stop` or `continue`, found the",
            ),
            (
                stage("      steps: []\n      needs: [b]\n"),
                "5:15: no stage or step before stage `a` is called `b`",
            ),
            (
                stage("      steps: [note]\n    - { name: b, needs: [notes], steps: [] }\n"),
                "5:26: no stage or step before stage `b` is called `notes`; did you mean `note`?",
            ),
            (stage("      steps: []\n      needs: { b: c }\n"), "5:14: expected the name of a stage or step"),
            (
                stage("      steps: [{ note: { text: {{ person.id }} } }]\n"),
                "4:31: a template must be in quotes",
            ),
            (
                stage("      steps:\n        - note: { text: {{ lookups.a[person.id] }} }\n"),
                "5:25: a template must be in quotes",
            ),
        ];
        let is_right = |found: &str, expected: &str| {
            found.starts_with(&format!("leave.yaml:{expected}")) && !found.contains('\n')
        };
        let found = rows.map(|(source, expected)| (mistakes(&source), source, expected));
        let wrong: Vec<_> = found.iter().filter(|(found, _, expected)| !is_right(found, expected)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_mistake_of_a_file_is_named_at_once() {
        let source = "\
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
    - nam: b
      steps: [{ note: { text: 7 } }]
leave: { stages: [] }
";
        let found = mistakes(source);
        let starts = [
            "leave.yaml:4:13: unknown variable `persn`; did you mean `person`?",
            "leave.yaml:6:11: unknown action `nota`; did you mean `note`?",
            "leave.yaml:7:19: unknown parameter `txt` of `note`; did you mean `text`?",
            "leave.yaml:8:17: `person.id ==` does not parse: ",
            "leave.yaml:9:25: `{{ person.id` does not parse: ",
            "leave.yaml:11:7: this stage has no `name`",
            "leave.yaml:11:7: unknown field `nam` of a stage; did you mean `name`?",
            "leave.yaml:12:31: `text` of `note`: expected text, found the number 7",
            "leave.yaml:13:1: `leave` is already given in line 1",
        ];
        let lines: Vec<_> = found.lines().collect();
        assert_eq!(lines.len(), starts.len(), "{found}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}\n{start}");
        }
    }

    #[test]
    fn a_literal_parameter_is_held_against_the_schema_of_its_action() {
        let rows = [
            ("{ note: { text: [a] } }", "55: `text` of `note`: expected text, found a list"),
            ("{ note: { text: } }", "53: `text` of `note`: expected text, found nothing"),
            ("{ note: { text: '{{ 7 }}' } }", "55: `text` of `note`: expected text, found the number 7"),
            (
                "{ fail: { class: retri } }",
                "56: `class` of `fail`: expected `retry` or `blocked`, found the text `retri`; did you mean `retry`?",
            ),
            ("fail", "39: `fail` needs the parameter `class`"),
            ("{ fail: { times: 2 } }", "41: `fail` needs the parameter `class`"),
            (
                "{ fail: { class: retry, times: -1 } }",
                "70: `times` of `fail`: expected at least 0, found the number -1",
            ),
            (
                "{ fail: { class: retry, times: 'x {{ person.id }}' } }",
                "70: `times` of `fail`: expected a whole number or nothing",
            ),
            (
                "{ copy: { then: { aks: x } } }",
                "55: `then` of `copy`: expected a map with `tell` or a map with `ask`, found a map with `aks`",
            ),
            (
                "{ copy: { then: stpo } }",
                "55: `then` of `copy`: expected `stop` or a map, found the text `stpo`; did you mean `stop`?",
            ),
            ("{ note: { text: 7 }, wehn: x }", "55: `text` of `note`: expected text"),
            ("{ copy: { from: 7 } }", "55: `from` of `copy`: expected text or a map, found the number 7"),
            (
                "{ copy: { from: { driv: a } } }",
                "57: `from` of `copy`: unknown field `driv`; did you mean `drive`?",
            ),
            (
                "{ copy: { from: { folders: [a, 1] } } }",
                "70: `from` of `copy`: expected text, found the number 1",
            ),
            ("{ copy: { from: { drive: '{{ persn.id }}' } } }", "64: unknown variable `persn`"),
            ("{ copy: { from: '{{ lookups.drives.a }}' } }", "55: unknown lookup `drives`"),
        ];
        let is_right = |found: &str, expected: &str| {
            found.lines().any(|line| line.starts_with(&format!("leave.yaml:1:{expected}")))
        };
        let found = rows.map(|(step, expected)| (mistakes_of_step(step), expected));
        let wrong: Vec<_> = found.iter().filter(|(found, expected)| !is_right(found, expected)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_a_template_may_become_is_no_mistake() {
        let steps = [
            "{ fail: { class: '{{ parameters.class }}', times: '{{ parameters.times }}' } }",
            "{ fail: { class: 're{{ parameters.class }}' } }",
            "{ copy: { from: '{{ parameters.drive }}' } }",
            "{ copy: { from: { drive: '{{ person.id }}', folders: '{{ parameters.folders }}' } } }",
            "{ copy: { from: { folders: [a, '{{ parameters.folder }}'] }, looks: '{{ 3 }}' } }",
        ];
        for step in steps {
            let source = format!("w: {{ stages: [{{ name: a, steps: [{step}] }}] }}");
            let read = Definitions::read("w.yaml", &source, &test_steps::roster());
            assert!(read.is_ok(), "{step}: {read:?}");
        }
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
