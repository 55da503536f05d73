//! The names in a template: variables, fields, lookups, filters, tests and functions that no run has.
//!
//! `minijinja` looks names up only when it renders, and then only those on the way. So the check reads the
//! compiled instructions of a template instead: they hold every name, in a flat list.

use std::collections::BTreeSet;

use minijinja::machinery::{CodeGenerator, Instruction, Instructions, ast, parse, parse_expr};
use serde_json::{Map, Value};

use super::{ENVIRONMENT, TemplateError, detail, expression_in, fill_text};
use crate::suggest;

/// The variables of a template.
const VARIABLES: [&str; 7] = ["event", "lookups", "manager", "parameters", "person", "snapshot", "tenant"];

/// The variables that an event brings.
const OF_EVENT: [&str; 4] = ["event", "manager", "parameters", "person"];

/// The variables whose fields are known. A person and the parameters of an event can have fields of their own.
const FIELDS: [(&str, &[&str]); 2] = [
    ("event", &["effective", "id", "source", "subject", "time", "type"]),
    ("tenant", &["name", "pass_from"]),
];

/// Filters to suggest for a misspelt one. `minijinja` itself says whether a filter exists.
const FILTERS: [&str; 37] = [
    "abs",
    "batch",
    "bool",
    "capitalize",
    "country_code",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "title",
    "trim",
    "upper",
];

/// Tests to suggest for a misspelt one.
const TESTS: [&str; 16] = [
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "float",
    "in",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "true",
];

/// What is known about a template's value before there is an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// This value, whatever the event.
    Value(Value),
    /// Some text.
    Text,
    /// Nothing.
    Nothing,
}

/// Everything in an expression that no run can evaluate.
pub(crate) fn check_expression(text: &str, lookups: &Map<String, Value>) -> Vec<String> {
    match expression(text) {
        Ok(program) => problems(&program, lookups),
        Err(_) if text.contains("{{") => {
            vec![format!("`{text}` does not parse: an expression is written without `{{{{ }}}}`")]
        }
        Err(error) => vec![does_not_parse(text, &error)],
    }
}

/// What is known about the value of a text, or everything in it that no run can evaluate.
pub(crate) fn check_text(text: &str, lookups: &Map<String, Value>) -> Result<Known, Vec<String>> {
    let lone = expression_in(text);
    let program = lone.map_or_else(|| template(text), expression);
    let program = program.map_err(|error| vec![does_not_parse(text, &error)])?;
    let problems = problems(&program, lookups);
    if !problems.is_empty() {
        return Err(problems);
    }
    if lone.is_none() {
        return Ok(Known::Text);
    }
    if !is_constant(&program) {
        return Ok(Known::Nothing);
    }
    let variables = Map::from_iter([("lookups".to_owned(), Value::Object(lookups.clone()))]);
    match fill_text(text, &Value::Object(variables)) {
        Ok(value) => Ok(Known::Value(value)),
        Err(TemplateError::NoValue { problem, .. } | TemplateError::Syntax { problem, .. }) => {
            Err(vec![format!("`{text}` never has a value: {problem}")])
        }
    }
}

/// Whether an event fills a value: its templates read the event or what it carries, and no table of the workflow.
pub(crate) fn is_from_event(value: &Value) -> bool {
    let mut read = BTreeSet::new();
    collect_variables(value, &mut read);
    OF_EVENT.iter().any(|variable| read.contains(*variable)) && !read.contains("lookups")
}

/// Whether a value's templates read anything of an event.
pub(crate) fn reads_event(value: &Value) -> bool {
    let mut read = BTreeSet::new();
    collect_variables(value, &mut read);
    OF_EVENT.iter().any(|variable| read.contains(*variable))
}

/// The parameters of an event that templates read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParametersRead {
    /// Those that they name.
    pub(crate) names: BTreeSet<String>,
    /// Whether they read some by a name that only an event decides.
    pub(crate) any: bool,
}

impl ParametersRead {
    /// Adds those that an expression reads.
    pub(crate) fn in_expression(&mut self, text: &str) {
        // One that does not parse has been refused before.
        if let Ok(program) = expression(text) {
            self.in_program(&program);
        }
    }

    /// Adds those that the templates in a value read.
    pub(crate) fn in_value(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                if let Ok(program) = expression_in(text).map_or_else(|| template(text), expression) {
                    self.in_program(&program);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.in_value(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.in_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn in_program(&mut self, program: &Instructions<'_>) {
        let all: Vec<_> = instructions(program).collect();
        for (index, instruction) in all.iter().enumerate() {
            if !matches!(instruction, Instruction::Lookup(name) if *name == "parameters") {
                continue;
            }
            let name = match (all.get(index + 1), all.get(index + 2)) {
                (Some(Instruction::GetAttr(name)), _) => Some(*name),
                (Some(Instruction::LoadConst(name)), Some(Instruction::GetItem)) => name.as_str(),
                _ => None,
            };
            match name {
                Some(name) => self.names.extend([name.to_owned()]),
                None => self.any = true,
            }
        }
    }
}

fn collect_variables(value: &Value, read: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let program = expression_in(text).map_or_else(|| template(text), expression);
            // A template that does not parse has been refused before.
            for instruction in program.iter().flat_map(instructions) {
                if let Instruction::Lookup(name) = instruction {
                    read.insert((*name).to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_variables(item, read)),
        Value::Object(fields) => fields.values().for_each(|field| collect_variables(field, read)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn does_not_parse(text: &str, error: &minijinja::Error) -> String {
    format!("`{text}` does not parse: {}", detail(error))
}

fn expression(text: &str) -> Result<Instructions<'_>, minijinja::Error> {
    let expression = parse_expr(text)?;
    let mut generator = CodeGenerator::new("expression", text);
    generator.compile_expr(&expression);
    Ok(generator.finish().0)
}

fn template(text: &str) -> Result<Instructions<'_>, minijinja::Error> {
    let template: ast::Stmt<'_> = parse(text, "template", Default::default())?;
    let mut generator = CodeGenerator::new("template", text);
    generator.compile_stmt(&template);
    Ok(generator.finish().0)
}

fn instructions<'a>(program: &'a Instructions<'_>) -> impl Iterator<Item = &'a Instruction<'a>> {
    (0..).map_while(|index| program.get(index))
}

/// Whether the value is the same for every event.
fn is_constant(program: &Instructions<'_>) -> bool {
    instructions(program).all(|instruction| match instruction {
        Instruction::Lookup(name) => *name == "lookups",
        Instruction::CallFunction(..) | Instruction::CallMethod(..) | Instruction::CallObject(..) => false,
        _ => true,
    })
}

fn problems(program: &Instructions<'_>, lookups: &Map<String, Value>) -> Vec<String> {
    let all: Vec<_> = instructions(program).collect();
    let names = Names::of(&all);
    let mut problems = Vec::new();
    for (index, instruction) in all.iter().enumerate() {
        let before = |steps: usize| index.checked_sub(steps).and_then(|index| all.get(index));
        let problem = match instruction {
            Instruction::Lookup(name) => names.variable(name),
            Instruction::ApplyFilter(name, ..) if !exists(name, "filter") => {
                Some(format!("unknown filter `{name}`{}", suggest::hint(name, FILTERS)))
            }
            Instruction::PerformTest(name, ..) if !exists(name, "test") => {
                Some(format!("unknown test `{name}`{}", suggest::hint(name, TESTS)))
            }
            Instruction::CallFunction(name, ..) => names.function(name),
            Instruction::CallMethod(name, ..) => names.method(name),
            Instruction::GetAttr(field) => match before(1) {
                Some(Instruction::Lookup(variable)) => names.field(variable, field, lookups),
                _ => None,
            },
            Instruction::GetItem => match (before(2), before(1)) {
                (Some(Instruction::Lookup(variable)), Some(Instruction::LoadConst(field))) => {
                    field.as_str().and_then(|field| names.field(variable, field, lookups))
                }
                _ => None,
            },
            _ => None,
        };
        problems.extend(problem.filter(|problem| !problems.contains(problem)));
    }
    problems
}

/// Whether `minijinja` has a filter or a test of this name.
fn exists(name: &str, kind: &str) -> bool {
    let question = ENVIRONMENT.compile_expression(match kind {
        "filter" => "name is filter",
        _ => "name is test",
    });
    let answer = question.and_then(|question| question.eval(minijinja::context! { name }));
    answer.is_ok_and(|answer| answer.is_true())
}

/// The names a template makes itself, with `set`, `with` and `for`.
struct Names<'a> {
    own: BTreeSet<&'a str>,
    has_loop: bool,
}

impl<'a> Names<'a> {
    fn of(all: &[&'a Instruction<'a>]) -> Self {
        let own = all.iter().filter_map(|instruction| match instruction {
            Instruction::StoreLocal(name) => Some(*name),
            _ => None,
        });
        let has_loop = all.iter().any(|instruction| matches!(instruction, Instruction::PushLoop(_)));
        Self { own: own.collect(), has_loop }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let is_known = VARIABLES.contains(&name)
            || self.own.contains(name)
            || (self.has_loop && name == "loop")
            || is_function(name);
        (!is_known).then(|| format!("unknown variable `{name}`{}", suggest::hint(name, VARIABLES)))
    }

    fn function(&self, name: &str) -> Option<String> {
        let is_known = is_function(name) || self.own.contains(name) || (self.has_loop && name == "loop");
        let functions: Vec<_> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
        (!is_known).then(|| format!("unknown function `{name}`{}", suggest::hint(name, functions)))
    }

    /// The values of an event are plain data; only the variable of a loop has methods.
    fn method(&self, name: &str) -> Option<String> {
        let is_known = self.has_loop && ["changed", "cycle"].contains(&name);
        (!is_known)
            .then(|| format!("a value has no method `{name}`; use a filter, as in `person.upn | lower`"))
    }

    fn field(&self, variable: &str, field: &str, lookups: &Map<String, Value>) -> Option<String> {
        if self.own.contains(variable) {
            return None;
        }
        if variable == "lookups" {
            let known = lookups.keys().map(String::as_str);
            let hint = if lookups.is_empty() {
                "; this workflow has no `lookups`".to_owned()
            } else {
                suggest::hint(field, known)
            };
            return (!lookups.contains_key(field)).then(|| format!("unknown lookup `{field}`{hint}"));
        }
        let (_, known) = FIELDS.iter().find(|(name, _)| *name == variable)?;
        let hint = || suggest::hint(field, known.iter().copied());
        (!known.contains(&field)).then(|| format!("`{variable}` has no field `{field}`{}", hint()))
    }
}

fn is_function(name: &str) -> bool {
    ENVIRONMENT.globals().any(|(known, _)| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookups() -> Map<String, Value> {
        json!({ "licenses": { "Research": ["SPE_E5"] } }).as_object().cloned().unwrap()
    }

    #[test]
    fn every_name_that_no_run_has_is_found() {
        let rows = [
            ("persn.id", "unknown variable `persn`; did you mean `person`?"),
            ("person.upn | uper", "unknown filter `uper`; did you mean `upper`?"),
            ("person.upn is defnied", "unknown test `defnied`; did you mean `defined`?"),
            ("rnge(3)", "unknown function `rnge`; did you mean `range`?"),
            ("person.upn.upper()", "a value has no method `upper`; use a filter, as in `person.upn | lower`"),
            ("event.tim", "`event` has no field `tim`; did you mean `time`?"),
            ("event['sorce']", "`event` has no field `sorce`; did you mean `source`?"),
            ("tenant.id", "`tenant` has no field `id`; known: name"),
            ("lookups.licences[person.department]", "unknown lookup `licences`; did you mean `licenses`?"),
            ("lookups['rooms']", "unknown lookup `rooms`; known: licenses"),
            ("manager and (person.a if person.b is nope else 1)", "unknown test `nope`"),
        ];
        for (expression, expected) in rows {
            let problems = check_expression(expression, &lookups());
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{expression}: {problems:?}");
            let text = format!("Dear {{{{ {expression} }}}}");
            assert_eq!(check_text(&text, &lookups()), Err(problems), "{text}");
        }
        let none = check_expression("lookups.licenses", &Map::new());
        assert_eq!(none, ["unknown lookup `licenses`; this workflow has no `lookups`"]);
    }

    #[test]
    fn names_that_a_run_has_are_no_problem() {
        let rows = [
            "person.anything.at.all",
            "parameters.licenses | default(lookups.licenses[person.department]) | length > 2",
            "event.time[:10] == '2026-03-02' and event.subject is none",
            "tenant.name in ['contoso'] or not manager",
            "range(3) | list",
        ];
        for expression in rows {
            assert_eq!(check_expression(expression, &lookups()), Vec::<String>::new(), "{expression}");
        }
        let text = "{% for name in parameters.names %}{{ loop.index }}{{ name | lower }}{% endfor %}\
                    {% set event = 'mine' %}{{ event.anything }}";
        assert_eq!(check_text(text, &lookups()), Ok(Known::Text));
    }

    #[test]
    fn what_does_not_parse_is_quoted() {
        for expression in ["person.id ==", "person.id)"] {
            let problems = check_expression(expression, &lookups());
            assert!(problems[0].starts_with(&format!("`{expression}` does not parse: ")), "{problems:?}");
        }
        let problems = check_expression("{{ manager }}", &lookups());
        assert_eq!(problems, ["`{{ manager }}` does not parse: an expression is written without `{{ }}`"]);
        let problems = check_text("{{ person.id", &lookups()).unwrap_err();
        assert!(problems[0].starts_with("`{{ person.id` does not parse: "), "{problems:?}");
    }

    #[test]
    fn a_template_without_an_event_has_its_value_at_once() {
        let rows = [
            ("{{ 7 }}", Known::Value(json!(7))),
            ("{{ ['a'] | first }}", Known::Value(json!("a"))),
            ("{{ lookups.licenses['Research'] }}", Known::Value(json!(["SPE_E5"]))),
            ("{{ lookups.licenses[person.department] }}", Known::Nothing),
            ("{{ range(3) }}", Known::Nothing),
            ("{{ 7 }} of 9", Known::Text),
        ];
        for (text, expected) in rows {
            assert_eq!(check_text(text, &lookups()), Ok(expected), "{text}");
        }
        let problems = check_text("{{ lookups.licenses.Sales }}", &lookups()).unwrap_err();
        assert_eq!(problems, ["`{{ lookups.licenses.Sales }}` never has a value: undefined value"]);
    }

    #[test]
    fn every_suggestion_exists() {
        assert!(FILTERS.iter().all(|name| exists(name, "filter")) && !exists("nope", "filter"));
        assert!(TESTS.iter().all(|name| exists(name, "test")) && !exists("nope", "test"));
    }
}
