//! Steps to test the engine with: one that leaves a note, one that fails as told.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::outcome::{Class, Failure, Outcome};
use crate::step::{BoxFuture, Call, Mode, Report, Roster, Step};

/// What the toys act on.
#[derive(Default)]
pub struct World {
    notes: Mutex<Vec<String>>,
    failures: Mutex<u64>,
}

impl World {
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

pub fn roster() -> Roster<World> {
    let steps: [Box<dyn Step<World>>; 2] = [Box::new(Note), Box::new(Fail)];
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

    fn parameters(&self) -> Vec<String> {
        vec!["text".to_owned()]
    }

    fn check(&self, params: &Value) -> Result<(), Failure> {
        let text = params.get("text").and_then(Value::as_str);
        text.map(|_| ()).ok_or_else(|| Failure::rejected("invalid_parameters", "`text` is a string"))
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let text = call.params["text"].as_str().unwrap().to_owned();
            let outcome = match call.mode {
                Mode::Plan => Outcome::Planned(vec![format!("note {text}")]),
                Mode::Apply => {
                    call.world.notes.lock().unwrap().push(text.clone());
                    Outcome::Changed(vec![format!("note {text}")])
                }
            };
            Report::of(outcome)
        })
    }
}

struct Fail;

impl Step<World> for Fail {
    fn name(&self) -> &'static str {
        "fail"
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn parameters(&self) -> Vec<String> {
        vec!["class".to_owned(), "times".to_owned()]
    }

    fn check(&self, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let class = match call.params["class"].as_str().unwrap() {
                "retry" => Class::Retry,
                "blocked" => Class::Blocked,
                _ => panic!("as told"),
            };
            if let Some(times) = call.params.get("times").and_then(Value::as_u64) {
                let mut failures = call.world.failures.lock().unwrap();
                if *failures >= times {
                    return Report::of(Outcome::Unchanged);
                }
                *failures += 1;
            }
            let retry_after = Some(Duration::from_secs(1)).filter(|_| class == Class::Retry);
            Failure { retry_after, ..Failure::new(class, "told", "as told") }.into()
        })
    }
}
