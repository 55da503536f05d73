//! Waiting: what a step says that has begun something which goes on without it, and what a run carries meanwhile.
//!
//! A step that waits answers [`Outcome::Waiting`] with a [`Wait`]: when to look again, for
//! how long at most, what for, and a memo. The engine carries the memo as a [`Waiting`] and gives it back in
//! [`Call::memo`](crate::Call::memo). A memo is a hint: it can be lost with a worker, so a step finds its way without.
//!
//! **Guarantees.** Waiting is not failing: a wait is no attempt, and a stage that got somewhere has all its attempts
//! again. Nobody is woken early. Steps that have finished are not run again on waking, nor is one whose own time
//! has not come. A step looks once more when its deadline has come; only if it still waits then has it failed, as
//! `blocked` with the code `deadline_passed`, and its memo stays for a replay, which gives it the same time again.
//! A stage's `after` counts from the end of the stage before it, or from the beginning of the run, and once set it
//! is a fixed time: no replay, retry or other worker moves it.
//!
//! **Caveats.** A worker that dies between publishing a sleeping run and acknowledging what it came from leaves two
//! of them. Both wake and both go on. That is harmless because both carry the same ids, so that what they say is
//! said once to whoever keeps the first of an id, and because steps look before they write
//! (`two_continuations_of_one_run_say_and_do_everything_once`). Two that write at the same moment are kept from doing
//! so twice by the tenant alone.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::outcome::{Class, Failure, Outcome};
use crate::progress::{Progress, Record};

/// What a memo may have in bytes of JSON: seven of them fit into what a run may carry.
pub const MEMO_LIMIT_BYTES: usize = 8 * 1024;

/// What a step asks for that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When to look again. Zero is at once, in a message of its own: there is another portion of work.
    pub after: Duration,
    /// How long it may wait in all, counted from the first wait.
    pub at_most: Duration,
    /// What it waits for, in words that follow "waits for"; objects by id, no names or addresses.
    pub reason: String,
    /// Given back to the step. At most [`MEMO_LIMIT_BYTES`]; nobody's name, since it rides in messages.
    pub memo: Value,
}

/// A step that waits, as the run carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The stage's name.
    pub stage: String,
    /// The step's name, unique in its stage.
    pub step: String,
    /// The action it runs.
    pub action: String,
    /// What it waits for.
    pub reason: String,
    /// When it first waited.
    pub since: Timestamp,
    /// When to look again.
    pub until: Timestamp,
    /// When it has to be over.
    pub deadline: Timestamp,
    /// How many writes it has made so far.
    pub changes: usize,
    /// The writes of this attempt, a sentence each. They are told when the run goes to sleep and not carried.
    pub told: Vec<String>,
    /// The ids of the requests of this attempt, told and not carried likewise.
    pub request_ids: Vec<String>,
    /// Given back to the step.
    pub memo: Value,
}

/// When a stage with a delay starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The stage's name.
    pub stage: String,
    /// Not before this.
    pub at: Timestamp,
}

impl Progress {
    /// What is known of a step that waits, or that waited and failed.
    pub fn waiting(&self, stage: &str, step: &str) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.stage == stage && waiting.step == step)
    }

    /// When a stage starts that has this delay. Set when it is first asked for.
    pub(crate) fn start_of(&mut self, stage: &str, after: Duration, now: Timestamp) -> Timestamp {
        if let Some(known) = self.starts.iter().find(|start| start.stage == stage) {
            return known.at;
        }
        let begin = if self.records.is_empty() { self.first_seen } else { now };
        let at = later(begin, after);
        self.starts.push(Start { stage: stage.to_owned(), at });
        at
    }

    /// Takes in that a step waits; or how it fails instead, which is then its record.
    pub(crate) fn wait(&mut self, record: Record, now: Timestamp) -> Option<Record> {
        let Outcome::Waiting { changes, wait } = &record.outcome else { return Some(record) };
        let known = self.waiting(&record.stage, &record.step);
        let made = known.map_or(0, |known| known.changes) + changes.len();
        let since = known.map_or(now, |known| known.since);
        let deadline = known.map_or_else(|| later(now, wait.at_most), |known| known.deadline);
        let until = later(now, wait.after).min(deadline);
        let (failure, memo) = match too_large(&record.action, &wait.memo) {
            Some(failure) => (Some(failure), Value::Null),
            None if deadline <= now => (Some(passed(&wait.reason, since, deadline)), wait.memo.clone()),
            None => (None, wait.memo.clone()),
        };
        let waiting = Waiting {
            stage: record.stage.clone(),
            step: record.step.clone(),
            action: record.action.clone(),
            reason: wait.reason.clone(),
            since,
            until,
            deadline,
            changes: made,
            told: changes.clone(),
            request_ids: record.request_ids.clone(),
            memo,
        };
        self.forget(&record.stage, &record.step);
        self.waiting.push(waiting);
        failure.map(|failure| Record { outcome: Outcome::Failed(failure), changes: 0, ..record })
    }

    /// A step's record with what it did before it waited. One that is done no longer waits; what failed keeps its memo.
    pub(crate) fn after_waits(&mut self, record: Record) -> Record {
        let Some(known) = self.waiting(&record.stage, &record.step) else { return record };
        let changes = known.changes + record.changes;
        let outcome = match record.outcome {
            Outcome::Unchanged if changes > 0 => Outcome::Changed(Vec::new()),
            other => other,
        };
        let record = Record { outcome, changes, ..record };
        if record.is_done() {
            self.forget(&record.stage, &record.step);
        }
        record
    }

    /// When to go on with a stage in which something waits, or fails while something waits: whatever is due first.
    pub(crate) fn wakes(&self, stage: &str) -> Option<Timestamp> {
        self.open_waits(stage).map(|waiting| waiting.until).chain(self.retry_at).min()
    }

    /// Puts off the steps that failed for want of time, those that wait and the others.
    pub(crate) fn retry_at(&mut self, at: Timestamp, failed: &[Record]) {
        self.retry_at = Some(at);
        for waiting in &mut self.waiting {
            if failed.iter().any(|record| record.stage == waiting.stage && record.step == waiting.step) {
                waiting.until = at;
            }
        }
    }

    /// Whether a step without a record is due: its own wait is over, or what failed may be tried again.
    pub(crate) fn is_due(&self, stage: &str, step: &str, now: Timestamp) -> bool {
        match self.waiting(stage, step) {
            Some(waiting) => waiting.until <= now,
            None => self.retry_at.is_none_or(|retry_at| retry_at <= now),
        }
    }

    /// The steps of a stage that wait, in the order in which they began to.
    pub fn open_waits(&self, stage: &str) -> impl Iterator<Item = &Waiting> {
        let is_open = |waiting: &&Waiting| self.find(&waiting.stage, &waiting.step).is_none();
        self.waiting.iter().filter(move |waiting| waiting.stage == stage).filter(is_open)
    }

    /// Waits as long again as they might have, from now: a replay looks afresh, and what a step knew it knows.
    pub(crate) fn wait_anew(&mut self, now: Timestamp) {
        self.retry_at = None;
        for waiting in &mut self.waiting {
            let whole = waiting.deadline.duration_since(waiting.since);
            waiting.deadline = now.checked_add(whole).unwrap_or(Timestamp::MAX);
            (waiting.since, waiting.until) = (now, now);
        }
    }

    fn forget(&mut self, stage: &str, step: &str) {
        self.waiting.retain(|waiting| waiting.stage != stage || waiting.step != step);
    }
}

/// A time in whole milliseconds, as the broker keeps due times: a fraction of one would be a wake-up too early.
pub(crate) fn later(now: Timestamp, after: Duration) -> Timestamp {
    let at = now.checked_add(after).unwrap_or(Timestamp::MAX);
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn passed(reason: &str, since: Timestamp, deadline: Timestamp) -> Failure {
    let message = format!(
        "waited for {reason} from {since:.0} to {deadline:.0} in vain; see what keeps it, then replay the dead letter"
    );
    Failure::new(Class::Blocked, "deadline_passed", message)
}

fn too_large(action: &str, memo: &Value) -> Option<Failure> {
    let bytes = memo.to_string().len();
    let message = format!(
        "the memo of `{action}` has {bytes} bytes and may have {MEMO_LIMIT_BYTES}; this is a defect of the action"
    );
    (bytes > MEMO_LIMIT_BYTES).then(|| Failure::new(Class::Fault, "memo_too_large", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::outcome::OutcomeKind;
    use crate::prepare::prepare;
    use crate::retry::RetryPolicy;
    use crate::run::{Interrupted, Next, Recorder, Run};
    use crate::step::{BoxFuture, Mode};
    use crate::toys::{self, World};
    use jiff::SignedDuration;
    use serde_json::{Map, json};

    struct Anybody;

    impl Recorder for Anybody {
        fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
            Box::pin(async { Ok(()) })
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 3,
        first_delay: Duration::from_secs(100),
        max_delay: Duration::from_secs(100),
    };

    async fn advance(stages: &str, world: &World, mode: Mode, progress: Progress) -> Next {
        let definitions = Definitions::parse("w.yaml", &format!("w: {{ stages: {stages} }}")).unwrap();
        let roster = toys::roster();
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let definition = definitions.get("w").unwrap();
        let prepared = prepare(definition, &roster, variables).map_err(|_| "refused").unwrap();
        let clock = || world.now();
        let run = Run { prepared: &prepared, world, mode, policy: POLICY, spread: 0.5, clock: &clock };
        run.advance(progress, &Anybody).await
    }

    fn fresh() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn put_off(next: Next) -> (Timestamp, Progress) {
        match next {
            Next::Asleep { until, progress, .. } => (until, progress),
            other => panic!("expected to sleep: {other:?}"),
        }
    }

    fn over(next: Next) -> Progress {
        match next {
            Next::Over(progress) => progress,
            other => panic!("expected the end: {other:?}"),
        }
    }

    /// Sleeps and wakes until the run is over, and answers with the times it woke at.
    async fn to_the_end(stages: &str, world: &World, mut progress: Progress) -> (Progress, Vec<i64>) {
        let mut woke = Vec::new();
        loop {
            match advance(stages, world, Mode::Apply, progress).await {
                Next::Over(progress) => return (progress, woke),
                Next::Later { after, progress: next, .. } => {
                    world.goes_on(i64::try_from(after.as_secs()).unwrap());
                    progress = next;
                }
                Next::Asleep { until, progress: next, .. } => {
                    assert_eq!(usize::try_from(next.sleeps).unwrap(), woke.len() + 1);
                    world.goes_on_at(until);
                    progress = next;
                }
                Next::Interrupted(progress) => panic!("{progress:?}"),
            }
            woke.push(world.now().as_second());
            assert!(woke.len() < 50, "without end: {woke:?}");
        }
    }

    #[tokio::test]
    async fn a_step_gets_its_memo_back_and_what_has_finished_is_not_repeated() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ note: { text: beside } }, { copy: { looks: 3 } }] }, { name: c, steps: [{ note: { text: last } }] }]";
        let (until, progress) = put_off(advance(stages, &world, Mode::Apply, fresh()).await);
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
        assert_eq!((record.outcome.kind(), record.changes), (OutcomeKind::Changed, 1), "it began the copy");
        assert!(progress.waiting.is_empty());
    }

    #[tokio::test]
    async fn whoever_wakes_a_run_too_early_only_sends_it_to_sleep_again() {
        let world = World::default();
        let stages = "[{ name: a, steps: [copy] }, { name: b, after: 1h, steps: [note] }]";
        let (until, progress) = put_off(advance(stages, &world, Mode::Apply, fresh()).await);
        world.goes_on(59);
        let (again, progress) = put_off(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!((until, again, world.notes().len()), (at(60), at(60), 1));
        world.goes_on(11);
        let (until, progress) = put_off(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!(until, at(70 + 3600), "the delay counts from the end of the stage before it");
        world.goes_on(3599);
        let (again, progress) = put_off(advance(stages, &world, Mode::Apply, progress).await);
        assert_eq!(again, until);
        world.goes_on(1);
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
        let kinds: Vec<_> = progress.records.iter().map(|record| record.outcome.kind()).collect();
        assert_eq!(kinds, [OutcomeKind::Waiting, OutcomeKind::Planned]);
    }

    #[tokio::test]
    async fn a_deadline_allows_a_last_look_and_a_replay_has_the_same_time_again() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { looks: 9, every: 60, at_most: 150 } }] }, { name: b, steps: [note] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 120, 150]);
        let Outcome::Failed(failure) = &progress.records[0].outcome else { panic!("{progress:?}") };
        assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "deadline_passed"));
        assert!(
            failure.message.contains("waited for the copy of drive 7 from 1970-01-01T00:00:00Z to"),
            "{failure}"
        );
        assert_eq!((progress.records.len(), progress.records[0].changes), (1, 1));
        world.goes_on(1000);
        let (until, progress) =
            put_off(advance(stages, &world, Mode::Apply, progress.replayed(1, world.now())).await);
        let waiting = progress.waiting("a", "copy").unwrap();
        assert_eq!((until, waiting.deadline, world.notes().len()), (at(1210), at(1300), 5));
        assert_eq!(world.notes().last().unwrap(), "look 5", "it knows what it knew");
        let (progress, _) = to_the_end(stages, &world, Progress { sleeps: 0, ..progress }).await;
        assert_eq!(progress.records.len(), 1, "{progress:?}");
    }

    #[tokio::test]
    async fn a_wait_is_no_attempt_and_each_step_is_looked_at_in_its_own_time() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { looks: 5 } }, { fail: { class: retry, times: 2 } }] }]";
        let (until, progress) = put_off(advance(stages, &world, Mode::Apply, fresh()).await);
        assert_eq!((until, progress.attempt, progress.retry_at), (at(60), 2, Some(at(100))));
        let world = World::default();
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 100, 120, 180, 200, 240]);
        assert_eq!(world.notes().len(), 5, "nobody looks at the copy when the other step is tried again");
        assert_eq!((progress.attempt, progress.records.len()), (1, 2));
    }

    #[tokio::test]
    async fn what_still_fails_when_its_neighbour_is_done_keeps_its_time() {
        let world = World::default();
        let stages = "[{ name: a, steps: [copy, { fail: { class: retry, times: 9 } }] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [60, 100, 200]);
        let Outcome::Failed(failure) = &progress.find("a", "fail").unwrap().outcome else { panic!() };
        assert_eq!(failure.code, "retries_exhausted");
    }

    #[tokio::test]
    async fn a_replay_does_not_wait_again_for_a_stage_that_has_begun() {
        let world = World::default();
        let stages = "[{ name: a, after: 1d, steps: [{ fail: { class: blocked, times: 1 } }] }]";
        let (progress, woke) = to_the_end(stages, &world, fresh()).await;
        assert_eq!(woke, [86_400]);
        let progress = over(advance(stages, &world, Mode::Apply, progress.replayed(1, world.now())).await);
        assert!(progress.records[0].is_done());
        let asleep_since = fresh();
        let world = World::default();
        let (until, progress) = put_off(advance(stages, &world, Mode::Apply, asleep_since).await);
        world.goes_on(10);
        let (again, _) =
            put_off(advance(stages, &world, Mode::Apply, progress.replayed(1, world.now())).await);
        assert_eq!(again, until, "and one that has not begun begins when it was to begin");
    }

    #[tokio::test]
    async fn a_memo_that_is_too_large_is_a_fault_and_is_not_carried() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ copy: { bytes: 9000 } }] }]";
        let progress = over(advance(stages, &world, Mode::Apply, fresh()).await);
        let Outcome::Failed(failure) = &progress.records[0].outcome else { panic!("{progress:?}") };
        assert_eq!((failure.class, failure.code.as_str()), (Class::Fault, "memo_too_large"));
        assert_eq!(progress.waiting[0].memo, Value::Null);
        let longest = later(Timestamp::MAX, Duration::from_secs(1));
        assert!(longest <= Timestamp::MAX && longest > Timestamp::MAX - SignedDuration::from_secs(1));
    }
}
