//! The last step of a restore: it writes nothing and reports what cannot come back. No workflow names it; a restore adds
//! it.

use outcome::{Class, Failure, Left};
use serde::Deserialize;
use serde_json::{Value, json};
use workflow::step::BoxFuture;
use workflow::{Answer, Call, Report, Step};

use crate::World;

/// See the file's head.
pub struct ReportUnrestored;

/// What cannot come back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    left: Vec<Left>,
}

/// The step.
pub fn report_unrestored() -> Box<dyn Step<World>> {
    Box::new(ReportUnrestored)
}

impl ReportUnrestored {
    /// Its name.
    pub const NAME: &'static str = "report_unrestored";

    /// Its parameters.
    pub fn params(left: &[Left]) -> Value {
        json!({ "left": left })
    }
}

impl Step<World> for ReportUnrestored {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "left": { "description": "What cannot come back.", "type": "array" } },
            "required": ["left"],
            "additionalProperties": false,
        })
    }

    fn check(&self, params: &Value) -> Result<(), Failure> {
        read(params).map(drop)
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            match read(call.params) {
                Ok(Params { left }) => Report { left, ..Report::of(Answer::Unchanged) },
                Err(failure) => failure.into(),
            }
        })
    }
}

fn read(params: &Value) -> Result<Params, Failure> {
    Params::deserialize(params)
        .map_err(|error| Failure::new(Class::Rejected, "invalid_parameters", error.to_string()))
}
