//! A call of a step, as the engine makes it at the first attempt of a run.

use jiff::{SignedDuration, Timestamp};
use outcome::{Mode, Progress};
use serde_json::Value;
use workflow::{Call, Earlier, People, Recorder};

use crate::World;

/// How long ago the step became due: longer than any tolerance for clocks that differ, and no pause.
const SINCE_THE_EVENT: SignedDuration = SignedDuration::from_mins(10);

/// The run of a call: nothing was done before, and nobody was found.
pub struct FirstAttempt {
    people: People,
    first_seen: Timestamp,
    recorder: Box<dyn Recorder>,
}

impl FirstAttempt {
    pub fn new() -> Self {
        let first_seen = Timestamp::now() - SINCE_THE_EVENT;
        Self { people: People::of(&Progress::new(first_seen)), first_seen, recorder: Box::new(()) }
    }

    /// The same, which tells this what is taken away.
    pub fn telling(self, recorder: impl Recorder + 'static) -> Self {
        Self { recorder: Box::new(recorder), ..self }
    }

    /// A call in it.
    pub fn call<'a>(
        &'a self,
        params: &'a Value,
        mode: Mode,
        memo: Option<&'a Value>,
        world: &'a World,
    ) -> Call<'a, World> {
        let (earlier, before) = (Earlier::new(&[]), Earlier::new(&[]));
        let (people, first_seen) = (&self.people, self.first_seen);
        Call {
            params,
            literal: &[],
            mode,
            earlier,
            before,
            people,
            memo,
            replays: 0,
            sleeps: 0,
            first_seen,
            first_sight: Some(first_seen),
            due_since: first_seen,
            recorder: self.recorder.as_ref(),
            world,
        }
    }
}
