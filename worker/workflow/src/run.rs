//! Running a prepared workflow from where its progress says it is.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::definition::OnFailure;
use crate::outcome::{Class, Failure, Outcome};
use crate::prepare::{Prepared, PreparedStage, PreparedStep, Task};
use crate::progress::{Progress, Record};
use crate::retry::RetryPolicy;
use crate::step::{BoxFuture, Call, Earlier, Mode, Report};
use crate::wait::later;

/// One attempt at a run.
///
/// **Guarantees.** Stages run in order and the steps of a stage together. A step that `progress` has a
/// record of is not run again. A step that failed for want of time alone is not recorded as failed while
/// the policy allows another attempt. A step's panic is that step's failure. What waits, and what that means, is
/// said in [`wait`](crate::wait).
///
/// **Assumptions.** Steps are idempotent: when the process dies between two stages, the progress it had
/// made is lost with it and the next attempt looks at everything again.
pub struct Run<'a, W> {
    /// What to run.
    pub prepared: &'a Prepared<'a, W>,
    /// What the steps act on.
    pub world: &'a W,
    /// Whether anything may change.
    pub mode: Mode,
    /// When to look again.
    pub policy: RetryPolicy,
    /// Where in the spread of a delay this run lies, `0.0..=1.0`.
    pub spread: f64,
    /// What time it is.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
}

/// Hears of every step as soon as its stage is over.
pub trait Recorder: Send + Sync {
    /// These steps have finished for good. The next stage waits for this.
    fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>>;
}

/// The caller can no longer say what happens: the run goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// What comes after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing: the run is over, as its records say.
    Over(Progress),
    /// Another attempt.
    Later {
        /// Not before this much time has passed.
        after: Duration,
        /// What to go on from.
        progress: Progress,
        /// The failure that time is to mend.
        because: Failure,
    },
    /// Another attempt, for which something is waited.
    Asleep {
        /// Not before this time, and no earlier.
        until: Timestamp,
        /// The stage that waits to start, or whose steps wait.
        stage: String,
        /// What to go on from.
        progress: Progress,
        /// The failure of another step that time is to mend meanwhile.
        because: Option<Failure>,
    },
    /// Nobody could be told of the last of these records. The message comes again.
    Interrupted(Progress),
}

impl<W: Sync> Run<'_, W> {
    /// Runs until the run is over or has to wait.
    pub async fn advance(&self, mut progress: Progress, recorder: &dyn Recorder) -> Next {
        let mut got_further = false;
        for stage in &self.prepared.stages {
            if got_further {
                progress.attempt = 1;
                progress.retry_at = None;
            }
            if let Some(until) = self.starts_later(stage, &mut progress) {
                return asleep(progress, stage.name, until, None);
            }
            let fresh = self.run_stage(stage, &progress).await;
            got_further |= !fresh.is_empty();
            match self.take_in(stage, fresh, &mut progress, recorder).await {
                Err(Interrupted) => return Next::Interrupted(progress),
                Ok(After::Later(after, because)) => return Next::Later { after, progress, because },
                Ok(After::Asleep(until, because)) => return asleep(progress, stage.name, until, because),
                Ok(After::Goes) => {}
            }
            let failed =
                progress.records.iter().any(|record| record.stage == stage.name && !record.is_done());
            if failed && stage.on_failure == OnFailure::Stop {
                break;
            }
        }
        Next::Over(progress)
    }

    /// When the stage starts, if that is still to come and there is something to do in it.
    fn starts_later(&self, stage: &PreparedStage<'_, W>, progress: &mut Progress) -> Option<Timestamp> {
        let after = stage.after.filter(|_| self.mode.waits())?;
        let is_open = |step: &PreparedStep<'_, W>| progress.find(stage.name, step.name).is_none();
        if !stage.steps.iter().any(|step| step.runs() && is_open(step)) {
            return None;
        }
        let now = (self.clock)();
        let at = progress.start_of(stage.name, after.duration(), now);
        (now < at).then_some(at)
    }

    /// Records what has finished, tells of it, and decides what comes next.
    async fn take_in(
        &self,
        stage: &PreparedStage<'_, W>,
        fresh: Vec<Record>,
        progress: &mut Progress,
        recorder: &dyn Recorder,
    ) -> Result<After, Interrupted> {
        let now = (self.clock)();
        let (mut finished, mut failed) = (Vec::with_capacity(fresh.len()), Vec::new());
        for record in fresh {
            let record = if self.mode.waits() { progress.wait(record, now) } else { Some(record) };
            match record {
                Some(record) if is_retry(&record) => failed.push(record),
                other => finished.extend(other),
            }
        }
        let delay = self.policy.delay_after(progress.attempt, longest_asked(&failed), self.spread);
        let because = match (failed.first().map(|record| &record.outcome), delay) {
            (Some(Outcome::Failed(failure)), Some(after)) => Some((failure.clone(), after)),
            _ => None,
        };
        if because.is_none() {
            finished.extend(failed.drain(..).map(|record| exhausted(record, progress.attempt)));
        }
        let finished: Vec<_> = finished.into_iter().map(|record| progress.after_waits(record)).collect();
        let told = if finished.is_empty() { Ok(()) } else { recorder.recorded(&finished).await };
        for record in finished {
            progress.record(record);
        }
        told?;
        let waits = progress.open_waits(stage.name).next().is_some();
        let because = match because {
            Some((because, after)) => {
                progress.attempt = progress.attempt.saturating_add(1);
                if !waits {
                    return Ok(After::Later(after, because));
                }
                progress.retry_at(later(now, after), &failed);
                Some(because)
            }
            None => None,
        };
        progress.retry_at = progress.retry_at.filter(|retry_at| *retry_at > now);
        let is_open = |step: &PreparedStep<'_, W>| progress.find(stage.name, step.name).is_none();
        let Some(until) = progress.wakes(stage.name).filter(|_| stage.steps.iter().any(is_open)) else {
            return Ok(After::Goes);
        };
        if progress.retry_at.is_none() {
            progress.attempt = 1;
        }
        Ok(After::Asleep(until, because))
    }

    /// Runs the steps of a stage that have no record yet and are due, all together, and answers in their order.
    async fn run_stage(&self, stage: &PreparedStage<'_, W>, progress: &Progress) -> Vec<Record> {
        let now = (self.clock)();
        let open = stage.steps.iter().filter(|step| progress.find(stage.name, step.name).is_none());
        let due = open.filter(|step| progress.is_due(stage.name, step.name, now));
        let runs = due.map(|step| async {
            let started = Instant::now();
            let memo = progress.waiting(stage.name, step.name).map(|waiting| &waiting.memo);
            let Report { outcome, left, details, request_ids } = self.run_step(step, progress, memo).await;
            Record {
                stage: stage.name.to_owned(),
                step: step.name.to_owned(),
                action: step.action.to_owned(),
                changes: outcome.changes().len(),
                outcome,
                left,
                details,
                request_ids,
                took: started.elapsed(),
            }
        });
        join_all(runs).await
    }

    async fn run_step(
        &self,
        step: &PreparedStep<'_, W>,
        progress: &Progress,
        memo: Option<&Value>,
    ) -> Report {
        match &step.task {
            Task::Skip(reason) => Report::of(Outcome::Skipped(reason.clone())),
            Task::Run { step: body, params } => {
                let (earlier, replays) = (Earlier::new(&progress.records), progress.replays);
                let call = Call { params, mode: self.mode, earlier, memo, replays, world: self.world };
                // A step holds no lock across its awaits and its world is only handles: nothing is left torn.
                AssertUnwindSafe(async { body.run(call).await }).catch_unwind().await.unwrap_or_else(|_| {
                    let message = format!("`{}` panicked; the log has the place", step.action);
                    Failure::new(Class::Fault, "internal", message).into()
                })
            }
        }
    }
}

impl Progress {
    /// Takes a replayed run up again: what failed is to be tried afresh, and what waited has its time again.
    pub fn replayed(mut self, replays: u32, now: Timestamp) -> Self {
        self.records.retain(Record::is_done);
        self.wait_anew(now);
        self.attempt = 1;
        self.replays = replays;
        self
    }
}

/// What comes after a stage.
enum After {
    /// The next, if the failures in this one allow that.
    Goes,
    /// The same again.
    Later(Duration, Failure),
    /// The same again, as soon as one of those that wait is due.
    Asleep(Timestamp, Option<Failure>),
}

fn asleep(mut progress: Progress, stage: &str, until: Timestamp, because: Option<Failure>) -> Next {
    progress.sleeps = progress.sleeps.saturating_add(1);
    Next::Asleep { until, stage: stage.to_owned(), progress, because }
}

fn is_retry(record: &Record) -> bool {
    matches!(&record.outcome, Outcome::Failed(failure) if failure.class == Class::Retry)
}

fn longest_asked(waiting: &[Record]) -> Option<Duration> {
    let asked = waiting.iter().filter_map(|record| match &record.outcome {
        Outcome::Failed(failure) => failure.retry_after,
        _ => None,
    });
    asked.max()
}

/// The class stays `retry`, since time may still mend it; the code says that we no longer wait for that.
fn exhausted(record: Record, attempts: u32) -> Record {
    let Outcome::Failed(failure) = record.outcome else { return record };
    let message = format!("gave up after attempt {attempts}; last: {failure}");
    let failure = Failure { code: "retries_exhausted".to_owned(), message, ..failure };
    Record { outcome: Outcome::Failed(failure), ..record }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::outcome::OutcomeKind;
    use crate::prepare::prepare;
    use crate::progress::{State, state};
    use crate::toys::{self, World};
    use serde_json::{Map, json};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, OutcomeKind)>>);

    impl Recorder for Heard {
        fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
            let mut heard = self.0.lock().unwrap();
            heard.extend(records.iter().map(|record| (record.step.clone(), record.outcome.kind())));
            Box::pin(async { Ok(()) })
        }
    }

    struct Deaf;

    impl Recorder for Deaf {
        fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
            Box::pin(async { Err(Interrupted) })
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 3,
        first_delay: Duration::from_secs(10),
        max_delay: Duration::from_secs(60),
    };

    async fn advance(stages: &str, world: &World, mode: Mode, progress: Progress) -> (Next, Heard, bool) {
        let text = format!("w: {{ stages: {stages} }}");
        let definitions = Definitions::parse("w.yaml", &text).unwrap();
        let roster = toys::roster();
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let prepared =
            prepare(definitions.get("w").unwrap(), &roster, variables).map_err(|_| "refused").unwrap();
        let run =
            Run { prepared: &prepared, world, mode, policy: POLICY, spread: 0.5, clock: &Timestamp::now };
        let heard = Heard::default();
        let next = run.advance(progress, &heard).await;
        let complete = matches!(&next, Next::Over(progress) if prepared.is_complete(progress));
        (next, heard, complete)
    }

    fn fresh() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    fn over(next: Next) -> Progress {
        match next {
            Next::Over(progress) => progress,
            other => panic!("expected the end: {other:?}"),
        }
    }

    #[tokio::test]
    async fn stages_run_in_order_and_are_heard_of_as_they_end() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ note: { text: one } }] }, { name: b, steps: [{ note: { text: two } }, { note: { text: three }, name: again }] }]";
        let (next, heard, complete) = advance(stages, &world, Mode::Apply, fresh()).await;
        assert_eq!(world.notes(), ["one", "two", "three"]);
        assert_eq!(heard.0.into_inner().unwrap().len(), 3);
        assert_eq!(state(&over(next).records, complete), State::Succeeded);
    }

    #[tokio::test]
    async fn a_plan_changes_nothing() {
        let world = World::default();
        let (next, ..) = advance("[{ name: a, steps: [note] }]", &world, Mode::Plan, fresh()).await;
        assert_eq!(world.notes(), Vec::<String>::new());
        assert_eq!(over(next).records[0].outcome, Outcome::Planned(vec!["note 7".to_owned()]));
    }

    #[tokio::test]
    async fn a_failure_stops_the_run_unless_the_stage_says_otherwise() {
        for (on_failure, notes, expected) in [("stop", 0, State::Failed), ("continue", 1, State::Partial)] {
            let world = World::default();
            let stages = format!(
                "[{{ name: a, on_failure: {on_failure}, steps: [{{ fail: {{ class: blocked }} }}] }}, {{ name: b, steps: [note] }}]"
            );
            let (next, _, complete) = advance(&stages, &world, Mode::Apply, fresh()).await;
            assert_eq!(world.notes().len(), notes);
            assert_eq!(state(&over(next).records, complete), expected);
        }
    }

    #[tokio::test]
    async fn a_failure_that_time_mends_waits_and_resumes_without_repeating() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ note: { text: two } }, { fail: { class: retry, times: 1 } }] }]";
        let (next, heard, _) = advance(stages, &world, Mode::Apply, fresh()).await;
        let Next::Later { after, progress, because } = next else { panic!("{next:?}") };
        assert_eq!((after, because.class, progress.attempt), (Duration::from_secs(10), Class::Retry, 2));
        assert_eq!(heard.0.into_inner().unwrap().len(), 2, "a failure that is still waited for is no result");
        let (next, heard, complete) = advance(stages, &world, Mode::Apply, progress).await;
        assert_eq!(world.notes(), ["7", "two"], "what is recorded is not run again");
        assert_eq!(heard.0.into_inner().unwrap(), [("fail".to_owned(), OutcomeKind::Unchanged)]);
        assert_eq!(state(&over(next).records, complete), State::Succeeded);
    }

    #[tokio::test]
    async fn attempts_run_out_and_a_replay_resumes_at_the_failed_step() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ fail: { class: retry, times: 3 } }] }, { name: c, steps: [{ note: { text: last } }] }]";
        let mut progress = fresh();
        for _ in 0..2 {
            let (Next::Later { progress: next, .. }, ..) =
                advance(stages, &world, Mode::Apply, progress).await
            else {
                panic!("should wait")
            };
            progress = next;
        }
        let (next, _, complete) = advance(stages, &world, Mode::Apply, progress).await;
        let progress = over(next);
        let Outcome::Failed(failure) = &progress.records[1].outcome else { panic!("{progress:?}") };
        assert_eq!((failure.class, failure.code.as_str()), (Class::Retry, "retries_exhausted"));
        assert_eq!((state(&progress.records, complete), progress.attempt), (State::Failed, 3));
        let (next, _, complete) =
            advance(stages, &world, Mode::Apply, progress.replayed(1, Timestamp::now())).await;
        let progress = over(next);
        assert_eq!((state(&progress.records, complete), progress.replays), (State::Succeeded, 1));
        assert_eq!(world.notes(), ["7", "last"]);
    }

    #[tokio::test]
    async fn a_blocked_step_does_not_keep_its_neighbour_from_being_retried() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ fail: { class: blocked } }, { fail: { class: retry, times: 1 }, name: other }] }]";
        let (next, ..) = advance(stages, &world, Mode::Apply, fresh()).await;
        assert!(matches!(next, Next::Later { .. }), "{next:?}");
    }

    #[tokio::test]
    async fn a_panic_is_that_steps_failure() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ fail: { class: panic } }, note] }]";
        let (next, ..) = advance(stages, &world, Mode::Apply, fresh()).await;
        let progress = over(next);
        let Outcome::Failed(failure) = &progress.records[0].outcome else { panic!("{progress:?}") };
        assert_eq!((failure.class, failure.code.as_str()), (Class::Fault, "internal"));
        assert_eq!(world.notes(), ["7"]);
    }

    #[tokio::test]
    async fn a_run_nobody_hears_of_goes_no_further() {
        let definitions = Definitions::parse(
            "w.yaml",
            "w: { stages: [{ name: a, steps: [note] }, { name: b, steps: [note] }] }",
        )
        .unwrap();
        let (roster, world) = (toys::roster(), World::default());
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let prepared =
            prepare(definitions.get("w").unwrap(), &roster, variables).map_err(|_| "refused").unwrap();
        let run = Run {
            prepared: &prepared,
            world: &world,
            mode: Mode::Apply,
            policy: POLICY,
            spread: 0.5,
            clock: &Timestamp::now,
        };
        let Next::Interrupted(progress) = run.advance(fresh(), &Deaf).await else {
            panic!("should have stopped")
        };
        assert_eq!((world.notes().len(), progress.records.len()), (1, 1));
    }
}
