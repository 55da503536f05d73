//! Running a prepared workflow from where its progress says it is.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use outcome::{Class, Failure, Finished, Mode, OnFailure, Outcome, Progress, Record, Told};
use serde_json::Value;

use crate::dates::Dates;
use crate::next::{Because, Next};
use crate::people::People;
use crate::prepare::{Prepared, PreparedStage, PreparedStep, Task};
use crate::recorder::{Interrupted, Recorder};
use crate::records::{compare, exhausted, finished, longest_asked, record_of};
use crate::rejection;
use crate::retry::RetryPolicy;
use crate::step::{Answer, Call, Earlier, Report, Step};
use crate::wait::{self, Wait, later};

/// One attempt at a run.
///
/// **Guarantees.** Stages run in order and the steps of a stage together. A step that `progress` has a
/// record of is not run again. A step that failed temporarily is not recorded as failed while
/// the policy allows another attempt. A step's panic is that step's failure. [`wait`] says what waiting
/// means.
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
    /// When to retry.
    pub policy: RetryPolicy,
    /// Where in the spread of a delay this run lies, `0.0..=1.0`.
    pub spread: f64,
    /// What time it is.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// From when its stages count.
    pub dates: Dates,
}

/// What an attempt begins with, and whom it finds.
pub(crate) struct Attempt<'a> {
    pub(crate) before: Vec<Record>,
    pub(crate) people: People,
    pub(crate) recorder: &'a dyn Recorder,
}

impl<W: Sync> Run<'_, W> {
    /// Runs until the run is over or has to wait, and answers with how far it came.
    pub async fn advance(&self, mut progress: Progress, recorder: &dyn Recorder) -> (Progress, Next) {
        let attempt = Attempt { before: progress.steps.clone(), people: People::of(&progress), recorder };
        let next = self.advance_to(&mut progress, &attempt).await.unwrap_or(Next::Interrupted);
        progress.people = attempt.people.into_pinned();
        if let Next::Resume { because: Because::Wait { .. }, .. } = &next {
            progress.sleeps = progress.sleeps.saturating_add(1);
        }
        (progress, next)
    }

    async fn advance_to(&self, progress: &mut Progress, attempt: &Attempt<'_>) -> Result<Next, Interrupted> {
        let recorder = attempt.recorder;
        if let Some(next) = self.look_first(progress, attempt).await? {
            return Ok(next);
        }
        let mut got_further = false;
        for stage in &self.prepared.stages {
            if stage.is_held_back(progress) {
                break;
            }
            if got_further {
                progress.attempt = 1;
                progress.retry_at = None;
            }
            if let Some(at) = self.starts_later(stage, progress) {
                self.find_people(progress, attempt).await;
                let because = Because::Wait { stage: stage.name.to_owned(), retry: None };
                return Ok(Next::Resume { at, because });
            }
            let has_work = self.has_work_now(stage, progress);
            if has_work && got_further && self.mode.waits() && recorder.stores_each_stage() {
                return Ok(Next::Resume { at: (self.clock)(), because: Because::Begins });
            }
            if has_work && !recorder.may_go_on(&attempt.people).await {
                return Ok(Next::Stopped);
            }
            let mut fresh = self.run_stage(stage, progress, attempt).await;
            recorder.found(&attempt.people);
            let is_retry = |(record, _): &(Record, _)| record.retry().is_some();
            if fresh.iter().any(is_retry) && !recorder.may_go_on(&attempt.people).await {
                // The run stopped, so what failed temporarily counts as no attempt. The next delivery tries it again.
                let held_back = fresh.extract_if(.., |fresh| is_retry(fresh));
                let written = held_back.filter(|(record, _)| record.told.may_have_written);
                progress.uncounted_writes |= written.count() > 0;
                self.take_in(stage, fresh, progress, recorder).await?;
                return Ok(Next::Stopped);
            }
            got_further |= !fresh.is_empty();
            if let Some((at, because)) = self.take_in(stage, fresh, progress, recorder).await? {
                return Ok(Next::Resume { at, because });
            }
            let of_stage = |record: &&Record| record.finished.stage == stage.name;
            let failed = progress.steps.iter().filter(of_stage).any(|record| !record.is_done());
            if failed && stage.on_failure == OnFailure::Stop {
                break;
            }
        }
        Ok(Next::Over)
    }

    /// Whether a step of the stage runs now.
    fn has_work_now(&self, stage: &PreparedStage<'_, W>, progress: &Progress) -> bool {
        let now = (self.clock)();
        let is_open = |step: &&PreparedStep<'_, W>| progress.find(stage.name, step.name).is_none();
        let mut open = stage.steps.iter().filter(is_open);
        open.any(|step| step.runs() && wait::is_due(progress, stage.name, step.name, now))
    }

    /// Finds the people of all steps that are still to run, before the run sleeps.
    pub(crate) async fn find_people(&self, progress: &Progress, attempt: &Attempt<'_>) {
        let found = self.prepared.still_to_run(progress).map(|(step, params, literal)| {
            let call = self.call_in((params, literal), progress, attempt, None);
            step.find_people(call)
        });
        join_all(found).await;
    }

    /// Records what has finished, reports it, and decides when the stage resumes, if it has to.
    async fn take_in(
        &self,
        stage: &PreparedStage<'_, W>,
        fresh: Vec<(Record, Option<Wait>)>,
        progress: &mut Progress,
        recorder: &dyn Recorder,
    ) -> Result<Option<(Timestamp, Because)>, Interrupted> {
        let now = (self.clock)();
        let (mut finished, mut failed) = (Vec::with_capacity(fresh.len()), Vec::new());
        for (record, wait) in fresh {
            let record = match wait.filter(|_| self.mode.waits()) {
                Some(wait) => wait::begin(progress, record, wait, now),
                None => Some(record),
            };
            match record {
                Some(record) if record.retry().is_some() => failed.push(record),
                other => finished.extend(other),
            }
        }
        let delay = self.policy.delay_after(progress.attempt, longest_asked(&failed), self.spread);
        let retry = failed.first().and_then(Record::retry).cloned().zip(delay);
        compare(progress, &failed);
        if retry.is_none() {
            finished.extend(failed.drain(..).map(|record| exhausted(record, progress)));
        }
        let written = finished.iter().chain(&failed).filter(|record| record.told.may_have_written);
        progress.uncounted_writes |= written.count() > 0;
        let begun = progress.may_have_written() || finished.iter().any(Record::may_have_written);
        let waits = progress.open_waits(stage.name).next().is_some();
        let goes_on = begun || waits || retry.is_some() || self.goes_on_after(stage);
        let settle = |record| if goes_on { rejection::on_the_way(record) } else { record };
        let finished = finished.into_iter().map(settle);
        let finished: Vec<_> = finished.map(|record| wait::finish(progress, record)).collect();
        let reported = if finished.is_empty() { Ok(()) } else { recorder.recorded(&finished).await };
        for record in finished {
            progress.record(record);
        }
        reported?;
        let waits = progress.open_waits(stage.name).next().is_some();
        let retry = match retry {
            Some((failure, delay)) => {
                progress.attempt = progress.attempt.saturating_add(1);
                let at = later(now, delay);
                if !waits {
                    return Ok(Some((at, Because::Retry(failure))));
                }
                wait::retry_at(progress, at, &failed);
                Some(failure)
            }
            None => None,
        };
        progress.retry_at = progress.retry_at.filter(|retry_at| *retry_at > now);
        let is_open = |step: &PreparedStep<'_, W>| progress.find(stage.name, step.name).is_none();
        let Some(at) = wait::wakes(progress, stage.name).filter(|_| stage.steps.iter().any(is_open)) else {
            return Ok(None);
        };
        if progress.retry_at.is_none() {
            progress.attempt = 1;
        }
        Ok(Some((at, Because::Wait { stage: stage.name.to_owned(), retry })))
    }

    /// Whether a later stage has something to do, even if a step of this one fails.
    fn goes_on_after(&self, stage: &PreparedStage<'_, W>) -> bool {
        let mut later = self.prepared.stages.iter().skip_while(|other| other.name != stage.name).skip(1);
        stage.on_failure == OnFailure::Continue
            && later.any(|later| later.steps.iter().any(PreparedStep::runs))
    }

    /// Runs the steps of a stage that have no record yet and are due, all together, and answers in their order.
    async fn run_stage(
        &self,
        stage: &PreparedStage<'_, W>,
        progress: &Progress,
        attempt: &Attempt<'_>,
    ) -> Vec<(Record, Option<Wait>)> {
        let now = (self.clock)();
        let open = stage.steps.iter().filter(|step| progress.find(stage.name, step.name).is_none());
        let due = open.filter(|step| wait::is_due(progress, stage.name, step.name, now));
        join_all(due.map(|step| self.run_step(stage.name, step, progress, attempt))).await
    }

    async fn run_step(
        &self,
        stage: &str,
        step: &PreparedStep<'_, W>,
        progress: &Progress,
        attempt: &Attempt<'_>,
    ) -> (Record, Option<Wait>) {
        let started = Instant::now();
        match &step.task {
            Task::Skip(reason) => {
                let reason = Some(reason.clone());
                let finished = Finished { reason, ..finished(stage, step, Outcome::Skipped) };
                (Record { finished, told: Told::default() }, None)
            }
            Task::Run { step: body, params, from_event, literal } => {
                let memo = progress.waiting(stage, step.name).map(|waiting| &waiting.memo);
                let work = self.call(*body, (params, literal), (progress, attempt), memo);
                let mut report = attempt.recorder.during(step.name, step.action, Box::pin(work)).await;
                if let Answer::Failed(failure) = report.answer {
                    report.answer = Answer::Failed(rejection::of_event(failure, from_event));
                }
                let finished = finished(stage, step, report.answer.outcome());
                record_of(finished, report, started.elapsed())
            }
        }
    }

    async fn call(
        &self,
        step: &dyn Step<W>,
        params: (&Value, &[String]),
        (progress, attempt): (&Progress, &Attempt<'_>),
        memo: Option<&Value>,
    ) -> Report {
        let call = self.call_in(params, progress, attempt, memo);
        // A step holds no lock across its awaits and its world is only handles: nothing is left torn.
        AssertUnwindSafe(async { step.run(call).await }).catch_unwind().await.unwrap_or_else(|_| {
            let message = format!("`{}` panicked; the log has the place", step.name());
            // Nobody knows how far it came.
            Report { may_have_written: true, ..Failure::new(Class::Fault, "internal", message).into() }
        })
    }

    pub(crate) fn call_in<'a>(
        &'a self,
        (params, literal): (&'a Value, &'a [String]),
        progress: &'a Progress,
        attempt: &'a Attempt<'_>,
        memo: Option<&'a Value>,
    ) -> Call<'a, W> {
        Call {
            params,
            literal,
            mode: self.mode,
            earlier: Earlier::new(&progress.steps),
            before: Earlier::new(&attempt.before),
            people: &attempt.people,
            memo,
            replays: progress.replays,
            sleeps: progress.sleeps,
            first_seen: progress.first_seen,
            first_sight: progress.first_sight,
            due_since: wait::due_since(progress, (self.clock)()),
            recorder: attempt.recorder,
            world: self.world,
        }
    }
}

/// The progress of a run that an operator replays: failed steps are tried afresh, and waiting ones have their whole
/// time again.
pub fn replayed(mut progress: Progress, replays: u32, now: Timestamp) -> Progress {
    progress.steps.retain(Record::is_done);
    wait::restart(&mut progress, now);
    Progress { attempt: 1, replays, refused: Vec::new(), ..progress }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::prepare::prepare;
    use crate::step::BoxFuture;
    use crate::test_steps::{self, World};
    use outcome::{State, state};
    use serde_json::{Map, json};
    use std::sync::Mutex;
    use std::time::Duration;

    #[derive(Default)]
    struct Received(Mutex<Vec<(String, Outcome)>>);

    impl Recorder for Received {
        fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
            let steps = records.iter().map(|record| (record.finished.step.clone(), record.finished.outcome));
            self.0.lock().unwrap().extend(steps);
            Box::pin(async { Ok(()) })
        }
    }

    struct Unreachable;

    impl Recorder for Unreachable {
        fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
            Box::pin(async { Err(Interrupted) })
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 3,
        first_delay: Duration::from_secs(10),
        max_delay: Duration::from_secs(60),
    };

    /// An attempt and all there is to see of it.
    struct Attempt {
        progress: Progress,
        next: Next,
        received: Vec<(String, Outcome)>,
        complete: bool,
    }

    impl Attempt {
        fn state(&self) -> State {
            assert_eq!(self.next, Next::Over);
            state(&self.progress.steps, self.complete)
        }

        fn failure(&self, index: usize) -> (Class, &str) {
            let failure = self.progress.steps[index].finished.failure.as_ref().unwrap();
            (failure.class, failure.code.as_str())
        }
    }

    async fn advance(stages: &str, world: &World, mode: Mode, progress: Progress) -> Attempt {
        let received = Received::default();
        let (progress, next, complete) = report_to(&received, stages, world, mode, progress).await;
        Attempt { progress, next, received: received.0.into_inner().unwrap(), complete }
    }

    async fn report_to(
        recorder: &dyn Recorder,
        stages: &str,
        world: &World,
        mode: Mode,
        progress: Progress,
    ) -> (Progress, Next, bool) {
        let text = format!("w: {{ stages: {stages} }}");
        let definitions = Definitions::parse("w.yaml", &text).unwrap();
        let roster = test_steps::roster();
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let prepared =
            prepare(definitions.get("w").unwrap(), &roster, variables).map_err(|_| "refused").unwrap();
        let clock = || world.now();
        let dates = Dates { effective: None, event: Timestamp::UNIX_EPOCH };
        let run = Run { prepared: &prepared, world, mode, policy: POLICY, spread: 0.5, clock: &clock, dates };
        let (progress, next) = run.advance(progress, recorder).await;
        let complete = prepared.is_complete(&progress);
        (progress, next, complete)
    }

    fn fresh() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn stages_run_in_order_and_are_recorded_as_they_end() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ note: { text: one } }] }, { name: b, steps: [{ note: { text: two } }, { note: { text: three }, name: again }] }]";
        let attempt = advance(stages, &world, Mode::Apply, fresh()).await;
        assert_eq!(world.notes(), ["one", "two", "three"]);
        assert_eq!(attempt.received.len(), 3);
        assert_eq!(attempt.state(), State::Succeeded);
    }

    #[tokio::test]
    async fn a_run_that_may_not_change_somebody_writes_nothing() {
        let world = World::default();
        let refuses = "{ fail: { class: blocked, refuse: true } }";
        let stages = format!("[{{ name: a, steps: [note] }}, {{ name: b, after: 1h, steps: [{refuses}] }}]");
        let attempt = advance(&stages, &world, Mode::Apply, fresh()).await;
        assert!(matches!(attempt.next, Next::Refused(_)), "{:?}", attempt.next);
        assert_eq!((world.notes().len(), attempt.progress.steps.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_plan_changes_nothing() {
        let world = World::default();
        let attempt = advance("[{ name: a, steps: [note] }]", &world, Mode::Plan, fresh()).await;
        assert_eq!(world.notes(), Vec::<String>::new());
        let Record { finished, told } = &attempt.progress.steps[0];
        assert_eq!((finished.outcome, finished.changes), (Outcome::Planned, 1));
        assert_eq!(told.changes, ["note 7"]);
    }

    #[tokio::test]
    async fn a_failure_stops_the_run_unless_the_stage_says_otherwise() {
        let rows = [
            ("on_failure: stop", "", 0, State::Failed),
            ("on_failure: continue", "", 1, State::Partial),
            ("on_failure: continue", "needs: other,", 1, State::Partial),
            ("on_failure: continue", "needs: fail, after: 30d,", 0, State::Failed),
            ("on_failure: continue", "needs: [other, a],", 0, State::Failed),
        ];
        for (on_failure, needs, notes, expected) in rows {
            let world = World::default();
            let stages = format!(
                "[{{ name: a, {on_failure}, steps: [{{ fail: {{ class: blocked }} }}, {{ fail: {{ class: blocked, times: 0 }}, name: other }}] }}, {{ name: b, {needs} steps: [note] }}]"
            );
            let attempt = advance(&stages, &world, Mode::Apply, fresh()).await;
            assert_eq!(world.notes().len(), notes);
            assert_eq!(attempt.state(), expected);
        }
    }

    #[tokio::test]
    async fn a_temporary_failure_resumes_without_repeating() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ note: { text: two } }, { fail: { class: retry, times: 1 } }] }]";
        let first = advance(stages, &world, Mode::Apply, fresh()).await;
        let Next::Resume { at, because: Because::Retry(failure) } = first.next else {
            panic!("{:?}", first.next)
        };
        assert_eq!((at.as_second(), failure.class, first.progress.attempt), (10, Class::Retry, 2));
        assert_eq!(first.received.len(), 2, "a failure that is retried is no result yet");
        let second = advance(stages, &world, Mode::Apply, first.progress).await;
        assert_eq!(world.notes(), ["7", "two"], "what is recorded is not run again");
        assert_eq!(second.received, [("fail".to_owned(), Outcome::Unchanged)]);
        assert_eq!(second.state(), State::Succeeded);
    }

    #[tokio::test]
    async fn attempts_run_out_and_a_replay_resumes_at_the_failed_step() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [{ fail: { class: retry, times: 3 } }] }, { name: c, steps: [{ note: { text: last } }] }]";
        let mut progress = fresh();
        for _ in 0..2 {
            let attempt = advance(stages, &world, Mode::Apply, progress).await;
            assert!(matches!(attempt.next, Next::Resume { .. }), "{:?}", attempt.next);
            progress = attempt.progress;
        }
        let last = advance(stages, &world, Mode::Apply, progress).await;
        assert_eq!(last.failure(1), (Class::Retry, "retries_exhausted"));
        assert_eq!((last.state(), last.progress.attempt), (State::Failed, 3));
        let progress = replayed(last.progress, 1, world.now());
        let again = advance(stages, &world, Mode::Apply, progress).await;
        assert_eq!((again.state(), again.progress.replays), (State::Succeeded, 1));
        assert_eq!(world.notes(), ["7", "last"]);
    }

    #[tokio::test]
    async fn a_blocked_step_does_not_keep_its_neighbour_from_being_retried() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ fail: { class: blocked } }, { fail: { class: retry, times: 1 }, name: other }] }]";
        let attempt = advance(stages, &world, Mode::Apply, fresh()).await;
        assert!(
            matches!(attempt.next, Next::Resume { because: Because::Retry(_), .. }),
            "{:?}",
            attempt.next
        );
    }

    #[tokio::test]
    async fn a_panic_is_that_steps_failure() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ fail: { class: panic } }, note] }]";
        let attempt = advance(stages, &world, Mode::Apply, fresh()).await;
        assert_eq!(attempt.next, Next::Over);
        assert_eq!(attempt.failure(0), (Class::Fault, "internal"));
        assert_eq!(world.notes(), ["7"]);
    }

    #[tokio::test]
    async fn a_run_whose_records_cannot_be_reported_stops() {
        let world = World::default();
        let stages = "[{ name: a, steps: [note] }, { name: b, steps: [note] }]";
        let (progress, next, _) = report_to(&Unreachable, stages, &world, Mode::Apply, fresh()).await;
        assert_eq!(next, Next::Interrupted);
        assert_eq!((world.notes().len(), progress.steps.len()), (1, 1));
    }
}
