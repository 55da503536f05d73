//! Steps to test the engine with: one leaves a note, one fails on request, one waits.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use outcome::{Class, Failure, Mode};
use serde_json::{Value, json};

use crate::step::{Answer, BoxFuture, Call, Report, Roster, Step};
use crate::wait::Wait;

/// What these steps act on.
#[derive(Default)]
pub struct World {
    notes: Mutex<Vec<String>>,
    failures: Mutex<u64>,
    time: Mutex<Timestamp>,
}

impl World {
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    pub fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    pub fn set(&self, time: Timestamp) {
        *self.time.lock().unwrap() = time;
    }

    pub fn pass(&self, seconds: i64) {
        self.set(self.now() + jiff::SignedDuration::from_secs(seconds));
    }
}

pub fn roster() -> Roster<World> {
    let steps: [Box<dyn Step<World>>; 3] = [Box::new(Note), Box::new(Fail), Box::new(Copy)];
    Roster::new(steps)
}

struct Note;

impl Step<World> for Note {
    fn name(&self) -> &'static str {
        "note"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[("text", "{{ person.id }}")]
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "description": "There is a note.",
            "properties": { "text": { "type": "string", "description": "What to note." } },
            "required": ["text"],
            "additionalProperties": false,
        })
    }

    fn check(&self, params: &Value) -> Result<(), Failure> {
        let text = params.get("text").and_then(Value::as_str);
        text.map(|_| ()).ok_or_else(|| Failure::rejected("invalid_parameters", "`text` is a string"))
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let text = call.params["text"].as_str().unwrap().to_owned();
            let answer = match call.mode {
                Mode::Plan => Answer::Planned(vec![format!("note {text}")]),
                Mode::Apply => {
                    call.world.notes.lock().unwrap().push(text.clone());
                    Answer::Changed(vec![format!("note {text}")])
                }
            };
            Report::of(answer)
        })
    }
}

struct Fail;

impl Step<World> for Fail {
    fn name(&self) -> &'static str {
        "fail"
    }

    /// Refuses, if told to.
    fn may_change<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Result<(), Failure>> {
        let is_refused = call.params.get("refuse").is_some_and(|refuse| *refuse == json!(true));
        let refusal = Failure::new(Class::Blocked, "told", "as told");
        Box::pin(async move { if is_refused { Err(refusal) } else { Ok(()) } })
    }

    /// Fails in the same way, if told to.
    fn resolve<'a>(
        &'a self,
        params: &'a Value,
        _: &'a [String],
        world: &'a World,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let class = match params.get("resolve").and_then(Value::as_str) {
                Some("rejected") => Class::Rejected,
                Some("blocked") => Class::Blocked,
                Some("retry") => Class::Retry,
                _ => return Ok(()),
            };
            world.notes.lock().unwrap().push("look up".to_owned());
            Err(Failure { parameters: &["text"], ..Failure::new(class, "told", "as told") })
        })
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "class": { "$ref": "#/$defs/Class" },
                "times": { "type": ["integer", "null"], "minimum": 0 },
                "text": true,
                "writes": { "type": "boolean" },
                "resolve": { "type": "string" },
                "refuse": { "type": "boolean" },
            },
            "required": ["class"],
            "additionalProperties": false,
            "$defs": { "Class": { "oneOf": [{ "const": "retry" }, { "const": "blocked" }] } },
        })
    }

    fn check(&self, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let class = match call.params["class"].as_str().unwrap() {
                "retry" => Class::Retry,
                "blocked" => Class::Blocked,
                "rejected" => Class::Rejected,
                _ => panic!("as told"),
            };
            if let Some(times) = call.params.get("times").and_then(Value::as_u64) {
                let mut failures = call.world.failures.lock().unwrap();
                if *failures >= times {
                    return Report::of(Answer::Unchanged);
                }
                *failures += 1;
            }
            let retry_after = Some(Duration::from_secs(1)).filter(|_| class == Class::Retry);
            let parameters: &[&str] = if class == Class::Rejected { &["text"] } else { &[] };
            let failure = Failure { retry_after, parameters, ..Failure::new(class, "told", "as told") };
            let may_have_written = call.params.get("writes").is_some_and(|writes| *writes == json!(true));
            Report { may_have_written, ..failure.into() }
        })
    }
}

/// Starts a copy at its first look and is done after a number of looks; each but the last reports which one it was.
struct Copy;

impl Step<World> for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn schema(&self) -> Value {
        let number = json!({ "type": "integer" });
        json!({
            "type": "object",
            "properties": {
                "looks": number, "every": number, "at_most": number, "bytes": number,
                "from": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/Drive" }] },
                "then": { "oneOf": [
                    { "type": "string", "const": "stop" },
                    { "type": "object", "properties": { "tell": {} }, "required": ["tell"], "additionalProperties": false },
                    { "type": "object", "properties": { "ask": {} }, "required": ["ask"], "additionalProperties": false },
                ] },
            },
            "additionalProperties": false,
            "$defs": {
                "Drive": {
                    "type": "object",
                    "properties": {
                        "drive": { "type": "string" },
                        "folders": { "type": "array", "items": { "type": "string" } },
                    },
                    "additionalProperties": false,
                },
            },
        })
    }

    fn check(&self, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let number =
                |name: &str, otherwise| call.params.get(name).and_then(Value::as_u64).unwrap_or(otherwise);
            let look = call.memo.map_or(1, |memo| memo["look"].as_u64().unwrap() + 1);
            call.world.notes.lock().unwrap().push(format!("look {look}"));
            if look >= number("looks", 2) {
                return Report::of(Answer::Unchanged);
            }
            let wait = Wait {
                after: Duration::from_secs(number("every", 60)),
                at_most: Duration::from_secs(number("at_most", 600)),
                reason: "the copy of drive 7".to_owned(),
                memo: json!({ "look": look, "filler": "x".repeat(number("bytes", 0) as usize) }),
            };
            let changes = (look == 1).then(|| "begin to copy drive 7".to_owned()).into_iter().collect();
            Report::of(Answer::Waiting { changes, wait })
        })
    }
}
