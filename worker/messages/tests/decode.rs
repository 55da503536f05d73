//! How deliveries are told apart: modes, content types, sizes, encodings, and what is said about those refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use messages::{
    Continuation, EVENT_LIMIT_BYTES, Event, EventKind, Incoming, Mode, NAMESPACE, PersonRequest, Reason,
    Request, RunFinished, State, Undecodable, decode,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn person(event: &Event) -> &PersonRequest {
    match &event.request {
        Request::Person(request) => request,
        Request::Cancel(_) | Request::Sync(_) => panic!("no person's request"),
    }
}

const STRUCTURED: Option<&str> = Some("application/cloudevents+json");

fn hire() -> Value {
    json!({
        "specversion": "1.0",
        "id": "hire-2026-0042",
        "source": "/hr/contoso",
        "type": "gatehouse.onboarding.requested.v1",
        "time": "2026-03-02T08:30:00Z",
        "data": { "person": { "upn": "ada.lovelace@contoso.example" } }
    })
}

fn deliver(content_type: Option<&str>, headers: &[(&str, &str)], body: &[u8]) -> Result<Event, Undecodable> {
    decode(&Incoming { content_type, routing_key: None, headers, body })
}

fn deliver_json(event: &Value) -> Result<Event, Undecodable> {
    deliver(STRUCTURED, &[], &serde_json::to_vec(event).unwrap())
}

/// The pointers and texts of a refusal for its form.
fn violations(refused: Result<Event, Undecodable>) -> Vec<(String, String)> {
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), "invalid_event", "{refused}");
    refused.violations().iter().map(|it| (it.pointer.clone(), it.message.clone())).collect()
}

/// The headers of `hire()` in binary mode.
const HEADERS: [(&str, &str); 5] = [
    ("cloudEvents:specversion", "1.0"),
    ("cloudEvents:id", "hire-2026-0042"),
    ("cloudEvents:source", "/hr/contoso"),
    ("cloudEvents:type", "gatehouse.onboarding.requested.v1"),
    ("cloudEvents:time", "2026-03-02T08:30:00Z"),
];

const PERSON: &[u8] = br#"{"person":{"upn":"ada.lovelace@contoso.example"}}"#;

#[test]
fn a_structured_event_may_state_its_charset_or_no_content_type() {
    let body = serde_json::to_vec(&hire()).unwrap();
    let event = deliver(STRUCTURED, &[], &body).unwrap();
    assert_eq!(event.kind, EventKind::Onboarding);
    assert_eq!(event.workflow(), Some("onboarding"));
    assert_eq!(person(&event).mode, Mode::Apply);
    for content_type in [
        None,
        Some(""),
        Some("application/cloudevents+json; charset=utf-8"),
        Some("Application/CloudEvents+JSON;charset=\"UTF-8\""),
    ] {
        assert_eq!(deliver(content_type, &[], &body).unwrap(), event, "{content_type:?}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let mut body = vec![0xef, 0xbb, 0xbf];
    body.extend(serde_json::to_vec(&hire()).unwrap());
    assert!(deliver(STRUCTURED, &[], &body).is_ok());
}

#[test]
fn headers_that_are_no_attributes_are_ignored() {
    let mut headers = HEADERS.to_vec();
    headers.push(("traceparent", "elsewhere"));
    headers.push(("x-death", "7"));
    let event = deliver(Some("application/json"), &headers, PERSON).unwrap();
    assert_eq!(event.raw["datacontenttype"], "application/json");
    assert_eq!(event.traceparent, None);
    let body = serde_json::to_vec(&hire()).unwrap();
    assert!(deliver(STRUCTURED, &[("ce-id", "another")], &body).unwrap().id == "hire-2026-0042");
}

#[test]
fn any_json_media_type_will_do_in_binary_mode() {
    for content_type in ["application/vnd.hr.hire+json", "Text/JSON", "application/json; charset=utf-8"] {
        let event = deliver(Some(content_type), &HEADERS, PERSON).unwrap();
        assert_eq!(event.raw["datacontenttype"], content_type);
    }
}

#[test]
fn without_a_content_type_the_body_tells_the_mode() {
    let body = serde_json::to_vec(&hire()).unwrap();
    assert_eq!(deliver(None, &HEADERS, &body).unwrap(), deliver(STRUCTURED, &[], &body).unwrap());
    assert_eq!(
        deliver(None, &HEADERS, PERSON).unwrap().request,
        deliver(STRUCTURED, &[], &body).unwrap().request
    );
}

#[test]
fn what_is_no_cloudevent_says_what_gave_it_away() {
    let body = serde_json::to_vec(&hire()).unwrap();
    type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], &'a [u8], &'a str);
    let cases: [Case<'_>; 8] = [
        (Some("application/json"), &[], &body, "another content type and no header"),
        (Some("application/cloudevents-batch+json"), &[], b"[]", "batch"),
        (Some("application/cloudevents+avro"), &[], b"", "not JSON"),
        (Some("application/cloudevents+json; charset=latin1"), &[], &body, "charset"),
        (Some("text/plain"), &HEADERS, PERSON, "application/json"),
        (STRUCTURED, &[], b"[1]", "not an object"),
        (None, &[], b"{}", "neither specversion nor type"),
        (None, &[], b"\"text\"", "not an object"),
    ];
    for (content_type, headers, body, why) in cases {
        let refused = deliver(content_type, headers, body).unwrap_err();
        assert_eq!(refused.code(), "undecodable");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn bytes_that_are_no_json_are_placed() {
    let refused = deliver(STRUCTURED, &[], b"{\n  \"id\": oops").unwrap_err();
    assert_eq!(refused.reason, Reason::NotJson { line: 2, column: 9 });
    assert_eq!(deliver(STRUCTURED, &[], b"\xff").unwrap_err().reason, Reason::NotUtf8);
    assert_eq!(deliver(STRUCTURED, &[], b"").unwrap_err().code(), "undecodable");
    assert_eq!(deliver(STRUCTURED, &[], b"{} {}").unwrap_err().code(), "undecodable");
    let deep = "[".repeat(100_000);
    assert_eq!(deliver(STRUCTURED, &[], deep.as_bytes()).unwrap_err().code(), "undecodable");
}

#[test]
fn an_event_of_256_kib_is_the_largest() {
    let mut event = hire();
    let bytes = serde_json::to_vec(&event).unwrap().len();
    let room = EVENT_LIMIT_BYTES - bytes - r#","note":"""#.len();
    event["data"]["person"]["note"] = "x".repeat(room).into();
    assert_eq!(serde_json::to_vec(&event).unwrap().len(), EVENT_LIMIT_BYTES);
    deliver_json(&event).unwrap();

    event["data"]["person"]["note"] = "x".repeat(room + 1).into();
    let refused = deliver_json(&event).unwrap_err();
    let too_large = Reason::TooLarge { bytes: EVENT_LIMIT_BYTES + 1, limit: EVENT_LIMIT_BYTES };
    assert_eq!((refused.code(), refused.reason), ("too_large", too_large));
}

#[test]
fn binary_mode_headers_count_towards_the_size_and_name_the_run_of_what_is_too_large() {
    let long = "x".repeat(EVENT_LIMIT_BYTES);
    let mut headers = HEADERS.to_vec();
    headers.push(("ce-extra", &long));
    let refused = deliver(Some("application/json"), &headers, PERSON).unwrap_err();
    assert_eq!(refused.code(), "too_large");
    assert!(refused.run_id().is_some());
}

#[test]
fn a_header_given_twice_must_agree_with_itself() {
    let mut headers = HEADERS.to_vec();
    headers.push(("ce-id", "hire-2026-0042"));
    assert!(deliver(None, &headers, PERSON).is_ok());
    headers.push(("ce-id", "another"));
    headers.push(("ce-data", "{}"));
    let body =
        br#"{"person":{"upn":"grace.hopper@contoso.example","upn":"ada.lovelace@contoso.example"},"mode":1}"#;
    let expected = [
        ("/data", "belongs into the body, not into a header"),
        ("/data/mode", "must be one of \"apply\", \"plan\""),
        ("/data/person/upn", "is given twice"),
        ("/id", "is given by two headers with different values"),
    ];
    assert_eq!(violations(deliver(None, &headers, body)), expected.map(|(p, m)| (p.into(), m.into())));
}

#[test]
fn an_unknown_type_is_named_and_so_are_the_known_ones() {
    let mut event = hire();
    event["type"] = "gatehouse.transfer.requested.v1".into();
    let refused = deliver_json(&event).unwrap_err();
    assert_eq!(refused.code(), "unknown_type");
    assert_eq!(
        refused.to_string(),
        "unknown event type gatehouse.transfer.requested.v1; known are gatehouse.onboarding.requested.v1, \
         gatehouse.offboarding.requested.v1, gatehouse.change.requested.v1, \
         gatehouse.access.revoke.requested.v1, gatehouse.restore.requested.v1, \
         gatehouse.run.cancel.requested.v1, gatehouse.sync.requested.v1"
    );
    event["type"] = format!("line\nbreak{}", "x".repeat(5_000)).into();
    let text = deliver_json(&event).unwrap_err().to_string();
    assert!(text.len() < 400 && !text.contains('\n'), "{text}");
}

#[test]
fn null_attributes_are_absent_and_null_fields_are_not() {
    let mut event = hire();
    event["subject"] = Value::Null;
    event["correlationid"] = Value::Null;
    let accepted = deliver_json(&event).unwrap();
    assert_eq!((accepted.subject, accepted.correlation_id), (None, None));
    event["data"] = Value::Null;
    assert_eq!(violations(deliver_json(&event))[0].0, "/data");
}

#[test]
fn other_extensions_and_other_fields_of_a_person_are_kept() {
    let mut event = hire();
    event["region"] = "emea".into();
    event["priority"] = 3.into();
    event["data"]["person"]["cost_center"] = json!({ "code": "4711" });
    let event = deliver_json(&event).unwrap();
    assert_eq!(person(&event).person.other["cost_center"]["code"], "4711");
    assert_eq!(event.raw["priority"], 3);
}

#[test]
fn only_rfc_3339_is_a_time() {
    let good = [
        "2026-03-02T08:30:00Z",
        "2026-03-02t08:30:00z",
        "2026-03-02T08:30:00.123456789+05:30",
        "2026-03-02T08:30:00-00:00",
    ];
    for time in good {
        let mut event = hire();
        event["time"] = time.into();
        deliver_json(&event).unwrap();
    }
    let bad = [
        "",
        "Z",
        "2026-03-02",
        "2026-03-02T08:30:00",
        "2026-03-02 08:30:00Z",
        "2026-03-02T08:30Z",
        "2026-03-02T08:30:00.Z",
        "2026-03-02T08:30:00+0100",
        "2026-03-02T08:30:00+01",
        "2026-03-02T08:30:00Z[UTC]",
        "2026-13-02T08:30:00Z",
        "2026-02-30T08:30:00Z",
        "2026-03-02T24:30:00Z",
        "+002026-03-02T08:30:00Z",
        "2026-03-02T08:30:00,5Z",
        "2026-03-02T08:30:0٣Z",
    ];
    for time in bad {
        let mut event = hire();
        event["time"] = time.into();
        assert_eq!(violations(deliver_json(&event))[0].0, "/time", "{time}");
    }
}

#[test]
fn a_flood_of_violations_is_counted_not_listed() {
    let mut event = hire();
    for number in 0..250 {
        event["data"][format!("field_{number:03}")] = 1.into();
    }
    let found = violations(deliver_json(&event));
    assert_eq!(found.len(), 101);
    assert_eq!(found[0].0, "/data/field_000");
    assert_eq!(found[100], (String::new(), "150 more violations are not listed".to_owned()));
}

#[test]
fn field_names_from_outside_are_printed_short_and_on_one_line() {
    let mut event = hire();
    event["data"]["a/b~c\n"] = 1.into();
    event["data"]["x".repeat(100_000)] = 1.into();
    let found = violations(deliver_json(&event));
    assert_eq!(found[0].0, "/data/a~1b~0c\u{fffd}");
    assert_eq!(found[1].0.chars().count(), 201);
    let body = format!(r#"{{"person":{{"{0}":[{{"b":1,"b":2}}],"b":1,"b":2}}}}"#, "x".repeat(100_000));
    let refused = deliver(Some("application/json"), &HEADERS, body.as_bytes()).unwrap_err();
    assert!(refused.to_string().len() < 1_000, "{refused}");
    assert!(refused.to_string().contains("/data/person/b: is given twice"), "{refused}");
}

#[test]
fn the_run_id_can_be_made_by_anyone() {
    // python3: asked = json.dumps({"data": data, "tenant": None, "type": type}, sort_keys=True,
    //     separators=(",", ":"), ensure_ascii=False); digest = hashlib.sha256(asked.encode()).hexdigest()
    // uuid5(uuid5(NAMESPACE_URL, "https://gatehouse.example/"), "11:/hr/contosohire-2026-0042:" + digest)
    assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://gatehouse.example/"));
    let expected: Uuid = "9cccf0bd-9517-5541-b60b-f05047916b1f".parse().unwrap();
    assert_eq!(deliver_json(&hire()).unwrap().run_id(), expected);
}

#[test]
fn two_people_under_one_id_are_two_runs_and_a_repeat_is_one() {
    let run = |event: &Value| deliver_json(event).unwrap().run_id();
    let (first, mut repeat, mut other) = (hire(), hire(), hire());
    repeat["time"] = "2026-03-03T08:30:00Z".into();
    repeat["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into();
    assert_eq!(run(&first), run(&repeat));
    let binary = deliver(Some("application/json"), &HEADERS, PERSON).unwrap();
    assert_eq!(run(&first), binary.run_id(), "however it travels");
    other["data"]["person"]["upn"] = "grace.hopper@contoso.example".into();
    assert_ne!(run(&first), run(&other));
    // Refused events as well: the result of one is not taken for that of the other.
    for event in [&mut repeat, &mut other] {
        event["data"]["surprise"] = 1.into();
    }
    let refused = |event: &Value| deliver_json(event).unwrap_err().run_id().unwrap();
    assert_ne!(refused(&repeat), refused(&other));
}

#[test]
fn an_event_under_the_key_of_another_type_is_refused() {
    let body = serde_json::to_vec(&hire()).unwrap();
    let under = |key| {
        decode(&Incoming { content_type: STRUCTURED, routing_key: Some(key), headers: &[], body: &body })
    };
    assert!(under("onboarding.requested").is_ok());
    for key in ["offboarding.requested", "", "onboarding.requested.v1"] {
        let refused = under(key).unwrap_err();
        assert_eq!(refused.code(), "wrong_routing_key", "{key}");
        assert!(refused.to_string().contains("publish it with the key onboarding.requested"), "{refused}");
        assert!(refused.run_id().is_some(), "its publisher is told");
    }
}

#[test]
fn a_run_that_began_under_its_former_id_keeps_it() {
    let event = deliver_json(&hire()).unwrap();
    let progress = |run_id: &str| {
        json!({ "run_id": run_id, "workflow": { "name": "onboarding", "digest": format!("sha256:{:064}", 0) },
            "first_seen": "2026-03-02T08:30:01Z", "attempt": 1, "replays": 0, "steps": [] })
    };
    let resumed = |run_id: &str| {
        let body = json!({ "event": event.raw, "progress": progress(run_id) });
        Continuation::from_bytes(body.to_string().as_bytes())
    };
    // python3: uuid5(uuid5(NAMESPACE_URL, "https://gatehouse.example/"), "11:/hr/contosohire-2026-0042")
    for run_id in ["bd1a1da2-8ee1-5980-9989-bbe005b4b0e1", &event.run_id().to_string()] {
        let resumed = resumed(run_id).unwrap();
        assert_eq!(resumed.event.run_id().to_string(), run_id);
        assert_eq!(resumed.progress.run_id.to_string(), run_id);
    }
    let other = resumed("7f0f8f5e-4a8e-5b0e-9d3a-3f2d1c0b9a87").unwrap_err();
    assert_eq!(other.violations()[0].pointer, "/progress/run_id");
}

#[test]
fn what_can_be_read_of_a_refused_event_is_kept() {
    let mut event = hire();
    event["data"] = json!({});
    event["tenant"] = "contoso".into();
    let refused = deliver_json(&event).unwrap_err();
    let run = refused.run_id().unwrap();
    assert_ne!(run, deliver_json(&hire()).unwrap().run_id());
    assert_eq!(refused.envelope.tenant.as_deref(), Some("contoso"));

    let finished = RunFinished::rejected(&refused, "2026-03-02T08:30:01Z".parse().unwrap(), 0).unwrap();
    assert_eq!((finished.run_id, finished.state), (run, State::Rejected));
    assert_eq!(finished.violations, refused.violations());
    assert_eq!(finished.failure.unwrap().code, "invalid_event");

    event["id"] = "x".repeat(2_000).into();
    assert_eq!(deliver_json(&event).unwrap_err().run_id(), None);
}

#[test]
fn debug_output_shows_no_person() {
    let mut event = hire();
    event["data"]["person"]["display_name"] = "Ada Lovelace".into();
    event["data"]["manager"] = json!({ "upn": "grace.hopper@contoso.example" });
    let event = deliver_json(&event).unwrap();
    let text = format!("{event:?} {:?} {:?}", event.request, person(&event).manager);
    for secret in ["ada", "Ada", "grace"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_continuation_is_read_only_with_the_progress_of_its_own_event() {
    let event = deliver_json(&hire()).unwrap();
    let mut continuation = json!({
        "event": event.raw,
        "progress": {
            "run_id": event.run_id(),
            "workflow": { "name": "onboarding", "digest": format!("sha256:{}", "0".repeat(64)) },
            "first_seen": "2026-03-02T08:30:01Z",
            "attempt": 1,
            "replays": 0,
            "steps": []
        }
    });
    let read = |value: &Value| Continuation::from_bytes(&serde_json::to_vec(value).unwrap());
    assert_eq!(read(&continuation).unwrap().event, event);

    continuation["progress"]["run_id"] = Uuid::nil().to_string().into();
    assert_eq!(read(&continuation).unwrap_err().violations()[0].pointer, "/progress/run_id");
    continuation["event"]["data"]["mode"] = "maybe".into();
    let refused = read(&continuation).unwrap_err();
    assert_eq!(refused.violations()[0].pointer, "/event/data/mode");
    assert!(refused.run_id().is_some());
    continuation["progress"]["attempt"] = 0.into();
    assert_eq!(read(&continuation).unwrap_err().violations()[0].pointer, "/progress/attempt");
    assert_eq!(Continuation::from_bytes(b"[]").unwrap_err().code(), "invalid_event");
}

#[test]
fn an_event_is_at_most_64_levels_deep() {
    let nested = |levels: usize| {
        let mut value = json!(1);
        for _ in 0..levels {
            value = json!([value]);
        }
        let mut event = hire();
        event["data"]["parameters"] = json!({ "deep": value });
        deliver_json(&event)
    };
    nested(61).unwrap();
    assert!(violations(nested(62))[0].1.contains("at most 64 levels"));
    assert_eq!(nested(120).unwrap_err().code(), "invalid_event");
    assert_eq!(nested(200).unwrap_err().code(), "invalid_event");
}

#[test]
fn whatever_is_accepted_can_be_carried_on() {
    let control = "\u{1}".repeat(EVENT_LIMIT_BYTES - 1_000);
    let mut headers = HEADERS.to_vec();
    headers.push(("ce-extra", &control));
    let growing_header = deliver(None, &headers, PERSON).unwrap();

    let numbers = vec!["1e15"; (EVENT_LIMIT_BYTES - 1_000) / 5].join(",");
    let body =
        format!(r#"{{"person":{{"upn":"ada.lovelace@contoso.example"}},"parameters":{{"n":[{numbers}]}}}}"#);
    let growing_numbers = deliver(None, &HEADERS, body.as_bytes()).unwrap();

    let mut deep = json!(1);
    for _ in 0..61 {
        deep = json!({ "a": deep });
    }
    let body = json!({ "person": { "upn": "ada.lovelace@contoso.example" }, "parameters": { "deep": deep } });
    let deep = deliver(None, &HEADERS, body.to_string().as_bytes()).unwrap();

    let example = include_bytes!("../../../schemas/examples/continuation.v1.resumed.json");
    let example = Continuation::from_bytes(example).unwrap();
    for event in [growing_header, growing_numbers, deep] {
        let mut continuation = Continuation { event, ..example.clone() };
        continuation.progress.run_id = continuation.event.run_id();
        let bytes = continuation.to_bytes().unwrap();
        assert!(Continuation::from_bytes(&bytes).unwrap() == continuation);
    }
}

#[test]
fn progress_stays_below_128_kib() {
    let bytes = include_bytes!("../../../schemas/examples/continuation.v1.resumed.json");
    let mut continuation = Continuation::from_bytes(bytes).unwrap();
    let step = continuation.progress.progress.steps[0].clone();
    while serde_json::to_vec(&continuation.progress).unwrap().len() < Continuation::PROGRESS_LIMIT_BYTES {
        assert!(Continuation::from_bytes(&continuation.to_bytes().unwrap()).unwrap() == continuation);
        let missing = vec![step.clone(); 50];
        continuation.progress.progress.steps.extend(missing);
    }
    let refused = continuation.to_bytes().unwrap_err().to_string();
    assert!(refused.contains("must stay below 131072"), "{refused}");
}
