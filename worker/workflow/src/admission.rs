//! Which events may ask for a workflow, with which parameters, and how much one event may name.
//!
//! A parameter that no template reads would be ignored: `licences` for `licenses` would give nobody a licence, and the
//! run would succeed. So a workflow takes the parameters that it declares, or else those that its templates name.

use std::collections::BTreeMap;

use outcome::Failure;
use serde_json::{Map, Value};

use crate::definition::{Definition, Definitions, Parameter, ParameterType};
use crate::step::Roster;
use crate::suggest;

/// What a workflow takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Takes {
    workflow: String,
    events: Vec<String>,
    parameters: BTreeMap<String, Parameter>,
    /// Whether it reads parameters by names that only an event decides, and declares none.
    any_parameter: bool,
    /// Whether its templates may name the manager.
    names_manager: bool,
}

/// How much one event may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The entries of one list.
    pub list: usize,
    /// The entries of all lists.
    pub all_lists: usize,
}

impl Takes {
    /// What a workflow takes whose actions are in this roster.
    fn of<W>(definition: &Definition, roster: &Roster<W>) -> Self {
        let events = match definition.events.as_slice() {
            [] => vec![definition.name.clone()],
            events => events.to_vec(),
        };
        let by_name = |parameter: &Parameter| (parameter.name.clone(), parameter.clone());
        let (parameters, any_parameter) = match &definition.parameters {
            Some(declared) => (declared.iter().map(by_name).collect(), false),
            None => {
                let read = definition.parameters_read(roster);
                let any = |name: &String| Parameter {
                    name: name.clone(),
                    kind: ParameterType::Any,
                    default: None,
                    description: None,
                };
                (read.names.iter().map(any).map(|parameter| by_name(&parameter)).collect(), read.any)
            }
        };
        let names_manager = definition.may_name("manager", roster);
        Self { workflow: definition.name.clone(), events, parameters, any_parameter, names_manager }
    }

    /// What each of these workflows takes, by name.
    pub fn of_all<W>(definitions: &Definitions, roster: &Roster<W>) -> BTreeMap<String, Self> {
        definitions.iter().map(|definition| (definition.name.clone(), Self::of(definition, roster))).collect()
    }

    /// Why an event of this kind, with these parameters, may not ask for the workflow; all reasons at once.
    pub fn refusals(&self, event: &str, parameters: &Map<String, Value>, limits: Limits) -> Vec<Failure> {
        let mut failures = Vec::new();
        if !self.events.iter().any(|known| known == event) {
            let (workflow, known) = (&self.workflow, self.events.join(", "));
            let message = format!("workflow `{workflow}` is for {known}, not for {event}");
            failures.push(Failure::rejected("workflow_not_for_event", message));
        }
        let known = || self.parameters.keys().map(String::as_str);
        for (name, value) in parameters {
            match self.parameters.get(name) {
                Some(parameter) if parameter.kind.takes(value) => {}
                Some(parameter) => {
                    let message = format!("parameter `{name}` must be of type `{}`", parameter.kind.as_str());
                    failures.push(Failure::rejected("invalid_parameter", message));
                }
                None if self.any_parameter => {}
                None => {
                    let hint = suggest::hint(name, known());
                    let hint = if hint.is_empty() { "; it takes none".to_owned() } else { hint };
                    let message = format!("workflow `{}` has no parameter `{name}`{hint}", self.workflow);
                    failures.push(Failure::rejected("unknown_parameter", message));
                }
            }
        }
        failures.extend(limits.refusals(parameters));
        failures
    }

    /// Whether its templates may name the manager, so that it is worth looking one up.
    pub fn names_manager(&self) -> bool {
        self.names_manager
    }

    /// The parameters of an event, with the defaults of those that it does not give.
    pub fn with_defaults(&self, parameters: &Map<String, Value>) -> Map<String, Value> {
        let mut all = parameters.clone();
        for Parameter { name, default, .. } in self.parameters.values() {
            if let Some(default) = default
                && all.get(name).is_none_or(Value::is_null)
            {
                all.insert(name.clone(), default.clone());
            }
        }
        all
    }
}

impl Limits {
    fn refusals(self, parameters: &Map<String, Value>) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut total = 0_usize;
        for (name, value) in parameters {
            let (longest, entries) = lists_in(value);
            total = total.saturating_add(entries);
            if longest > self.list {
                let message = format!(
                    "parameter `{name}` has a list of {longest} entries, and at most {} are allowed; publish several \
                     events, or raise workflows.max_list_entries",
                    self.list
                );
                failures.push(Failure::rejected("list_too_long", message));
            }
        }
        if total > self.all_lists {
            let message = format!(
                "the lists of the event have {total} entries together, and at most {} are allowed; publish several \
                 events, or raise workflows.max_entries",
                self.all_lists
            );
            failures.push(Failure::rejected("too_many_entries", message));
        }
        failures
    }
}

/// The length of the longest list in a value, and of all its lists together.
fn lists_in(value: &Value) -> (usize, usize) {
    let inner = |(longest, all): (usize, usize), value| {
        let (its_longest, its_all) = lists_in(value);
        (longest.max(its_longest), all.saturating_add(its_all))
    };
    match value {
        Value::Array(items) => items.iter().fold((items.len(), items.len()), inner),
        Value::Object(fields) => fields.values().fold((0, 0), inner),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_steps;
    use serde_json::json;

    const LIMITS: Limits = Limits { list: 3, all_lists: 5 };

    fn takes(workflow: &str) -> Takes {
        let definitions = Definitions::read("w.yaml", workflow, &test_steps::roster()).unwrap();
        Takes::of(definitions.iter().next().unwrap(), &test_steps::roster())
    }

    fn refusals(takes: &Takes, event: &str, parameters: Value) -> Vec<String> {
        let failures = takes.refusals(event, parameters.as_object().unwrap(), LIMITS);
        failures.into_iter().map(|failure| format!("{}: {}", failure.code, failure.message)).collect()
    }

    const NAMED: &str = "leave:
  stages:
    - name: a
      when: parameters.enabled
      steps:
        - note: { text: \"{{ parameters['title'] | default('x') }}\" }
          when: not parameters.quiet
";

    #[test]
    fn without_a_declaration_a_workflow_takes_what_its_templates_name() {
        let takes = takes(NAMED);
        let all = json!({ "enabled": true, "title": ["any"], "quiet": null });
        assert_eq!(refusals(&takes, "leave", all), [""; 0]);
        assert_eq!(
            refusals(&takes, "leave", json!({ "tilte": "x" })),
            ["unknown_parameter: workflow `leave` has no parameter `tilte`; did you mean `title`?"]
        );
        let nothing = super::tests::takes("leave: { stages: [] }\n");
        assert_eq!(
            refusals(&nothing, "leave", json!({ "title": "x" })),
            ["unknown_parameter: workflow `leave` has no parameter `title`; it takes none"]
        );
    }

    #[test]
    fn a_workflow_that_computes_names_takes_any() {
        for text in ["{{ parameters[person.id] }}", "{{ parameters | length }}"] {
            let file =
                format!("leave: {{ stages: [{{ name: a, steps: [note: {{ text: \"{text}\" }}] }}] }}\n");
            assert_eq!(refusals(&takes(&file), "leave", json!({ "seven": 7 })), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_declared_parameter_has_a_type_and_a_default() {
        let file = "leave:
  for: [offboarding, change]
  parameters:
    groups: { type: list, default: [staff], description: Names of groups }
    quiet: boolean
    anything:
  stages: [{ name: a, steps: [{ note: { text: \"{{ parameters.groups | join }}\" }, when: parameters.quiet or parameters.anything }] }]
";
        let takes = takes(file);
        assert_eq!(
            refusals(&takes, "change", json!({ "groups": [], "quiet": true, "anything": 7 })),
            [""; 0]
        );
        assert_eq!(
            refusals(&takes, "leave", json!({ "groups": "staff", "quite": true })),
            [
                "workflow_not_for_event: workflow `leave` is for offboarding, change, not for leave",
                "invalid_parameter: parameter `groups` must be of type `list`",
                "unknown_parameter: workflow `leave` has no parameter `quite`; did you mean `quiet`?",
            ]
        );
        let filled = takes.with_defaults(json!({ "quiet": true }).as_object().unwrap());
        assert_eq!(Value::Object(filled), json!({ "groups": ["staff"], "quiet": true }));
    }

    #[test]
    fn the_manager_is_looked_for_only_where_a_template_may_name_one() {
        let with = |step: &str| takes(&format!("leave: {{ stages: [{{ name: a, steps: [{step}] }}] }}\n"));
        assert!(!with("note").names_manager());
        assert!(with("{ note: , when: manager }").names_manager());
        assert!(with("note: { text: '{{ manager.upn }}' }").names_manager());
    }

    #[test]
    fn an_event_names_only_so_much() {
        let takes =
            takes("leave: { stages: [{ name: a, when: 'parameters.a or parameters.b', steps: [note] }] }\n");
        assert_eq!(refusals(&takes, "leave", json!({ "a": [1, 2, 3], "b": { "c": [1, 2] } })), [""; 0]);
        let found = refusals(&takes, "leave", json!({ "a": [[1, 2, 3, 4]], "b": [1] }));
        assert!(found[0].starts_with("list_too_long: parameter `a` has a list of 4 entries"), "{found:?}");
        assert!(found[1].starts_with("too_many_entries: the lists of the event have 6"), "{found:?}");
    }
}
