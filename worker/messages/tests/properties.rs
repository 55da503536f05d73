//! What holds for every message, shown on random ones.

#![expect(clippy::unwrap_used, reason = "a test may")]

use messages::{
    Cause, Class, Continuation, Failure, Finished, Incoming, LedgerWord, Left, Needs, OperatorAction,
    OperatorAllowed, OperatorDiscarded, OperatorReplayed, Outcome, PlanRefusal, PlannedStep, ResultData,
    ResultEvent, RunFinished, RunPlanned, RunWaiting, State, StepFinished, SyncSubject, SyncWaiting,
    Undecodable, Violation, WaitingStep, decode,
};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const EXAMPLES: [&str; 4] = [
    include_str!("../../../schemas/examples/onboarding.requested.v1.minimal.json"),
    include_str!("../../../schemas/examples/onboarding.requested.v1.full.json"),
    include_str!("../../../schemas/examples/offboarding.requested.v1.minimal.json"),
    include_str!("../../../schemas/examples/offboarding.requested.v1.full.json"),
];

const STRUCTURED: Option<&str> = Some("application/cloudevents+json");

/// What must hold for every refusal.
fn is_sound(refused: &Undecodable) {
    assert!(["too_large", "undecodable", "unknown_type", "invalid_event"].contains(&refused.code()));
    let text = refused.to_string();
    assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    assert!(!text.contains("a defect of Gatehouse"), "{text}");
    assert_eq!(refused.code() == "invalid_event", !refused.violations().is_empty());
    assert!(refused.violations().len() <= 101);
}

/// What must hold for every delivery, accepted or not.
fn is_answered(content_type: Option<&str>, headers: &[(&str, &str)], body: &[u8]) {
    match decode(&Incoming { content_type, routing_key: None, headers, body }) {
        Err(refused) => is_sound(&refused),
        Ok(event) => {
            // An accepted event is the same when it comes again out of a continuation.
            let written = serde_json::to_vec(&event.raw).unwrap();
            let again =
                Incoming { content_type: STRUCTURED, routing_key: None, headers: &[], body: &written };
            assert_eq!(decode(&again).unwrap(), event);
        }
    }
}

fn content_types() -> impl Strategy<Value = Option<String>> {
    let known = select(vec![
        "application/cloudevents+json",
        "application/json",
        "application/cloudevents+json; charset=utf-8",
        "application/json;charset",
        "text/plain",
        ";;",
    ]);
    option::of(prop_oneof![known.prop_map(str::to_owned), any::<String>()])
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let prefix = select(vec!["cloudEvents:", "cloudEvents_", "ce-", "CE-", "", "x-"]);
    let name = prop_oneof![
        select(vec!["specversion", "id", "source", "type", "time", "data", "tenant", ""])
            .prop_map(str::to_owned),
        any::<String>()
    ];
    let value = prop_oneof![
        select(vec!["1.0", "gatehouse.onboarding.requested.v1", "2026-03-02T08:30:00Z", "/hr"])
            .prop_map(str::to_owned),
        any::<String>()
    ];
    vec((prefix, name, value).prop_map(|(prefix, name, value)| (format!("{prefix}{name}"), value)), 0..8)
}

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["plan", "GB", "ada.lovelace@contoso.example", "2026-03-02T08:30:00Z"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every pointer into a document.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    if let Value::Object(fields) = value {
        for (name, field) in fields {
            pointers(field, &format!("{pointer}/{name}"), found);
        }
    }
}

/// One change of bytes: cut, flip, insert or repeat.
fn mutate(body: &mut Vec<u8>, at: Index, byte: u8, how: u8) {
    if body.is_empty() {
        return;
    }
    let at = at.index(body.len());
    match how {
        0 => body.truncate(at),
        1 => body.insert(at, byte),
        2 => {
            body.remove(at);
        }
        3 => {
            let half = body.split_off(at);
            body.extend_from_slice(&half);
            body.extend(half);
        }
        _ => {
            body.remove(at);
            body.insert(at, byte);
        }
    }
}

proptest! {
    // With the next two: more than ten thousand messages. What a decoder does not expect is rare.
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(
        content_type in content_types(),
        headers in headers(),
        body in prop_oneof![vec(any::<u8>(), 0..200), any_json().prop_map(|json| json.to_string().into_bytes())],
    ) {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        is_answered(content_type.as_deref(), &headers, &body);
        let _ = Continuation::from_bytes(&body).map_err(|refused| is_sound(&refused));
        let _ = ResultEvent::from_bytes(&body).map_err(|refused| is_sound(&refused));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(7_000))]

    #[test]
    fn an_example_with_changed_bytes_is_answered(
        example in select(EXAMPLES.to_vec()),
        changes in vec((any::<Index>(), any::<u8>(), 0..5_u8), 1..6),
    ) {
        let mut body = example.as_bytes().to_vec();
        for (at, byte, how) in changes {
            mutate(&mut body, at, byte, how);
        }
        is_answered(STRUCTURED, &[], &body);
        let _ = Continuation::from_bytes(&body).map_err(|refused| is_sound(&refused));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_the_schema_accepts_decodes(
        example in select(EXAMPLES.to_vec()),
        changes in vec((any::<Index>(), any_json()), 1..4),
    ) {
        let mut event: Value = serde_json::from_str(example).unwrap();
        for (at, value) in changes {
            let mut places = Vec::new();
            pointers(&event, "", &mut places);
            let pointer: &String = at.get(&places);
            if let Some(place) = event.pointer_mut(pointer) {
                *place = value;
            }
        }
        is_answered(STRUCTURED, &[], &serde_json::to_vec(&event).unwrap());
    }
}

proptest! {
    #[test]
    fn as_many_errors_as_there_are_violations(faults in subsequence((0..10).collect::<Vec<usize>>(), 1..=10)) {
        let faults_of: [(&str, Value); 10] = [
            ("/specversion", json!("0.3")),
            ("/id", json!(7)),
            ("/source", json!("not a reference")),
            ("/time", json!("tomorrow")),
            ("/tenant", json!("")),
            ("/data/mode", json!("force")),
            ("/data/manager", json!({})),
            ("/data/person/upn", json!("ada")),
            ("/data/person/usage_location", json!("United Kingdom")),
            ("/data/parameters", json!("none")),
        ];
        let mut event: Value = serde_json::from_str(EXAMPLES.last().unwrap()).unwrap();
        *event.pointer_mut("/data/person").unwrap() = json!({ "upn": "", "usage_location": "" });
        let faulty = |fault: usize| faults_of.get(fault).filter(|_| faults.contains(&fault));
        for (pointer, valid) in [("/data/person/upn", "ada@contoso.example"), ("/data/person/usage_location", "GB")] {
            *event.pointer_mut(pointer).unwrap() = json!(valid);
        }
        for (pointer, value) in (0..10).filter_map(faulty) {
            *event.pointer_mut(pointer).unwrap() = value.clone();
        }
        let body = serde_json::to_vec(&event).unwrap();
        let refused = decode(&Incoming { content_type: STRUCTURED, routing_key: None, headers: &[], body: &body }).unwrap_err();
        let mut expected: Vec<&str> = (0..10).filter_map(faulty).map(|(pointer, _)| *pointer).collect();
        expected.sort_unstable();
        let found: Vec<&str> = refused.violations().iter().map(|violation| violation.pointer.as_str()).collect();
        prop_assert_eq!(found, expected, "{}", refused);
    }

    #[test]
    fn a_result_passes_its_schema_and_comes_back(result in results()) {
        let bytes = result.to_bytes().unwrap();
        prop_assert_eq!(result.data.schema().violations(&serde_json::from_slice(&bytes).unwrap()), []);
        prop_assert_eq!(ResultEvent::from_bytes(&bytes).unwrap(), result);
    }

    #[test]
    fn a_result_published_later_has_the_same_id(result in results(), seconds in 0..1_000_000_000_i64) {
        let later = jiff::Timestamp::from_second(seconds).unwrap();
        let again = ResultEvent::new(Cause::default(), later, result.data.clone());
        prop_assert_eq!(again.id, result.id);
        prop_assert_eq!(again.routing_key().split_once('.').is_some(), true);
    }
}

/// Text that is not empty.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| format!("x{text}"))
}

fn code() -> impl Strategy<Value = String> {
    select(vec!["user_not_found", "internal", "a1"]).prop_map(str::to_owned)
}

fn digest() -> impl Strategy<Value = String> {
    any::<[u8; 32]>().prop_map(|bytes| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    })
}

fn time() -> impl Strategy<Value = jiff::Timestamp> {
    // Year 0 to 9999: what four digits can say.
    (-62_167_219_200_000_000_i64..253_402_207_200_000_000)
        .prop_map(|microseconds| jiff::Timestamp::from_microsecond(microseconds).unwrap())
}

fn run() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    use Outcome::{Changed, Failed, Planned, Skipped, Unchanged, Waiting};
    select(vec![Changed, Unchanged, Planned, Skipped, Waiting, Failed])
}

fn failure() -> impl Strategy<Value = Option<Failure>> {
    use Class::{Blocked, Fault, Rejected, Retry};
    let failure = (select(vec![Retry, Rejected, Blocked, Fault]), code(), text());
    option::of(failure.prop_map(|(class, code, message)| Failure::new(class, code, message)))
}

fn left() -> impl Strategy<Value = Vec<Left>> {
    let left = (code(), text(), select(vec![Needs::Nobody, Needs::Operator]));
    vec(left.prop_map(|(code, detail, needs)| Left { code, detail, needs }), 0..3)
}

fn details() -> impl Strategy<Value = Map<String, Value>> {
    let count = prop_oneof![any::<u64>().prop_map(Value::from), text().prop_map(Value::from)];
    hash_map(code(), count, 0..3).prop_map(|counts| counts.into_iter().collect())
}

fn planned_step() -> impl Strategy<Value = PlannedStep> {
    let names = (text(), text(), text());
    let after = (option::of(1..34_560_000_u64), option::of(time()));
    let seen = (left(), details());
    (names, after, outcome(), vec(text(), 0..3), seen, failure(), option::of(text())).prop_map(
        |(
            (stage, step, action),
            (after_seconds, starts_at),
            outcome,
            changes,
            (left, details),
            failure,
            reason,
        )| {
            PlannedStep {
                stage,
                step,
                action,
                after_seconds,
                starts_at,
                outcome,
                changes,
                left,
                details,
                failure,
                reason,
            }
        },
    )
}

fn finished_step() -> impl Strategy<Value = Finished> {
    (planned_step(), any::<u32>()).prop_map(|(step, changes)| Finished {
        stage: step.stage,
        step: step.step,
        action: step.action,
        outcome: step.outcome,
        changes,
        left: step.left,
        failure: step.failure,
        reason: step.reason,
    })
}

fn step_finished() -> impl Strategy<Value = ResultData> {
    let counts = (any::<u32>(), any::<u32>(), any::<u64>());
    (run(), text(), planned_step(), counts, vec(text(), 0..3)).prop_map(
        |(run_id, workflow, step, (attempts, replays, duration_ms), graph_request_ids)| {
            ResultData::StepFinished(StepFinished {
                run_id,
                workflow,
                stage: step.stage,
                step: step.step,
                action: step.action,
                outcome: step.outcome,
                changes: step.changes,
                left: step.left,
                details: step.details,
                failure: step.failure,
                reason: step.reason,
                attempts,
                replays,
                duration_ms,
                graph_request_ids,
            })
        },
    )
}

fn run_planned() -> impl Strategy<Value = ResultData> {
    let dates = (option::of(time()), option::of(1..u64::MAX));
    let refusal = (text(), text()).prop_map(|(code, message)| PlanRefusal { code, message });
    (run(), text(), vec(planned_step(), 0..3), digest(), dates, vec(refusal, 0..3)).prop_map(
        |(run_id, workflow, steps, digest, (effective_at, late_by_seconds), refusals)| {
            ResultData::RunPlanned(RunPlanned {
                run_id,
                workflow,
                steps,
                digest,
                effective_at,
                late_by_seconds,
                refusals,
            })
        },
    )
}

fn run_waiting() -> impl Strategy<Value = ResultData> {
    let step = ((text(), text(), text()), (time(), time(), time()), (vec(text(), 0..3), vec(text(), 0..3)));
    let step =
        step.prop_map(|((step, action, reason), (since, until, deadline), (changes, graph_request_ids))| {
            WaitingStep { step, action, reason, since, until, deadline, changes, graph_request_ids }
        });
    let texts = (text(), text(), option::of(text()));
    let times = (time(), option::of(time()));
    (run(), texts, times, (1..u32::MAX, any::<u32>()), vec(step, 0..3)).prop_map(
        |(run_id, (workflow, stage, reason), (until, last_said_at), (sleeps, replays), steps)| {
            ResultData::RunWaiting(RunWaiting {
                run_id,
                workflow,
                stage,
                until,
                sleeps,
                replays,
                reason,
                steps,
                ledger: None,
                last_said_at,
            })
        },
    )
}

fn sync_waiting() -> impl Strategy<Value = ResultData> {
    let what = select(vec![SyncSubject::Users, SyncSubject::Licenses, SyncSubject::Usage]);
    let days = (any::<u32>(), any::<u32>()).prop_map(|(done, wanted)| (u64::from(done), u64::from(wanted)));
    (run(), what, time(), days, (1..u32::MAX, any::<u32>())).prop_map(
        |(sync_id, what, until, days, counts)| {
            let ((days_done, days_wanted), (part, replays)) = (days, counts);
            ResultData::SyncWaiting(SyncWaiting {
                sync_id,
                what,
                until,
                days_done,
                days_wanted,
                part,
                replays,
            })
        },
    )
}

fn run_finished() -> impl Strategy<Value = ResultData> {
    use State::{Failed, Partial, Rejected, Succeeded};
    let state = select(vec![Succeeded, Partial, Failed, Rejected]);
    let violations = vec((any::<String>(), text()).prop_map(|(at, text)| Violation::new(&at, text)), 0..3);
    let counts = (1..u32::MAX, any::<u32>(), option::of(1..u64::MAX));
    (
        run(),
        option::of(text()),
        state,
        (time(), time()),
        counts,
        vec(finished_step(), 0..3),
        failure(),
        violations,
    )
        .prop_map(|(run_id, workflow, state, times, counts, steps, failure, violations)| {
            ResultData::RunFinished(RunFinished {
                run_id,
                workflow,
                state,
                started_at: times.0,
                finished_at: times.1,
                attempts: counts.0,
                replays: counts.1,
                steps,
                failure,
                ended_by: None,
                point_of_no_return: None,
                shut: Vec::new(),
                had_ended: Vec::new(),
                violations,
                late_by_seconds: counts.2,
                ledger: counts.2.map(|_| LedgerWord::Unread),
            })
        })
}

fn operator_action() -> impl Strategy<Value = OperatorAction> {
    let texts = (text(), text(), text());
    (texts, option::of(run()), option::of(text()), option::of(text()), option::of(text()), any::<u32>())
        .prop_map(|((message_id, queue, by), run_id, name, why, dead_class, replays)| OperatorAction {
            message_id,
            run_id,
            queue,
            by,
            name,
            why,
            dead_class,
            replays,
        })
}

fn results() -> impl Strategy<Value = ResultEvent> {
    let data = prop_oneof![
        step_finished(),
        run_planned(),
        run_waiting(),
        run_finished(),
        sync_waiting(),
        operator_action().prop_map(|action| OperatorReplayed(action).into()),
        operator_action().prop_map(|action| OperatorDiscarded(action).into()),
        operator_action().prop_map(|action| OperatorAllowed(action).into()),
    ];
    let text = || option::of(text());
    let cause = (text(), text(), text(), text(), text(), text());
    let cause = cause.prop_map(|(tenant, correlation_id, causation_id, source, event_type, publisher)| {
        Cause { tenant, correlation_id, causation_id, source, event_type, publisher, person: None, upn: None }
    });
    (cause, time(), data).prop_map(|(cause, time, data)| ResultEvent::new(cause, time, data))
}
