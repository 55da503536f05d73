//! Series of events: their occurrences and exceptions, and the zones of their times.

use msgraph_emulator::{Event, Mailbox, Options, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, read, refused};

const WINDOW: &str = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";

fn weekly() -> Value {
    json!({ "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] },
            "range": { "type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 4 } })
}

/// A dentist, and a weekly meeting whose second occurrence was moved.
async fn desk() -> Desk {
    let stand_up = Event::new("Stand-up", "2026-03-02T08:00:00", "2026-03-02T08:15:00").with(ADA);
    let stand_up = stand_up.recurring(weekly()).moved(
        "2026-03-09T08:00:00",
        "2026-03-10T10:00:00",
        "2026-03-10T10:30:00",
    );
    let dentist = Event::new("Dentist", "2026-03-03T08:00:00", "2026-03-03T09:00:00");
    of(Mailbox::new().event(dentist).event(stand_up)).await
}

async fn of(mailbox: Mailbox) -> Desk {
    let tenant = Tenant::empty()
        .sku(Sku::new("SPE_E3", 5).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox))
        .user(User::new(ADA, "Ada Lovelace"));
    Desk::with(Options::new(tenant)).await
}

fn rows(page: &Value) -> Vec<Value> {
    page["value"].as_array().unwrap().clone()
}

fn start(row: &Value) -> &str {
    row["start"]["dateTime"].as_str().unwrap().strip_suffix(":00.0000000").unwrap()
}

/// Types and starts.
fn told(rows: &[Value]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row["type"].as_str().unwrap(), start(row))).collect()
}

async fn master(desk: &Desk) -> Value {
    let listed = rows(&desk.found(&format!("users/{GRACE}/events")).await);
    assert_eq!(listed.len(), 2, "a list has no occurrences");
    listed.into_iter().find(|event| event["type"] == "seriesMaster").unwrap()
}

#[tokio::test]
async fn a_view_and_the_instances_show_occurrences_and_exceptions() {
    let desk = desk().await;
    let master = master(&desk).await;
    let id = master["id"].as_str().unwrap();
    let view = rows(&desk.found(&format!("users/{GRACE}/calendarView?{WINDOW}")).await);
    let of_series = [
        ("exception", "2026-03-10T10:00"),
        ("occurrence", "2026-03-16T08:00"),
        ("occurrence", "2026-03-23T08:00"),
    ];
    let mut all = vec![("occurrence", "2026-03-02T08:00"), ("singleInstance", "2026-03-03T08:00")];
    all.extend(of_series);
    assert_eq!(told(&view), all);
    let path = format!("users/{GRACE}/events/{id}/instances");
    let instances = rows(&desk.found(&format!("{path}?{WINDOW}")).await);
    assert_eq!(told(&instances)[1..], of_series);
    let exception = &instances[1];
    assert_eq!(exception["seriesMasterId"], id);
    assert_eq!(
        (&exception["originalStart"], &exception["recurrence"]),
        (&json!("2026-03-09T08:00:00Z"), &json!(null))
    );
    assert_eq!((&master["seriesMasterId"], master.get("originalStart")), (&json!(null), None));
    // A part of the window, page by page.
    let short =
        "startDateTime=2026-03-10T12:00:00%2B02:00&endDateTime=2026-03-23T08:00:00&$select=type,start";
    let page = desk.found(&format!("{path}?{short}&$top=1")).await;
    let next = page["@odata.nextLink"].as_str().unwrap().split_once("/v1.0/").unwrap().1.to_owned();
    let mut found = rows(&page);
    found.extend(rows(&desk.found(&next).await));
    assert_eq!(told(&found), of_series[..2]);
    // An occurrence is read like an event.
    let one = format!("users/{GRACE}/events/{}", instances[2]["id"].as_str().unwrap());
    let one = desk.found(&format!("{one}?$select=id,type,subject,start,end,seriesMasterId")).await;
    assert_eq!(
        (&one["id"], &one["end"]["dateTime"]),
        (&instances[2]["id"], &json!("2026-03-16T08:15:00.0000000"))
    );

    refused(&desk.get(&path).await, 400, "ErrorInvalidParameter", "This request requires a time window");
    let long = "startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z";
    refused(
        &desk.get(&format!("{path}?{long}")).await,
        400,
        "ErrorInvalidRequest",
        "Maximum number of days: 1825",
    );
    let single = format!("users/{GRACE}/events/{}/instances?{WINDOW}", view[1]["id"].as_str().unwrap());
    refused(&desk.get(&single).await, 400, "ErrorInvalidRequest", "not a series master");
}

#[tokio::test]
async fn an_occurrence_goes_alone_and_the_master_takes_the_others_with_it() {
    let desk = desk().await;
    let grace = desk.user(GRACE);
    let id = master(&desk).await["id"].as_str().unwrap().to_owned();
    let view = async || {
        let rows = rows(&desk.found(&format!("users/{GRACE}/calendarView?{WINDOW}")).await);
        rows.into_iter().filter(|row| row["seriesMasterId"] == id.as_str()).collect::<Vec<_>>()
    };
    let path = |row: &Value| format!("users/{GRACE}/events/{}", row["id"].as_str().unwrap());
    let before = view().await;
    assert_eq!(desk.send("DELETE", &path(&before[0]), None).await.0, 204);
    let cancel = format!("{}/cancel", path(&before[1]));
    assert_eq!(desk.send("POST", &cancel, Some(json!({ "comment": "Not this week." }))).await.0, 202);
    for gone in &before[..2] {
        refused(&desk.get(&path(gone)).await, 404, "ErrorItemNotFound", "not found in the store");
        refused(&desk.send("DELETE", &path(gone), None).await, 404, "ErrorItemNotFound", "not found");
    }
    assert_eq!(view().await, before[2..]);
    let nowhere = format!("users/{GRACE}/events/{}-20260303T080000=", id.trim_end_matches('='));
    refused(&desk.get(&nowhere).await, 404, "ErrorItemNotFound", "not found in the store");
    assert_eq!(desk.send("DELETE", &format!("users/{GRACE}/events/{id}"), None).await.0, 204);
    assert!(view().await.is_empty());
    refused(&desk.get(&path(&before[2])).await, 404, "ErrorItemNotFound", "not found in the store");
    assert_eq!(
        desk.emulator.effects(),
        [
            format!(
                "delete event Stand-up, its occurrence of 2026-03-02T08:00:00, of user {grace}, told 1 attendees"
            ),
            format!(
                "cancel meeting Stand-up, its occurrence of 2026-03-09T08:00:00, of user {grace}, told 1 attendees"
            ),
            format!("delete event Stand-up of user {grace}, told 1 attendees"),
        ]
    );
}

#[tokio::test]
async fn times_are_shown_in_the_preferred_zone_and_else_in_utc() {
    let desk = desk().await;
    let preferring = async |path: &str, preference: &str| {
        let request = desk.request("GET", path).header("Prefer", preference);
        let answer = request.send().await.unwrap();
        let applied =
            answer.headers().get("preference-applied").map(|value| value.to_str().unwrap().to_owned());
        (applied, read(answer).await)
    };
    let zone = "outlook.timezone=\"Pacific Standard Time\"";
    let id = master(&desk).await["id"].as_str().unwrap().to_owned();
    for path in [
        format!("users/{GRACE}/calendarView?{WINDOW}"),
        format!("users/{GRACE}/events/{id}/instances?{WINDOW}"),
    ] {
        let (applied, (_, page)) =
            preferring(&path, &format!("outlook.body-content-type=\"text\", {zone}")).await;
        assert_eq!(applied.as_deref(), Some(zone));
        let start = json!({ "dateTime": "2026-03-02T00:00:00.0000000", "timeZone": "Pacific Standard Time" });
        assert_eq!(page["value"][0]["start"], start, "{path}");
    }
    let one = format!("users/{GRACE}/events/{id}");
    let (_, (_, event)) = preferring(&one, "outlook.timezone=\"Europe/Berlin\"").await;
    assert_eq!(
        event["end"],
        json!({ "dateTime": "2026-03-02T09:15:00.0000000", "timeZone": "Europe/Berlin" })
    );
    let (applied, (_, event)) = preferring(&one, "return=minimal").await;
    assert_eq!((applied, &event["start"]["timeZone"]), (None, &json!("UTC")));
    let (_, unknown) = preferring(&one, "outlook.timezone=\"+10\"").await;
    refused(&unknown, 400, "TimeZoneNotSupportedException", "not supported: '+10'");
}

#[tokio::test]
async fn a_series_is_made_in_its_own_zone() {
    let desk = of(Mailbox::new()).await;
    let events = format!("users/{GRACE}/events");
    let moment =
        |time: &str| json!({ "dateTime": format!("2026-03-02T{time}"), "timeZone": "Pacific Standard Time" });
    let body = |recurrence: Value| json!({ "subject": "Stand-up", "start": moment("09:00:00"), "end": moment("09:15:00"), "recurrence": recurrence });
    let (status, made) = desk.send("POST", &events, Some(body(weekly()))).await;
    assert_eq!((status, &made["type"]), (201, &json!("seriesMaster")), "{made}");
    assert_eq!(made["start"], json!({ "dateTime": "2026-03-02T17:00:00.0000000", "timeZone": "UTC" }));
    assert_eq!(made["originalStartTimeZone"], "Pacific Standard Time");
    assert_eq!(made["recurrence"]["range"]["recurrenceTimeZone"], "Pacific Standard Time");
    // Nine in the morning before and after the clocks change.
    let view = rows(&desk.found(&format!("users/{GRACE}/calendarView?{WINDOW}")).await);
    let starts: Vec<_> = told(&view).into_iter().map(|(_, start)| start).collect();
    assert_eq!(starts, ["2026-03-02T17:00", "2026-03-09T16:00", "2026-03-16T16:00", "2026-03-23T16:00"]);

    let mut late = weekly();
    late["range"]["startDate"] = json!("2026-03-09");
    refused(
        &desk.send("POST", &events, Some(body(late))).await,
        400,
        "ErrorPropertyValidationFailure",
        "failed",
    );
    let mut unknown = body(weekly());
    unknown["start"]["timeZone"] = json!("Greenwich Mean Time");
    let unknown = desk.send("POST", &events, Some(unknown)).await;
    refused(&unknown, 400, "TimeZoneNotSupportedException", "not supported: 'Greenwich Mean Time'");
}

#[tokio::test]
async fn a_tenant_file_names_what_differs_from_a_series() {
    let event = json!({
        "subject": "Stand-up", "start": "2026-03-02T08:00:00", "end": "2026-03-02T08:15:00", "recurrence": weekly(),
        "timeZone": "Pacific Standard Time", "deletedOccurrences": ["2026-03-16T08:00:00"],
        "exceptions": [{ "originalStart": "2026-03-09T08:00:00", "start": "2026-05-10T10:00:00",
                         "end": "2026-05-10T10:30:00", "subject": "Stand-up on Sunday" }],
    });
    let read: Event = serde_json::from_value(event).unwrap();
    let desk = of(Mailbox::new().event(read)).await;
    let view = rows(&desk.found(&format!("users/{GRACE}/calendarView?{WINDOW}")).await);
    assert_eq!(told(&view), [("occurrence", "2026-03-02T08:00"), ("occurrence", "2026-03-23T08:00")]);
    assert_eq!(view[0]["originalStartTimeZone"], "Pacific Standard Time");
    // Moved behind the last occurrence of the series.
    let may = "startDateTime=2026-05-01T00:00:00Z&endDateTime=2026-06-01T00:00:00Z";
    let view = rows(&desk.found(&format!("users/{GRACE}/calendarView?{may}")).await);
    assert_eq!(told(&view), [("exception", "2026-05-10T10:00")]);
    assert_eq!(view[0]["subject"], "Stand-up on Sunday");
}
