//! What the message of a dead letter says about its event and run: who, where, and what failed.
//!
//! Newer letters say what failed in their headers. Older ones do not, so the run's own records are read as well.

use broker::{DeadLetter, Message};
use messages::{Continuation, EventKind};
use serde_json::Value;

/// What a dead letter is about. Nothing in it is checked: a message that could not be read was written by anybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Id of the event.
    pub event_id: Option<String>,
    /// Source of the event.
    pub source: Option<String>,
    /// Tenant of the event.
    pub tenant: Option<String>,
    /// Workflow of the run.
    pub workflow: Option<String>,
    /// Action of the step that failed.
    pub action: Option<String>,
    /// Code of the failure.
    pub code: String,
    /// Who must act, as results have it.
    pub failure_class: Option<String>,
}

/// The body of a message and the event in it.
pub struct Content<'a> {
    message: &'a Message,
    body: Value,
}

impl<'a> Content<'a> {
    /// Reads a message, as far as it can be read.
    pub fn of(message: &'a Message) -> Self {
        Self { message, body: serde_json::from_slice(&message.body).unwrap_or_default() }
    }

    /// The event: the message of a run that resumes holds it.
    fn event(&self) -> &Value {
        self.body.get("event").unwrap_or(&self.body)
    }

    /// An attribute of the event, from the body or, in binary mode, from the headers.
    fn attribute(&self, name: &str) -> Option<String> {
        let in_body = self.event().get(name).and_then(Value::as_str);
        // CloudEvents over AMQP in binary mode.
        let headers = [format!("cloudEvents:{name}"), format!("cloudEvents_{name}")];
        let in_headers = || {
            headers.iter().find_map(|name| match self.message.headers.get(name)? {
                broker::Value::Text(text) => Some(text.as_str()),
                _ => None,
            })
        };
        in_body.or_else(in_headers).map(str::to_owned)
    }

    /// The data of the event; in binary mode that is the body.
    fn data(&self) -> &Value {
        self.event().get("data").unwrap_or(&self.body)
    }

    fn workflow(&self) -> Option<String> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        text(self.body.pointer("/progress/workflow/name"))
            .or_else(|| text(self.data().get("workflow")))
            .or_else(|| {
                let kind = self.attribute("type").or_else(|| self.message.properties.kind.clone())?;
                EventKind::of_type(&kind)?.default_workflow().map(str::to_owned)
            })
    }

    /// The run's record of a step that failed.
    fn failed(&self, step: Option<&str>) -> Option<&Value> {
        let steps = self.body.pointer("/progress/steps")?.as_array()?;
        let is_it = |record: &&Value| {
            record.get("outcome").and_then(Value::as_str) == Some("failed")
                && record.get("step").and_then(Value::as_str) == step
        };
        steps.iter().rev().find(is_it)
    }

    /// Whether the event is about this person, by object id, user principal name or employee id as they stand in it.
    pub fn is_about(&self, person: &str) -> bool {
        ["entra_id", "upn", "employee_id"].iter().any(|key| {
            let is = self.data().pointer(&format!("/person/{key}")).and_then(Value::as_str);
            is.is_some_and(|is| is.eq_ignore_ascii_case(person))
        })
    }
}

impl Facts {
    /// What a dead letter and its message say.
    pub fn of(letter: &DeadLetter, content: &Content<'_>) -> Self {
        let failed = content.failed(letter.step.as_deref());
        let recorded = |pointer: &str| {
            let found = failed.and_then(|record| record.pointer(pointer)).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        Self {
            event_id: content.attribute("id"),
            source: content.attribute("source"),
            tenant: content.attribute("tenant"),
            workflow: content.workflow(),
            action: letter.action.clone().or_else(|| recorded("/action")),
            code: letter.code.clone().unwrap_or_else(|| letter.class.clone()),
            failure_class: letter.failure_class.clone().or_else(|| recorded("/failure/class")),
        }
    }
}

/// Whether a message carries a run on.
pub(super) fn is_continuation(message: &Message) -> bool {
    message.properties.content_type.as_deref() == Some(Continuation::CONTENT_TYPE)
}

#[cfg(test)]
mod tests {
    use broker::Properties;

    use super::*;

    const RESUMED: &str = include_str!("../../../../../schemas/examples/continuation.v1.resumed.json");

    fn message(body: &str) -> Message {
        Message { body: body.into(), ..Message::default() }
    }

    #[test]
    fn an_old_letter_is_read_from_the_records_of_its_run() {
        let letter = DeadLetter::new("permission_missing", "granted by nobody");
        let letter = DeadLetter { step: Some("remove_licenses".to_owned()), ..letter };
        let message = message(RESUMED);
        let content = Content::of(&message);
        let some = |text: &str| Some(text.to_owned());
        let expected = Facts {
            event_id: some("leave-2026-0008"),
            source: some("/hr/contoso"),
            tenant: some("contoso"),
            workflow: some("offboarding"),
            action: some("remove_licenses"),
            code: "permission_missing".to_owned(),
            failure_class: some("blocked"),
        };
        assert_eq!(Facts::of(&letter, &content), expected);
        for (person, is_it) in [
            ("grace.hopper@contoso.example", true),
            ("Grace.Hopper@Contoso.Example", true),
            ("1906", true),
            ("0d3b7c1a-9a44-4c5f-8f0e-2b6a7d8e1906", true),
            // The manager, whom the event names as well.
            ("1815", false),
            ("grace", false),
        ] {
            assert_eq!(content.is_about(person), is_it, "{person}");
        }
    }

    #[test]
    fn a_newer_letter_says_itself_what_failed() {
        let letter = DeadLetter {
            action: Some("assign_licenses".to_owned()),
            code: Some("throttled".to_owned()),
            failure_class: Some("retry".to_owned()),
            ..DeadLetter::new("retries_exhausted", "gave up")
        };
        let message = message("no JSON");
        let facts = Facts::of(&letter, &Content::of(&message));
        let found = (facts.action.as_deref(), facts.code.as_str(), facts.failure_class.as_deref());
        assert_eq!(found, (Some("assign_licenses"), "throttled", Some("retry")));
        assert_eq!((facts.event_id, facts.workflow), (None, None));
    }

    #[test]
    fn without_a_workflow_the_one_of_the_type_is_meant() {
        let properties =
            Properties { kind: Some("gatehouse.change.requested.v1".to_owned()), ..Properties::default() };
        let message = Message { properties, ..message(r#"{"person":{"upn":"ada@contoso.example"}}"#) };
        let content = Content::of(&message);
        assert_eq!(content.workflow().as_deref(), Some("change"));
        assert!(content.is_about("ada@contoso.example"), "in binary mode the body is the data");
    }
}
