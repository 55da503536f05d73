//! Dead letters as a person and a script read them.

use std::io;

use broker::{Entry, Message, Origin};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::facts::{Content, Facts, is_continuation};
use crate::commands::CommandError;
use crate::print::{self, Format};

/// A dead letter and what it is about.
pub(super) type Listed = (Entry, Facts);

/// Shows a list.
pub(super) fn list(letters: &[Listed], format: Format) -> Result<(), CommandError> {
    if format == Format::Json {
        for (entry, facts) in letters {
            print::json(&described(entry, facts))?;
        }
        return Ok(());
    }
    if letters.is_empty() {
        return Ok(print::lines("no dead letters")?);
    }
    let now = Timestamp::now();
    let mut rows = vec![["Id", "Class", "Age", "Replays"].map(str::to_owned)];
    rows.extend(letters.iter().map(|(entry, _)| {
        let letter = &entry.letter;
        [entry.id.clone(), letter.class.clone(), age(now, letter.at), letter.replays.to_string()]
    }));
    let lines = print::aligned(&rows);
    let (header, lines) = lines.split_first().ok_or_else(|| io::Error::other("a table without a header"))?;
    print::lines(header)?;
    for (line, (entry, facts)) in lines.iter().zip(letters) {
        print::lines(line)?;
        print::indented(&entry.letter.reason)?;
        print::indented(&where_it_failed(entry, facts))?;
        let (id, source) = (word(facts.event_id.as_deref()), word(facts.source.as_deref()));
        print::indented(&format!("event {id} of {source}, key {}", key(entry)))?;
    }
    Ok(())
}

/// Shows one dead letter with its message.
pub(super) fn one(entry: &Entry, message: &Message, format: Format) -> Result<(), CommandError> {
    let body = String::from_utf8_lossy(&message.body);
    let parsed: Option<Value> = serde_json::from_str(&body).ok();
    let facts = Facts::of(&entry.letter, &Content::of(message));
    let mut described = described(entry, &facts);
    if let Some(fields) = described.as_object_mut() {
        fields.insert("body".to_owned(), parsed.unwrap_or_else(|| json!(body)));
    }
    if format == Format::Json {
        return Ok(print::json(&described)?);
    }
    lines_of(entry, &facts)?;
    if entry.origin == Origin::Worker && is_continuation(message) {
        print::lines("on replay  the run resumes from the progress in the message")?;
    }
    let pretty = described.get("body").and_then(|body| serde_json::to_string_pretty(body).ok());
    Ok(print::lines(&pretty.unwrap_or_default())?)
}

fn lines_of(entry: &Entry, facts: &Facts) -> Result<(), CommandError> {
    let letter = &entry.letter;
    let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for line in [
        format!("id         {}", entry.id),
        format!("event      {}", word(facts.event_id.as_deref())),
        format!("source     {}", word(facts.source.as_deref())),
        format!("tenant     {}", word(facts.tenant.as_deref())),
        format!("workflow   {}", word(facts.workflow.as_deref())),
        format!("key        {}", key(entry)),
        format!("class      {}", letter.class),
        format!("code       {}", facts.code),
        format!("must act   {}", word(facts.failure_class.as_deref())),
        format!("reason     {}", letter.reason),
        format!("step       {}", word(letter.step.as_deref())),
        format!("action     {}", word(facts.action.as_deref())),
        format!("set aside  {}", letter.at.map_or_else(|| "-".to_owned(), |at| at.to_string())),
        format!("attempts   {}", number(letter.attempts)),
        format!("replays    {}", letter.replays),
        format!(
            "Graph      status {}, request {}",
            number(letter.http_status.map(u32::from)),
            word(letter.request_id.as_deref())
        ),
        format!("worker     {}", word(letter.worker.as_deref())),
        format!("origin     {}", origin_line(&entry.origin)),
    ] {
        print::lines(&line)?;
    }
    if let Some(whole) = &letter.whole {
        print::lines(&format!(
            "kept       the first {} of {} bytes, whose SHA-256 is {}",
            entry.bytes, whole.bytes, whole.sha256
        ))?;
    }
    Ok(())
}

fn word(word: Option<&str>) -> &str {
    word.unwrap_or("-")
}

/// What failed, and for whom it was done.
fn where_it_failed(entry: &Entry, facts: &Facts) -> String {
    let part = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let step = entry.letter.step.as_deref();
    let parts = [
        part("step", step),
        part("action", facts.action.as_deref().filter(|action| Some(*action) != step)),
        part("code", Some(facts.code.as_str()).filter(|code| *code != entry.letter.class)),
        part("workflow", facts.workflow.as_deref()),
        part("tenant", facts.tenant.as_deref()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The routing key under which a message was published.
fn key(entry: &Entry) -> &str {
    match &entry.origin {
        Origin::Publisher { routing_key, .. } => routing_key,
        Origin::Worker => &entry.routing_key,
    }
}

fn origin_line(origin: &Origin) -> String {
    match origin {
        Origin::Worker => "written by a worker".to_owned(),
        Origin::Publisher { exchange, routing_key, user } => {
            let user = user.as_ref().map(|user| format!(" by the broker user {user}")).unwrap_or_default();
            format!("published to {exchange} with the key {routing_key}{user}")
        }
    }
}

fn origin_fields(origin: &Origin) -> Value {
    match origin {
        Origin::Worker => json!({ "writer": "worker" }),
        Origin::Publisher { exchange, routing_key, user } => json!({
            "writer": "publisher", "exchange": exchange, "routing_key": routing_key, "user": user,
        }),
    }
}

fn described(entry: &Entry, facts: &Facts) -> Value {
    let letter = &entry.letter;
    json!({
        "id": entry.id,
        "event_id": facts.event_id,
        "event_source": facts.source,
        "tenant": facts.tenant,
        "workflow": facts.workflow,
        "class": letter.class,
        "code": facts.code,
        "failure_class": facts.failure_class,
        "reason": letter.reason,
        "queue": letter.queue,
        "step": letter.step,
        "action": facts.action,
        "at": letter.at,
        "first_failed_at": letter.first_failed_at,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "http_status": letter.http_status,
        "request_id": letter.request_id,
        "worker": letter.worker,
        "origin": origin_fields(&entry.origin),
        "fingerprint": letter.fingerprint(),
        "message_type": entry.properties.kind,
        "routing_key": entry.routing_key,
        "bytes": entry.bytes,
        "whole": letter.whole.as_ref().map(|whole| json!({ "bytes": whole.bytes, "sha256": whole.sha256 })),
    })
}

/// The age in its largest unit.
pub(super) fn age(now: Timestamp, at: Option<Timestamp>) -> String {
    let Some(at) = at else { return "-".to_owned() };
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
