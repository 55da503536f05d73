//! Which rejections stand, and which are for an operator instead.
//!
//! **Rule.** A rejection stands only if the event filled a parameter that it names, and only if it ends a run that has
//! written nothing. Every other one is `blocked`: the run becomes a dead letter with its progress, and a replay resumes
//! it. So nothing that was begun is left behind for another event to find.

use outcome::{Class, Failure, Record};

/// A failure of a step whose workflow gives some parameters itself: another event would not do better with these.
pub(crate) fn of_event(failure: Failure, from_event: &[String]) -> Failure {
    let is_of_event =
        failure.parameters.iter().any(|parameter| from_event.iter().any(|filled| filled == parameter));
    match failure.class {
        Class::Rejected if !is_of_event => blocked(
            failure,
            "the workflow gives this, not the event; correct it, then replay the dead letter",
        ),
        _ => failure,
    }
}

/// Makes a rejection blocked, for a run that has written something or goes on: an operator has to act.
pub(crate) fn on_the_way(record: Record) -> Record {
    match &record.finished.failure {
        Some(failure) if failure.class == Class::Rejected => {
            let why = "the run has already begun; correct this, then replay the dead letter";
            let failure = blocked(failure.clone(), why);
            record.failed(failure)
        }
        _ => record,
    }
}

fn blocked(failure: Failure, why: &str) -> Failure {
    Failure { message: format!("{}; {why}", failure.message), ..failure }.blocked()
}

#[cfg(test)]
mod tests {
    use crate::dates::Dates;
    use crate::definition::Definitions;
    use crate::next::Next;
    use crate::prepare::prepare;
    use crate::retry::RetryPolicy;
    use crate::run::{Run, replayed};
    use crate::test_steps::{self, World};
    use jiff::Timestamp;
    use outcome::{Class, Mode, Progress};
    use serde_json::{Map, Value, json};
    use std::time::Duration;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 3,
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(1),
    };

    /// Runs to the end, with all its retries and waits, and answers with the class of each failure.
    async fn classes(stages: &str, world: &World, mut progress: Progress) -> (Vec<Class>, Progress) {
        let text = format!("w: {{ lookups: {{ names: {{ '7': told }} }}, stages: {stages} }}");
        let definitions = Definitions::parse("w.yaml", &text).unwrap();
        let roster = test_steps::roster();
        let variables: Map<String, Value> =
            json!({ "person": { "id": "7", "name": "told" } }).as_object().cloned().unwrap();
        let prepared =
            prepare(definitions.get("w").unwrap(), &roster, variables).map_err(|_| "refused").unwrap();
        let clock = || world.now();
        let mode = Mode::Apply;
        let dates = Dates { effective: None, event: Timestamp::UNIX_EPOCH };
        let run = Run { prepared: &prepared, world, mode, policy: POLICY, spread: 0.5, clock: &clock, dates };
        for _attempt in 0..20 {
            let (came, next) = run.advance(progress, &()).await;
            // As its message carries it.
            progress = serde_json::from_value(serde_json::to_value(&came).unwrap()).unwrap();
            match next {
                Next::Resume { at, .. } => world.set(at),
                _ => {
                    let failures = progress.steps.iter().filter_map(|step| step.finished.failure.as_ref());
                    return (failures.map(|failure| failure.class).collect(), progress);
                }
            }
        }
        panic!("without end")
    }

    fn fresh() -> Progress {
        Progress::new(Timestamp::UNIX_EPOCH)
    }

    /// A step that rejects what the event filled.
    const REJECTS: &str = "{ fail: { class: rejected, text: '{{ person.name }}' } }";

    #[tokio::test]
    async fn a_rejection_stands_only_if_it_ends_a_run_that_has_written_nothing() {
        use Class::{Blocked, Rejected};
        let rows = [
            ("[{ name: a, steps: [STEP] }, { name: b, steps: [note] }]", vec![Rejected]),
            ("[{ name: a, steps: [{ copy: { looks: 1 } }] }, { name: b, steps: [STEP] }]", vec![Rejected]),
            ("[{ name: a, steps: [note] }, { name: b, steps: [STEP] }]", vec![Blocked]),
            ("[{ name: a, steps: [STEP, note] }]", vec![Blocked]),
            ("[{ name: a, steps: [STEP, copy] }]", vec![Blocked]),
            ("[{ name: a, steps: [STEP, { fail: { class: retry, times: 1 }, name: b }] }]", vec![Blocked]),
            ("[{ name: a, on_failure: continue, steps: [STEP] }, { name: b, steps: [note] }]", vec![Blocked]),
            ("[{ name: a, on_failure: continue, steps: [STEP] }]", vec![Rejected]),
            // A write that failed temporarily, whatever comes of it.
            (
                "[{ name: a, on_failure: continue, steps: [{ fail: { class: retry, times: 1, writes: true }, name: b }] }, { name: c, steps: [STEP] }]",
                vec![Blocked],
            ),
            (
                "[{ name: a, on_failure: continue, steps: [{ fail: { class: panic }, name: b }] }, { name: c, steps: [STEP] }]",
                vec![Class::Fault, Blocked],
            ),
        ];
        for (stages, expected) in rows {
            let stages = stages.replace("STEP", REJECTS);
            let (classes, _) = classes(&stages, &World::default(), fresh()).await;
            assert_eq!(classes, expected, "{stages}");
        }
    }

    #[tokio::test]
    async fn what_the_workflow_gives_is_never_rejected() {
        let rows = [
            ("'{{ person.name }}'", Class::Rejected),
            ("'of {{ person.id }}'", Class::Rejected),
            ("{ a: ['{{ person.id }}'] }", Class::Rejected),
            ("told", Class::Blocked),
            ("\"{{ lookups.names['7'] }}\"", Class::Blocked),
            ("'{{ lookups.names[person.id] }}'", Class::Blocked),
        ];
        for (text, class) in rows {
            let stages = format!("[{{ name: a, steps: [{{ fail: {{ class: rejected, text: {text} }} }}] }}]");
            let (classes, progress) = classes(&stages, &World::default(), fresh()).await;
            assert_eq!(classes, [class], "{text}");
            let message = &progress.steps[0].finished.failure.as_ref().unwrap().message;
            assert_eq!(message.contains("the workflow gives this"), class == Class::Blocked, "{message}");
        }
    }

    #[tokio::test]
    async fn what_no_step_can_find_ends_the_run_before_its_first_write() {
        use Class::{Blocked, Rejected};
        let step = |class: &str, text: &str, name: &str| {
            format!(
                "{{ fail: {{ class: blocked, times: 0, resolve: {class}, text: {text} }}, name: {name} }}"
            )
        };
        let (of_event, of_file) = ("'{{ person.name }}'", "told");
        let rows = [
            (step("rejected", of_event, "b"), step("rejected", of_event, "c"), vec![Rejected, Rejected]),
            (step("rejected", of_file, "b"), step("rejected", of_event, "c"), vec![Blocked, Rejected]),
            // The step itself meets these in its turn.
            (step("retry", of_event, "b"), step("blocked", of_event, "c"), vec![]),
        ];
        for (one, other, expected) in rows {
            let stages = format!(
                "[{{ name: a, steps: [note, {one}] }}, {{ name: b, after: 1h, on_failure: continue, steps: [{other}] }}]"
            );
            let world = World::default();
            let (classes, progress) = classes(&stages, &world, fresh()).await;
            assert_eq!(classes, expected, "{stages}");
            let has_run = expected.is_empty();
            assert_eq!(world.notes().contains(&"7".to_owned()), has_run, "{stages}");
            assert_eq!(
                world.notes().iter().filter(|note| *note == "look up").count(),
                2,
                "once for each step"
            );
            assert_eq!(progress.steps.len(), if has_run { 3 } else { 2 }, "{stages}");
        }
    }

    #[tokio::test]
    async fn what_a_lost_worker_may_have_begun_is_resolved_and_never_rejected() {
        let world = World::default();
        let step = "{ fail: { class: blocked, times: 0, resolve: rejected, text: '{{ person.name }}' } }";
        let stages = format!("[{{ name: a, steps: [note] }}, {{ name: b, steps: [{step}] }}]");
        let begun = Progress { uncounted_writes: true, ..fresh() };
        let (classes, _) = classes(&stages, &world, begun).await;
        assert_eq!((classes, world.notes().contains(&"7".to_owned())), (vec![Class::Blocked], false));
    }

    #[tokio::test]
    async fn a_replay_of_a_run_that_has_written_cannot_be_rejected_either() {
        let world = World::default();
        let stages = "[{ name: a, steps: [{ fail: { class: blocked, times: 1, writes: true }, name: b }] }, { name: c, steps: [STEP] }]"
            .replace("STEP", REJECTS);
        let (first, progress) = classes(&stages, &world, fresh()).await;
        assert_eq!(first, [Class::Blocked]);
        let (second, _) = classes(&stages, &world, replayed(progress, 1, world.now())).await;
        assert_eq!(second, [Class::Blocked]);
    }
}
