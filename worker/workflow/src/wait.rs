//! Waiting: how a step reports a long-running job, and what the run remembers until it resumes.
//!
//! A step that waits answers [`Answer::Waiting`](crate::Answer::Waiting) with a [`Wait`]: when to look again, for how
//! long at most, what for, and a memo. The engine carries the memo as a [`Waiting`] and gives it back in
//! [`Call::memo`](crate::Call::memo). A memo is a hint: it can be lost with a worker, so a step must find its way
//! without it.
//!
//! **Guarantees.** Waiting is not failing: a wait is no attempt, and a stage that got further has all its attempts
//! again. No step is woken early. Steps that have finished are not run again when the run resumes, and neither is a
//! step whose own time has not come. A step looks once more when its deadline has come. Only if it still waits then
//! has it failed, as `blocked` with the code `deadline_passed`; its memo stays for a replay, which gives it the same
//! time again. [`start`](crate::start) says when a stage starts.
//!
//! **Caveats.** A worker that dies between publishing a sleeping run and acknowledging the message it came from leaves
//! two of them. Both wake and both resume. That is harmless: both carry the same ids, so a consumer that keeps the
//! first result of an id reads everything once, and steps look before they write
//! (`two_continuations_of_one_run_say_and_do_everything_once`). Only the tenant keeps two that write at the same moment
//! from writing twice.

use std::time::Duration;

use jiff::Timestamp;
use outcome::{Class, Failure, Outcome, Progress, Record, Waiting};
use serde_json::Value;

/// The largest memo in bytes of JSON: seven of them fit into what a run may carry besides its steps.
pub const MEMO_LIMIT_BYTES: usize = 8 * 1024;

/// How a step wants to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When to look again. Zero is at once, in a message of its own: there is another portion of work.
    pub after: Duration,
    /// How long it may wait in total, counted from the first wait.
    pub at_most: Duration,
    /// What it waits for, in words that follow "waits for"; objects by id, no names or addresses.
    pub reason: String,
    /// Given back to the step. At most [`MEMO_LIMIT_BYTES`]; no names or addresses, since it rides in messages.
    pub memo: Value,
}

/// When the steps that run now became due: when the latest delay of a stage ended, or when the run was first seen.
pub(crate) fn due_since(progress: &Progress, now: Timestamp) -> Timestamp {
    let ended = progress.starts.iter().map(|start| start.at).filter(|at| *at <= now);
    ended.fold(progress.first_seen, Timestamp::max)
}

/// Notes that a step waits. Answers with its record if it must fail instead.
pub(crate) fn begin(progress: &mut Progress, record: Record, wait: Wait, now: Timestamp) -> Option<Record> {
    let Record { finished, told } = &record;
    let known = progress.waiting(&finished.stage, &finished.step);
    let made = known.map_or(0, |known| known.changes).saturating_add(finished.changes);
    let since = known.map_or(now, |known| known.since);
    let deadline = known.map_or_else(|| later(now, wait.at_most), |known| known.deadline);
    let until = later(now, wait.after).min(deadline);
    let (failure, memo) = match too_large(&finished.action, &wait.memo) {
        Some(failure) => (Some(failure), Value::Null),
        None if deadline <= now => (Some(passed(&wait.reason, since, deadline)), wait.memo),
        None => (None, wait.memo),
    };
    let waiting = Waiting {
        stage: finished.stage.clone(),
        step: finished.step.clone(),
        action: finished.action.clone(),
        reason: wait.reason,
        since,
        until,
        deadline,
        changes: made,
        memo,
        told: told.changes.clone(),
        request_ids: told.request_ids.clone(),
    };
    forget(progress, &waiting.stage, &waiting.step);
    progress.waiting.push(waiting);
    let mut record = record.failed(failure?);
    // They are counted with the wait.
    record.finished.changes = 0;
    record.told.changes.clear();
    Some(record)
}

/// Adds what a step did before it waited to its record. A step that is done no longer waits; a failed one keeps its
/// memo.
pub(crate) fn finish(progress: &mut Progress, mut record: Record) -> Record {
    let Record { finished, .. } = &mut record;
    let Some(known) = progress.waiting(&finished.stage, &finished.step) else { return record };
    finished.changes = finished.changes.saturating_add(known.changes);
    if finished.outcome == Outcome::Unchanged && finished.changes > 0 {
        finished.outcome = Outcome::Changed;
    }
    if record.is_done() {
        forget(progress, &record.finished.stage, &record.finished.step);
    }
    record
}

/// When to resume a stage in which something waits, or failed while something waits: whatever is due first.
pub(crate) fn wakes(progress: &Progress, stage: &str) -> Option<Timestamp> {
    progress.open_waits(stage).map(|waiting| waiting.until).chain(progress.retry_at).min()
}

/// Postpones the steps that failed temporarily, those that wait and the others.
pub(crate) fn retry_at(progress: &mut Progress, at: Timestamp, failed: &[Record]) {
    progress.retry_at = Some(at);
    for waiting in &mut progress.waiting {
        if failed.iter().any(|record| record.is_of(&waiting.stage, &waiting.step)) {
            waiting.until = at;
        }
    }
}

/// Whether a step without a record is due: its own wait is over, or it may be retried.
pub(crate) fn is_due(progress: &Progress, stage: &str, step: &str, now: Timestamp) -> bool {
    match progress.waiting(stage, step) {
        Some(waiting) => waiting.until <= now,
        None => progress.retry_at.is_none_or(|retry_at| retry_at <= now),
    }
}

/// Gives every waiting step its whole time again, from now: a replay looks afresh and keeps the memos.
pub(crate) fn restart(progress: &mut Progress, now: Timestamp) {
    progress.retry_at = None;
    for waiting in &mut progress.waiting {
        let whole = waiting.deadline.duration_since(waiting.since);
        waiting.deadline = now.checked_add(whole).unwrap_or(Timestamp::MAX);
        (waiting.since, waiting.until) = (now, now);
    }
}

fn forget(progress: &mut Progress, stage: &str, step: &str) {
    progress.waiting.retain(|waiting| !waiting.is_of(stage, step));
}

/// A time in whole milliseconds, as the broker keeps due times: a fraction of one would wake the run too early.
pub(crate) fn later(now: Timestamp, after: Duration) -> Timestamp {
    whole_milliseconds(now.checked_add(after).unwrap_or(Timestamp::MAX))
}

/// A time without its fraction of a millisecond.
pub(crate) fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn passed(reason: &str, since: Timestamp, deadline: Timestamp) -> Failure {
    let message = format!(
        "waited for {reason} from {since:.0} until {deadline:.0} without success; find out what holds it up, then replay the \
         dead letter"
    );
    Failure::new(Class::Blocked, "deadline_passed", message)
}

fn too_large(action: &str, memo: &Value) -> Option<Failure> {
    let bytes = memo.to_string().len();
    let message = format!(
        "the memo of `{action}` has {bytes} bytes; at most {MEMO_LIMIT_BYTES} are allowed; this is a defect of the action"
    );
    (bytes > MEMO_LIMIT_BYTES).then(|| Failure::new(Class::Fault, "memo_too_large", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::Dates;
    use crate::definition::Definitions;
    use crate::next::{Because, Next};
    use crate::prepare::prepare;
    use crate::retry::RetryPolicy;
    use crate::run::{Run, replayed};
    use crate::test_steps::{self, World};
    use jiff::SignedDuration;
    use outcome::{Mode, Start};
    use serde_json::{Map, json};

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 3,
        first_delay: Duration::from_secs(100),
        max_delay: Duration::from_secs(100),
    };

    async fn advance(stages: &str, world: &World, mode: Mode, progress: Progress) -> (Progress, Next) {
        let definitions = Definitions::parse("w.yaml", &format!("w: {{ stages: {stages} }}")).unwrap();
        let roster = test_steps::roster();
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let definition = definitions.get("w").unwrap();
        let prepared = prepare(definition, &roster, variables).map_err(|_| "refused").unwrap();
        let clock = || world.now();
        let dates = Dates { effective: None, event: Timestamp::UNIX_EPOCH };
        let run = Run { prepared: &prepared, world, mode, policy: POLICY, spread: 0.5, clock: &clock, dates };
        run.advance(progress, &()).await
    }

    fn fresh() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn asleep((progress, next): (Progress, Next)) -> (Timestamp, Progress) {
        match next {
            Next::Resume { at, because: Because::Wait { .. } } => (at, progress),
            other => panic!("expected to sleep: {other:?}"),
        }
    }

    fn over((progress, next): (Progress, Next)) -> Progress {
        assert_eq!(next, Next::Over);
        progress
    }

    /// Sleeps and wakes until the run is over, and answers with the times it woke at.
    async fn to_the_end(stages: &str, world: &World, mut progress: Progress) -> (Progress, Vec<i64>) {
        let mut woke = Vec::new();
        loop {
            let (came, next) = advance(stages, world, Mode::Apply, progress).await;
            progress = came;
            let Next::Resume { at, because } = next else {
                assert_eq!(next, Next::Over);
                return (progress, woke);
            };
            if matches!(because, Because::Wait { .. }) {
                assert_eq!(usize::try_from(progress.sleeps).unwrap(), woke.len() + 1);
            }
            world.set(at);
            woke.push(world.now().as_second());
            assert!(woke.len() < 50, "without end: {woke:?}");
        }
    }

    #[test]
    fn a_step_is_due_since_the_latest_delay_that_has_ended() {
        let start = |seconds| Start { stage: "s".to_owned(), at: at(seconds) };
        let mut progress = Progress::new(at(100));
        assert_eq!(due_since(&progress, at(500)), at(100));
        progress.starts = vec![start(200), start(300), start(900)];
        assert_eq!(due_since(&progress, at(500)), at(300), "a later stage is not due yet");
    }

    #[tokio::test]
    async fn a_step_gets_its_memo_back_and_what_has_finished_is_not_repeated() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ note: { text: beside } }, { copy: { looks: 3 } }] }, { name: c, steps: [{ note: { text: last } }] }]";
        let (until, progress) = asleep(advance(stages, &world, Mode::Apply, fresh()).await);
        assert_eq!((until, progress.sleeps, progress.attempt), (at(60), 1, 1));
        let waiting = progress.waiting("b", "copy").unwrap();
        assert_eq!(
            (waiting.since, waiting.deadline, &*waiting.told),
            (at(0), at(600), &["begin to copy drive 7".to_owned()][..])
        );
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 120]);
        assert_eq!(world.notes()[3..], ["7", "beside", "look 1", "look 2", "look 3", "last"]);
        let record = progress.find("b", "copy").unwrap();
        assert_eq!(
            (record.finished.outcome, record.finished.changes),
            (Outcome::Changed, 1),
            "it began the copy"
        );
        assert!(progress.waiting.is_empty());
    }

    #[tokio::test]
    async fn a_run_that_is_woken_too_early_only_sleeps_again() {
        let world = World::default();
        let stages = "[{ name: a, steps: [copy] }, { name: b, after: 1h, steps: [note] }]";
        let (until, progress) = asleep(advance(stages, &world, Mode::Apply, fresh()).await);
        world.pass(59);
        let (again, progress) = asleep(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!((until, again, world.notes().len()), (at(60), at(60), 1));
        world.pass(11);
        let (until, progress) = asleep(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!(until, at(70 + 3600), "the delay counts from the end of the stage before it");
        world.pass(3599);
        let (again, progress) = asleep(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!(again, until);
        world.pass(1);
        over(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!(world.notes(), ["look 1", "look 2", "7"]);
    }

    #[tokio::test]
    async fn a_stage_with_nothing_to_do_is_not_waited_for_and_a_plan_never_waits() {
        let world = World::default();
        let skipped = "[{ name: a, after: 1h, when: person.id == '8', steps: [note] }]";
        over(advance(skipped, &world, Mode::Apply, fresh()).await);
        let stages = "[{ name: a, steps: [copy] }, { name: b, after: 30d, steps: [note] }]";
        let progress = over(advance(stages, &world, Mode::Plan, fresh()).await);
        let outcomes: Vec<_> = progress.steps.iter().map(|record| record.finished.outcome).collect();
        assert_eq!(outcomes, [Outcome::Waiting, Outcome::Planned]);
    }

    #[tokio::test]
    async fn a_deadline_allows_a_last_look_and_a_replay_has_the_same_time_again() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { looks: 9, every: 60, at_most: 150 } }] }, { name: b, steps: [note] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 120, 150]);
        let failure = progress.steps[0].finished.failure.as_ref().unwrap();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "deadline_passed"));
        assert!(
            failure.message.contains("waited for the copy of drive 7 from 1970-01-01T00:00:00Z until"),
            "{failure}"
        );
        assert_eq!((progress.steps.len(), progress.steps[0].finished.changes), (1, 1));
        world.pass(1000);
        let (until, progress) =
            asleep(advance(stages, &world, Mode::Apply, replayed(progress, 1, world.now())).await);
        let waiting = progress.waiting("a", "copy").unwrap();
        assert_eq!((until, waiting.deadline, world.notes().len()), (at(1210), at(1300), 5));
        assert_eq!(world.notes().last().unwrap(), "look 5", "it has its memo");
        let (progress, _) = to_the_end(stages, &world, Progress { sleeps: 0, ..progress }).await;
        assert_eq!(progress.steps.len(), 1, "{progress:?}");
    }

    #[tokio::test]
    async fn a_wait_is_no_attempt_and_each_step_is_looked_at_in_its_own_time() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { looks: 5 } }, { fail: { class: retry, times: 2 } }] }]";
        let (until, progress) = asleep(advance(stages, &world, Mode::Apply, fresh()).await);
        assert_eq!((until, progress.attempt, progress.retry_at), (at(60), 2, Some(at(100))));
        let world = World::default();
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 100, 120, 180, 200, 240]);
        assert_eq!(world.notes().len(), 5, "the copy is not looked at when the other step is retried");
        assert_eq!((progress.attempt, progress.steps.len()), (1, 2));
    }

    #[tokio::test]
    async fn what_still_fails_when_its_neighbour_is_done_keeps_its_time() {
        let world = World::default();
        let stages = "[{ name: a, steps: [copy, { fail: { class: retry, times: 9 } }] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 100, 200]);
        let failure = progress.find("a", "fail").unwrap().finished.failure.as_ref().unwrap();
        assert_eq!(failure.code, "retries_exhausted");
    }

    #[tokio::test]
    async fn a_replay_does_not_wait_again_for_a_stage_that_has_begun() {
        let world = World::default();
        let stages = "[{ name: a, after: 1d, steps: [{ fail: { class: blocked, times: 1 } }] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [86_400]);
        let progress = over(advance(stages, &world, Mode::Apply, replayed(progress, 1, world.now())).await);
        assert!(progress.steps[0].is_done());
        let asleep_since = fresh();
        let world = World::default();
        let (until, progress) = asleep(advance(stages, &world, Mode::Apply, asleep_since).await);
        world.pass(10);
        let (again, _) =
            asleep(advance(stages, &world, Mode::Apply, replayed(progress, 1, world.now())).await);
        assert_eq!(again, until, "and one that has not begun begins when it was to begin");
    }

    #[tokio::test]
    async fn a_memo_that_is_too_large_is_a_fault_and_is_not_carried() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { bytes: 9000 } }] }]";
        let progress = over(advance(stages, &world, Mode::Apply, fresh()).await);
        let failure = progress.steps[0].finished.failure.as_ref().unwrap();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Fault, "memo_too_large"));
        assert_eq!(progress.waiting[0].memo, Value::Null);
        let longest = later(Timestamp::MAX, Duration::from_secs(1));
        assert!(longest <= Timestamp::MAX && longest > Timestamp::MAX - SignedDuration::from_secs(1));
    }
}
