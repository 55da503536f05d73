//! When a stage starts.
//!
//! **Rules.** Stages run in order: a stage starts when the one before it has ended, and its own time has come. Its own
//! time is
//!
//! - with `after`: so long after the end of the stage before it, or, in the first stage, after the start of the run. Once
//!   set it is a fixed time: no replay, retry or other worker moves it;
//! - with `at`: so long before or after the date on which the event's request takes effect; after the time of the event
//!   if it names no date;
//! - with neither: at once.
//!
//! If the event names a date, no stage starts before it, unless the stage itself has a negative `at`. So a run sleeps
//! until the earliest time at which a step of it may run. A time that has passed is no reason to skip: what is late runs
//! now.
//!
//! The date is computed anew in each attempt: a worker with newer rules of a time zone follows these.

use jiff::Timestamp;
use outcome::{PreparedSteps, Progress, StageToRun, Start};

use crate::dates::{Dates, Offset};
use crate::delay::Delay;
use crate::prepare::{PreparedStage, PreparedStep};
use crate::run::Run;
use crate::wait::{later, whole_milliseconds};

/// What delays a stage; at most one of the two.
#[derive(Clone, Copy, Debug)]
struct Timing {
    after: Option<Delay>,
    at: Option<Offset>,
}

/// The start of the next stage that has something to do, if a date keeps the run from going on now. `steps` are those
/// that the run carries.
pub fn held_by_date(
    steps: &PreparedSteps,
    progress: &Progress,
    dates: Dates,
    now: Timestamp,
) -> Option<Start> {
    let is_open = |stage: &&StageToRun| {
        stage
            .steps
            .iter()
            .any(|step| step.skipped.is_none() && progress.find(&stage.stage, &step.step).is_none())
    };
    let next = steps.stages.iter().find(is_open)?;
    let after = next.after_seconds.and_then(Delay::from_seconds);
    let timing = Timing { after, at: next.at_seconds.and_then(Offset::from_seconds) };
    dates.start(timing.at).filter(|date| now < *date)?;
    let at = start_of(progress, &next.stage, timing, dates, now)?;
    Some(Start { stage: next.stage.clone(), at })
}

impl<W: Sync> Run<'_, W> {
    /// When the stage starts, if that is still to come and there is something to do in it.
    pub(crate) fn starts_later(
        &self,
        stage: &PreparedStage<'_, W>,
        progress: &mut Progress,
    ) -> Option<Timestamp> {
        let is_open = |step: &PreparedStep<'_, W>| progress.find(stage.name, step.name).is_none();
        if !self.mode.waits() || !stage.steps.iter().any(|step| step.runs() && is_open(step)) {
            return None;
        }
        let now = (self.clock)();
        let timing = Timing { after: stage.after, at: stage.at };
        let at = start_of(progress, stage.name, timing, self.dates, now)?;
        if now < at || stage.after.is_some() {
            note(progress, Start { stage: stage.name.to_owned(), at });
        }
        (now < at).then_some(at)
    }
}

/// Remembers when a stage starts, in place of what was known of it.
pub fn note(progress: &mut Progress, start: Start) {
    progress.starts.retain(|known| known.stage != start.stage);
    progress.starts.push(start);
}

/// When a stage starts; nothing if nothing delays it.
fn start_of(
    progress: &Progress,
    stage: &str,
    Timing { after, at }: Timing,
    dates: Dates,
    now: Timestamp,
) -> Option<Timestamp> {
    let Some(after) = after else { return dates.start(at) };
    if let Some(known) = progress.starts.iter().find(|start| start.stage == stage) {
        return Some(known.at);
    }
    let date = dates.effective.unwrap_or(Timestamp::MIN);
    let begin = if progress.steps.is_empty() { progress.first_seen.max(date) } else { now };
    Some(later(begin, after.duration()).max(whole_milliseconds(date)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::next::{Because, Next};
    use crate::prepare::prepare;
    use crate::retry::RetryPolicy;
    use crate::test_steps::{self, World};
    use outcome::Mode;
    use serde_json::{Map, json};

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// Runs to the end from the first second on, and answers with the times at which it woke, in days, and what it did.
    /// Before each attempt the date that is carried must hold the run exactly if the engine lets it sleep for one.
    async fn to_the_end(stages: &str, dates: Dates) -> (Vec<i64>, Vec<String>) {
        let definitions = Definitions::parse("w.yaml", &format!("w: {{ stages: {stages} }}")).unwrap();
        let roster = test_steps::roster();
        let variables: Map<_, _> = json!({ "person": { "id": "7" } }).as_object().cloned().unwrap();
        let prepared = prepare(definitions.get("w").unwrap(), &roster, variables);
        let prepared = prepared.map_err(|failures| format!("{failures:?}")).unwrap();
        let (steps, world) = (prepared.carried(), World::default());
        let clock = || world.now();
        let policy = RetryPolicy::default();
        let (prepared, world, mode) = (&prepared, &world, Mode::Apply);
        let run = Run { prepared, world, mode, policy, spread: 0.5, clock: &clock, dates };
        let (mut progress, mut woke) = (Progress::new(Timestamp::UNIX_EPOCH), Vec::new());
        loop {
            let held = held_by_date(&steps, &progress, dates, world.now());
            let (came, next) = run.advance(progress.clone(), &()).await;
            let Next::Resume { at, because: Because::Wait { stage, .. } } = next else {
                assert_eq!((next, held), (Next::Over, None));
                return (woke, world.notes());
            };
            if came.steps == progress.steps {
                let held = held.map(|start| (start.stage, start.at));
                assert!(held.is_none_or(|held| held == (stage.clone(), at)), "{stage}");
            }
            assert!(came.starts.iter().any(|start| start.stage == stage && start.at == at));
            progress = came;
            world.set(at);
            woke.push(at.as_second() / DAY);
            assert!(woke.len() < 9, "without end: {woke:?}");
        }
    }

    fn stages(of: &[&str]) -> String {
        let stage = |(name, time): (usize, &&str)| {
            format!("{{ name: s{name}, {time} steps: [{{ note: {{ text: s{name} }} }}] }}")
        };
        format!("[{}]", of.iter().enumerate().map(stage).collect::<Vec<_>>().join(", "))
    }

    #[tokio::test]
    async fn a_run_wakes_at_the_earliest_start_of_its_stages() {
        let on = |day: i64| Dates { effective: Some(at(day * DAY)), event: at(0) };
        let undated = Dates { effective: None, event: at(0) };
        let rows: [(Dates, &[&str], &[i64]); 15] = [
            (undated, &["", ""], &[]),
            (undated, &["at: 0s,", "at: 2d,"], &[2]),
            (undated, &["after: 1d,", "at: 2d,"], &[1, 2]),
            (undated, &["at: -2d,", ""], &[]),
            (on(10), &["", ""], &[10]),
            (on(10), &["at: 0s,", ""], &[10]),
            (on(10), &["at: -2d,", ""], &[8, 10]),
            (on(10), &["at: -2d,", "at: -2d,", "at: -1d,", "at: 0s,", "at: 30d,"], &[8, 9, 10, 40]),
            (on(10), &["at: -2d,", "after: 1d,"], &[8, 10]),
            (on(10), &["at: -2d,", "after: 3d,"], &[8, 11]),
            (on(10), &["", "after: 3d,"], &[10, 13]),
            (on(10), &["after: 3d,"], &[13]),
            // What is late runs now.
            (on(0), &["at: -2d,", "", "at: 1d,"], &[1]),
            (on(-10), &["at: -2d,", "at: 0s,", "at: 10d,", "at: 12d,"], &[2]),
            (on(-10), &["after: 1d,"], &[1]),
        ];
        for (dates, times, expected) in rows {
            let (woke, notes) = to_the_end(&stages(times), dates).await;
            assert_eq!((woke.as_slice(), notes.len()), (expected, times.len()), "{dates:?} {times:?}");
        }
    }

    #[tokio::test]
    async fn a_stage_with_nothing_to_do_is_not_woken_for() {
        let dates = Dates { effective: Some(at(10 * DAY)), event: at(0) };
        let stages = stages(&["at: -2d, when: person.id == '8',", ""]);
        assert_eq!(to_the_end(&stages, dates).await, (vec![10], vec!["s1".to_owned()]));
    }

    #[test]
    fn a_date_that_moves_replaces_the_start_that_was_noted() {
        let mut progress = Progress::new(at(0));
        for seconds in [5, 9] {
            note(&mut progress, Start { stage: "a".to_owned(), at: at(seconds) });
        }
        assert_eq!(progress.starts, [Start { stage: "a".to_owned(), at: at(9) }]);
    }
}
