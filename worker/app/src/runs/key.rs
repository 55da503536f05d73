//! What tells one message of a run from another.

use messages::ResultEvent;
use outcome::Progress;
use uuid::Uuid;

/// A message of a run, by how far the run had come when the message was written. A redelivery and a repeated publish of
/// one message have the same key, and the id of the message follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunKey {
    run_id: Uuid,
    replays: u32,
    /// How far the run had come; nothing if the message is the event itself.
    progress: Option<Reached>,
}

/// How far a run has come. A wait is no attempt and finishes no step, so it counts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    attempt: u32,
    steps: usize,
    sleeps: u32,
    /// Whether it has looked at the tenant.
    has_begun: bool,
    /// How many messages carried it before.
    leg: u32,
}

impl RunKey {
    /// The key of an event.
    pub fn of_event(run_id: Uuid, replays: u32) -> Self {
        Self { run_id, replays, progress: None }
    }

    /// The key of the continuation that carries this progress.
    pub fn of_continuation(run_id: Uuid, progress: &Progress) -> Self {
        let Progress { attempt, sleeps, steps, first_sight, leg, .. } = progress;
        let (steps, has_begun) = (steps.len(), first_sight.is_some());
        let reached = Reached { attempt: *attempt, steps, sleeps: *sleeps, has_begun, leg: *leg };
        Self { run_id, replays: progress.replays, progress: Some(reached) }
    }

    /// The id of the message.
    pub fn message_id(self) -> Uuid {
        let what = match self.progress {
            None => format!("event {}", self.replays),
            Some(Reached { attempt, steps, sleeps, has_begun, leg }) => {
                let begun = if has_begun { " begun" } else { "" };
                format!("continuation {} {attempt} {steps} {sleeps}{begun} {leg}", self.replays)
            }
        };
        ResultEvent::id_for(self.run_id, &what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::collections::BTreeSet;

    #[test]
    fn messages_of_a_run_have_an_id_each_and_a_repeat_has_the_same() {
        let run_id = Uuid::from_u128(7);
        let fresh = Progress::new(Timestamp::UNIX_EPOCH);
        let later = Progress { first_seen: Timestamp::MAX, ..fresh.clone() };
        let of = |progress: &Progress| RunKey::of_continuation(run_id, progress).message_id();
        assert_eq!(of(&fresh), of(&later));
        let ids = BTreeSet::from([
            RunKey::of_event(run_id, 0).message_id(),
            RunKey::of_event(run_id, 1).message_id(),
            of(&fresh),
            of(&Progress { attempt: 2, ..fresh.clone() }),
            of(&Progress { sleeps: 1, ..fresh.clone() }),
            of(&Progress { first_sight: Some(Timestamp::UNIX_EPOCH), ..fresh.clone() }),
            of(&Progress { leg: 1, ..fresh.clone() }),
            of(&Progress { replays: 1, ..fresh }),
        ]);
        assert_eq!(ids.len(), 8);
    }
}
