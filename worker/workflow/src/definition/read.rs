//! From a file's tree to its workflows, naming every mistake on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use outcome::OnFailure;
use serde_json::{Map, Value};

use super::mistake::{At, Mistake};
use super::node::{Content, Entry, Node, to_map};
use super::parameters::Parameters;
use super::{Definition, Parameter, ParameterType, Stage, StepDefinition, times, words};
use crate::step::Roster;
use crate::suggest;
use crate::template::{self, ParametersRead};

/// What a map is called in errors, and its fields.
struct Form {
    name: &'static str,
    fields: &'static [&'static str],
}

const WORKFLOW: Form =
    Form { name: "a workflow", fields: &["description", "for", "parameters", "lookups", "stages"] };
const PARAMETER: Form = Form { name: "a parameter", fields: &["type", "default", "description"] };
const STAGE: Form =
    Form { name: "a stage", fields: &["name", "when", "after", "at", "on_failure", "needs", "steps"] };

/// What a step of a known action may have beside its action.
const STEP_FIELDS: [&str; 2] = ["name", "when"];

const EXPECTED_STEP: &str =
    "expected an action, such as `disable_account` or `assign_licenses: { licenses: [SPE_E3] }`";

/// Reads a file. Without a roster only its form is checked.
pub(super) fn read<W>(
    source: &str,
    roster: Option<&Roster<W>>,
) -> Result<BTreeMap<String, Definition>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let root = Node::of(source, &mut mistakes);
    let mut reader = Reader { roster, lookups: Map::new(), mistakes };
    let definitions = root.map(|root| reader.file(&root)).unwrap_or_default();
    if reader.mistakes.is_empty() { Ok(definitions) } else { Err(reader.mistakes) }
}

struct Reader<'a, W> {
    roster: Option<&'a Roster<W>>,
    /// Those of the workflow that is being read.
    lookups: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl<W> Reader<'_, W> {
    fn mistake(&mut self, at: At, problem: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, problem));
    }

    fn unexpected(&mut self, node: &Node, expected: &str) {
        if !matches!(node.content, Content::Broken) {
            self.mistake(node.at, format!("{expected}, found {}", words::found(&node.to_value())));
        }
    }

    fn file(&mut self, root: &Node) -> BTreeMap<String, Definition> {
        match &root.content {
            Content::Map(entries) => {
                entries.iter().filter_map(|entry| Some((entry.name.clone(), self.workflow(entry)?))).collect()
            }
            _ if root.is_null() => BTreeMap::new(),
            _ => {
                self.unexpected(root, "expected workflows by name");
                BTreeMap::new()
            }
        }
    }

    fn workflow(&mut self, entry: &Entry) -> Option<Definition> {
        let entries = self.form(&entry.value, &WORKFLOW)?;
        let description = self.text(entries, "description");
        let events = self.events(entry, entries);
        let parameters = get(entries, "parameters").and_then(|node| self.parameters(node));
        self.lookups = match get(entries, "lookups") {
            None => Map::new(),
            Some(Node { content: Content::Map(lookups), .. }) => to_map(lookups),
            Some(other) => {
                self.unexpected(other, "expected a map of lookups by name");
                Map::new()
            }
        };
        let stages = self.list(entry.at, entries, "stages", &format!("workflow `{}`", entry.name))?;
        let mut read: Vec<Stage> = Vec::new();
        for node in stages {
            let Some(stage) = self.stage(node, &read) else { continue };
            if !stage.name.is_empty() && read.iter().any(|other| other.name == stage.name) {
                let problem =
                    format!("another stage of this workflow is called `{}`; rename one", stage.name);
                self.mistake(node.at, problem);
            }
            if let Some(problem) = times::too_early(&read, &stage) {
                self.mistake(place_of(node, "at"), problem);
            }
            read.push(stage);
        }
        self.look_again(entry, &events, &read);
        let lookups = std::mem::take(&mut self.lookups);
        let definition =
            Definition { name: entry.name.clone(), description, events, parameters, lookups, stages: read };
        if let (Some(roster), Some(node)) = (self.roster, get(entries, "parameters")) {
            self.compare_parameters(&definition, &definition.parameters_read(roster), node);
        }
        Some(definition)
    }

    /// Names parameters that are declared and never read, or read and never declared.
    fn compare_parameters(&mut self, definition: &Definition, read: &ParametersRead, node: &Node) {
        let declared: Vec<_> = definition.parameters.iter().flatten().map(|it| it.name.as_str()).collect();
        for name in read.names.iter().filter(|name| !declared.contains(&name.as_str())) {
            let hint = suggest::nearest(name, &declared);
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.mistake(
                node.at,
                format!("a template reads the parameter `{name}`, which is not declared{hint}"),
            );
        }
        let Content::Map(entries) = &node.content else { return };
        for entry in entries.iter().filter(|entry| !read.any && !read.names.contains(&entry.name)) {
            self.mistake(entry.at, format!("nothing in the workflow reads the parameter `{}`", entry.name));
        }
    }

    /// Says so if a workflow acts beside others and never looks again.
    fn look_again(&mut self, workflow: &Entry, events: &[String], stages: &[Stage]) {
        let Some(roster) = self.roster else { return };
        let of_name = std::slice::from_ref(&workflow.name);
        let mut events = if events.is_empty() { of_name } else { events }.iter();
        let Some(event) = events.find(|event| roster.must_look_again(event)) else { return };
        if !times::looks_again(stages) {
            let problem = format!(
                "a workflow for {event} acts beside other runs, which may undo what it does; add a last stage with \
                 `after: 1s` that repeats it once nobody else acts"
            );
            self.mistake(workflow.at, problem);
        }
    }

    /// The events that may ask for a workflow.
    fn events(&mut self, workflow: &Entry, entries: &[Entry]) -> Vec<String> {
        let known = self.roster.map(Roster::events).unwrap_or_default();
        let Some(node) = get(entries, "for") else {
            if !known.is_empty() && !known.contains(&workflow.name.as_str()) {
                let problem = format!(
                    "workflow `{}` does not say which events may ask for it; add `for: [offboarding]`, or another of {}",
                    workflow.name,
                    known.join(", ")
                );
                self.mistake(workflow.at, problem);
            }
            return Vec::new();
        };
        let nodes = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut events: Vec<String> = Vec::new();
        for node in nodes {
            let Content::Scalar { value: Value::String(event), .. } = &node.content else {
                self.unexpected(node, "expected the kind of an event");
                continue;
            };
            if !known.is_empty() && !known.contains(&event.as_str()) {
                let hint = suggest::hint(event, known.iter().copied());
                self.mistake(node.at, format!("unknown kind of event `{event}`{hint}"));
            }
            events.push(event.clone());
        }
        if nodes.is_empty() {
            self.mistake(node.at, "`for` names no event, so nothing could ask for this workflow");
        }
        events
    }

    /// The parameters that a workflow declares.
    fn parameters(&mut self, node: &Node) -> Option<Vec<Parameter>> {
        match &node.content {
            Content::Map(entries) => Some(entries.iter().map(|entry| self.parameter(entry)).collect()),
            _ => {
                self.unexpected(node, "expected parameters by name");
                None
            }
        }
    }

    fn parameter(&mut self, entry: &Entry) -> Parameter {
        let name = entry.name.clone();
        let bare = |kind| Parameter { name: name.clone(), kind, default: None, description: None };
        match &entry.value.content {
            Content::Scalar { value: Value::String(_), .. } => {
                return bare(self.parameter_type(&entry.value));
            }
            _ if entry.value.is_null() => return bare(ParameterType::Any),
            _ => {}
        }
        let Some(entries) = self.form(&entry.value, &PARAMETER) else { return bare(ParameterType::Any) };
        let kind = get(entries, "type").map_or(ParameterType::Any, |node| self.parameter_type(node));
        let default = get(entries, "default").filter(|node| !node.is_null());
        if let Some(node) = default.filter(|node| !kind.takes(&node.to_value())) {
            self.unexpected(node, &format!("expected a default of type `{}`", kind.as_str()));
        }
        let default = default.map(Node::to_value);
        Parameter { default, description: self.text(entries, "description"), ..bare(kind) }
    }

    fn parameter_type(&mut self, node: &Node) -> ParameterType {
        let named = |text: &str| ParameterType::ALL.into_iter().find(|kind| kind.as_str() == text);
        let found = match &node.content {
            Content::Scalar { text, .. } => named(text),
            _ => None,
        };
        found.unwrap_or_else(|| {
            let known: Vec<_> = ParameterType::ALL.map(|kind| format!("`{}`", kind.as_str())).to_vec();
            self.unexpected(node, &format!("expected a type: {}", words::any_of(&known)));
            ParameterType::Any
        })
    }

    fn stage(&mut self, node: &Node, before: &[Stage]) -> Option<Stage> {
        let entries = self.form(node, &STAGE)?;
        if get(entries, "name").is_none_or(Node::is_null) {
            self.mistake(node.at, "this stage has no `name`");
        }
        let name = self.text(entries, "name").unwrap_or_default();
        let when = self.when(entries);
        let after = self.time(entries, "after");
        let at = self.time(entries, "at");
        if let (Some(_), Some(_), Some(node)) = (after, at, get(entries, "at")) {
            self.mistake(node.at, times::BOTH);
        }
        let on_failure = self.on_failure(entries);
        let what = if name.is_empty() { "this stage".to_owned() } else { format!("stage `{name}`") };
        let needs = get(entries, "needs").map(|node| self.needs(node, before, &what)).unwrap_or_default();
        let nodes = self.list(node.at, entries, "steps", &what).unwrap_or_default();
        let mut steps: Vec<StepDefinition> = Vec::new();
        for node in nodes {
            let Some(step) = self.step(node) else { continue };
            if steps.iter().any(|other| other.name == step.name) {
                let problem =
                    format!("another step of {what} is called `{}`; give one a `name` of its own", step.name);
                self.mistake(node.at, problem);
            }
            steps.push(step);
        }
        Some(Stage { name, when, after, at, on_failure, needs, steps })
    }

    /// The stages and steps that a stage needs: each is one before it.
    fn needs(&mut self, node: &Node, before: &[Stage], what: &str) -> Vec<String> {
        let nodes = match &node.content {
            Content::List(items) => items.as_slice(),
            _ if node.is_null() => &[],
            _ => std::slice::from_ref(node),
        };
        let steps = before.iter().flat_map(|stage| &stage.steps).map(|step| step.name.as_str());
        let known: Vec<_> = before.iter().map(|stage| stage.name.as_str()).chain(steps).collect();
        let mut needs = Vec::with_capacity(nodes.len());
        for node in nodes {
            let Content::Scalar { text, .. } = &node.content else {
                self.unexpected(node, "expected the name of a stage or step");
                continue;
            };
            if !known.contains(&text.as_str()) {
                let hint = suggest::hint(text, known.iter().copied());
                self.mistake(node.at, format!("no stage or step before {what} is called `{text}`{hint}"));
            }
            needs.push(text.clone());
        }
        needs
    }

    /// The field of a stage that says when it starts.
    fn time<T: FromStr<Err: fmt::Display>>(&mut self, entries: &[Entry], name: &str) -> Option<T> {
        let text = self.text(entries, name)?;
        match text.parse() {
            Ok(time) => Some(time),
            Err(error) => {
                self.mistake(get(entries, name)?.at, format!("{error}, found `{text}`"));
                None
            }
        }
    }

    fn on_failure(&mut self, entries: &[Entry]) -> OnFailure {
        let Some(node) = get(entries, "on_failure") else { return OnFailure::default() };
        match &node.content {
            Content::Scalar { text, .. } if text == "stop" => OnFailure::Stop,
            Content::Scalar { text, .. } if text == "continue" => OnFailure::Continue,
            _ => {
                self.unexpected(node, "expected `stop` or `continue`");
                OnFailure::default()
            }
        }
    }

    fn step(&mut self, node: &Node) -> Option<StepDefinition> {
        let entries = match &node.content {
            Content::Scalar { value: Value::String(action), .. } => {
                self.action(action, node.at, &[]);
                let name = action.clone();
                return Some(StepDefinition { action: action.clone(), name, when: None, params: Map::new() });
            }
            Content::Map(entries) => entries,
            _ => {
                self.unexpected(node, EXPECTED_STEP);
                return None;
            }
        };
        let mut actions = entries.iter().filter(|entry| !STEP_FIELDS.contains(&entry.name.as_str()));
        let Some(action) = actions.next() else {
            self.mistake(node.at, "this step names no action");
            return None;
        };
        let others: Vec<_> = actions.collect();
        let name = self.text(entries, "name").unwrap_or_else(|| action.name.clone());
        if let Some(name) = get(entries, "name").filter(|name| name.is_null()) {
            self.mistake(name.at, "the `name` of this step is empty");
        }
        let when = self.when(entries);
        let params = match &action.value.content {
            Content::Map(params) => params.as_slice(),
            _ if action.value.is_null() => &[],
            _ => {
                self.unexpected(
                    &action.value,
                    &format!("expected the parameters of `{}` by name", action.name),
                );
                return None;
            }
        };
        let mut is_one_action = true;
        for other in others {
            let problem = match suggest::nearest(&other.name, &STEP_FIELDS) {
                Some(field) => format!("unknown field `{}` of a step; did you mean `{field}`?", other.name),
                None => {
                    is_one_action = false;
                    format!(
                        "a step is one action, found `{}` and `{}`; write two steps, or indent the parameters",
                        action.name, other.name
                    )
                }
            };
            self.mistake(other.at, problem);
        }
        // Of two actions the first may be without its parameters only because they are not indented.
        if is_one_action {
            self.action(&action.name, action.at, params);
        }
        Some(StepDefinition { name, action: action.name.clone(), when, params: to_map(params) })
    }

    /// Checks an action's name and its parameters.
    fn action(&mut self, name: &str, at: At, params: &[Entry]) {
        let Some(roster) = self.roster else { return };
        match roster.get(name) {
            Some(known) => {
                let found = Parameters::of(name, params, &self.lookups).mistakes(known, at);
                self.mistakes.extend(found);
            }
            None => {
                self.mistake(at, format!("unknown action `{name}`{}", suggest::hint(name, roster.names())));
            }
        }
    }

    /// The entries of a map of this form. A field that the form lacks is a mistake.
    fn form<'n>(&mut self, node: &'n Node, form: &Form) -> Option<&'n [Entry]> {
        let Content::Map(entries) = &node.content else {
            self.unexpected(node, &format!("expected {} with {}", form.name, form.fields.join(", ")));
            return None;
        };
        for entry in entries.iter().filter(|entry| !form.fields.contains(&entry.name.as_str())) {
            let hint = suggest::hint(&entry.name, form.fields.iter().copied());
            self.mistake(entry.at, format!("unknown field `{}` of {}{hint}", entry.name, form.name));
        }
        Some(entries)
    }

    fn list<'n>(&mut self, at: At, entries: &'n [Entry], name: &str, owner: &str) -> Option<&'n [Node]> {
        match get(entries, name) {
            Some(Node { content: Content::List(items), .. }) => return Some(items),
            Some(other) => self.unexpected(other, &format!("expected a list of {name}")),
            None => self.mistake(at, format!("{owner} has no `{name}`")),
        }
        None
    }

    /// A field's text. Numbers and truth values are taken as they are written.
    fn text(&mut self, entries: &[Entry], name: &str) -> Option<String> {
        let node = get(entries, name)?;
        match &node.content {
            Content::Scalar { text, .. } => (!node.is_null()).then(|| text.clone()),
            _ => {
                self.unexpected(node, "expected text");
                None
            }
        }
    }

    fn when(&mut self, entries: &[Entry]) -> Option<String> {
        let when = self.text(entries, "when")?;
        if self.roster.is_some() {
            let at = get(entries, "when")?.at;
            for problem in template::check_expression(&when, &self.lookups) {
                self.mistake(at, problem);
            }
        }
        Some(when)
    }
}

/// Where a field of a map stands.
fn place_of(map: &Node, name: &str) -> At {
    let field = match &map.content {
        Content::Map(entries) => get(entries, name),
        _ => None,
    };
    field.map_or(map.at, |field| field.at)
}

fn get<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Node> {
    entries.iter().find(|entry| entry.name == name).map(|entry| &entry.value)
}
