//! Events of a primary calendar.

use msgraph_emulator::{Application, Event, Mailbox, Options, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused};

const DAY: (&str, &str) = ("2026-03-02T08:00:00", "2026-03-02T09:00:00");

fn event(subject: &str) -> Event {
    Event::new(subject, DAY.0, DAY.1)
}

/// An event as a tenant file has it.
fn written(event: Value) -> Event {
    serde_json::from_value(event).unwrap()
}

fn tenant(mailbox: Mailbox) -> Tenant {
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 5).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox))
        .user(User::new(ADA, "Ada Lovelace"))
}

/// Grace has an appointment, calls a meeting of two and a weekly one, and is invited to one.
fn mailbox() -> Mailbox {
    let weekly = json!({ "pattern": { "type": "weekly", "interval": 1 }, "range": { "type": "noEnd" } });
    Mailbox::new()
        .event(event("Dentist"))
        .event(event("Review").with(ADA).with(EDSGER))
        .event(written(json!({ "subject": "Stand-up", "start": DAY.0, "end": DAY.1, "attendees": [ADA], "recurrence": weekly })))
        .event(event("Engines").called_by(ADA).with(GRACE))
        .event(written(json!({ "subject": "Old", "start": DAY.0, "end": DAY.1, "attendees": [ADA], "isCancelled": true })))
}

async fn listed(desk: &Desk) -> Vec<Value> {
    desk.found(&format!("users/{GRACE}/calendar/events")).await["value"].as_array().unwrap().clone()
}

/// The path of the event with this subject.
async fn path(desk: &Desk, subject: &str) -> String {
    let events = listed(desk).await;
    let event = events.iter().find(|event| event["subject"] == subject).unwrap();
    format!("users/{GRACE}/events/{}", event["id"].as_str().unwrap())
}

#[tokio::test]
async fn events_say_whose_meeting_it_is_and_a_series_is_one() {
    let desk = Desk::with(Options::new(tenant(mailbox()))).await;
    let events = listed(&desk).await;
    let told = |subject: &str| {
        let event = events.iter().find(|event| event["subject"] == subject).unwrap();
        let called_by = event["organizer"]["emailAddress"]["address"].clone();
        (event["isOrganizer"].clone(), called_by, event["attendees"].as_array().unwrap().len())
    };
    assert_eq!(told("Dentist"), (json!(true), json!(GRACE), 0));
    assert_eq!(told("Review"), (json!(true), json!(GRACE), 2));
    assert_eq!(told("Engines"), (json!(false), json!(ADA), 1));
    let series: Vec<_> = events.iter().filter(|event| event["type"] == "seriesMaster").collect();
    assert_eq!((series.len(), &series[0]["recurrence"]["range"]["type"]), (1, &json!("noEnd")));
    assert_eq!(events[0]["start"], json!({ "dateTime": "2026-03-02T08:00:00.0000000", "timeZone": "UTC" }));
    let nobody = desk.get(&format!("users/{ADA}/calendar/events")).await;
    refused(&nobody, 404, "MailboxNotEnabledForRESTAPI", "inactive");
}

#[tokio::test]
async fn attendees_are_notified_and_only_the_organizer_cancels() {
    let desk = Desk::with(Options::new(tenant(mailbox()))).await;
    let note = json!({ "Comment": "Grace has left." });
    let cancel = async |path: &str| desk.send("POST", &format!("{path}/cancel"), Some(note.clone())).await;
    for subject in ["Engines", "Dentist"] {
        refused(
            &cancel(&path(&desk, subject).await).await,
            400,
            "ErrorInvalidRequest",
            "need to be an organizer",
        );
    }
    let review = path(&desk, "Review").await;
    assert_eq!(cancel(&review).await.0, 202);
    refused(&cancel(&review).await, 404, "ErrorItemNotFound", "not found");
    for subject in ["Stand-up", "Engines", "Old"] {
        let path = path(&desk, subject).await;
        assert_eq!(desk.send("DELETE", &path, None).await.0, 204, "{subject}");
        refused(&desk.send("DELETE", &path, None).await, 404, "ErrorItemNotFound", "not found");
    }
    let grace = desk.user(GRACE);
    let effects = [
        format!("cancel meeting Review of user {grace}, told 2 attendees"),
        format!("delete event Stand-up of user {grace}, told 1 attendees"),
        format!("delete event Engines of user {grace}"),
        format!("delete event Old of user {grace}"),
    ];
    assert_eq!(desk.emulator.effects(), effects);
    let strange = desk
        .send("POST", &format!("{}/cancel", path(&desk, "Dentist").await), Some(json!({ "note": 1 })))
        .await;
    assert_eq!(strange.0, 400);
}

#[tokio::test]
async fn ten_thousand_events_are_listed_by_number_with_the_selected_properties() {
    let many = (0..10_000).map(|n| event(&format!("Event {n}")));
    let desk = Desk::with(Options::new(tenant(Mailbox::new().events(many)))).await;
    assert_eq!(listed(&desk).await.len(), 10);
    let mut path = format!("users/{GRACE}/calendar/events?$select=id,type&$top=1000");
    let mut ids = std::collections::BTreeSet::new();
    loop {
        let page = desk.found(&path).await;
        for event in page["value"].as_array().unwrap() {
            assert_eq!(event.as_object().unwrap().len(), 2);
            ids.insert(event["id"].as_str().unwrap().to_owned());
        }
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        path = link.split("/v1.0/").nth(1).unwrap().to_owned();
    }
    assert_eq!(ids.len(), 10_000);
    for wrong in ["$top=1001", "$select=shoeSize", "$orderby=subject"] {
        let answer = desk.get(&format!("users/{GRACE}/calendar/events?{wrong}")).await;
        assert_eq!(answer.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn events_ask_for_their_permission() {
    let application = Application::default().roles(&["Calendars.ReadBasic"]);
    let desk = Desk::with(Options::new(tenant(mailbox()).application(application))).await;
    let path = path(&desk, "Dentist").await;
    refused(&desk.send("DELETE", &path, None).await, 403, "ErrorAccessDenied", "Access is denied");
    let cancel = desk.send("POST", &format!("{path}/cancel"), Some(json!({ "Comment": "" }))).await;
    refused(&cancel, 403, "ErrorAccessDenied", "Access is denied");
}

#[tokio::test]
async fn a_view_shows_what_overlaps_a_window_of_time() {
    let mailbox = Mailbox::new()
        .event(event("Dentist"))
        .event(Event::new("Night shift", "2026-03-01T22:00:00", "2026-03-02T06:00:00"))
        .event(Event::new("Holiday", "2026-03-05T00:00:00", "2026-03-06T00:00:00"));
    let desk = Desk::with(Options::new(tenant(mailbox))).await;
    let view = format!("users/{GRACE}/calendarView");
    let window = "startDateTime=2026-03-02T00:00:00Z&endDateTime=2026-03-03T00:00:00Z";
    let mut path = format!("{view}?{window}&$top=1&$select=subject");
    let mut subjects = Vec::new();
    loop {
        let page = desk.found(&path).await;
        subjects.extend(page["value"].as_array().unwrap().iter().map(|one| one["subject"].to_string()));
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        path = next.split_once("/v1.0/").unwrap().1.to_owned();
    }
    subjects.sort();
    assert_eq!(subjects, ["\"Dentist\"", "\"Night shift\""]);
    let whole = desk.get(&view).await;
    refused(&whole, 400, "ErrorInvalidParameter", "This request requires a time window");
}

#[tokio::test]
async fn an_event_is_made_read_and_called_off() {
    let desk = Desk::with(Options::new(tenant(Mailbox::new()))).await;
    let moment = |hour: u8| json!({ "dateTime": format!("2026-03-02T{hour:02}:00:00"), "timeZone": "UTC" });
    let attendees = json!([{ "emailAddress": { "address": ADA }, "type": "required" }]);
    let body = json!({ "subject": "Lunch", "start": moment(12), "end": moment(13), "attendees": attendees });
    let events = format!("users/{GRACE}/events");
    let (status, made) = desk.send("POST", &events, Some(body)).await;
    assert_eq!((status, &made["subject"]), (201, &json!("Lunch")));
    let path = format!("{events}/{}", made["id"].as_str().unwrap());
    let read = desk.found(&format!("{path}?$select=start,isOrganizer")).await;
    assert_eq!(read["start"]["dateTime"], "2026-03-02T12:00:00.0000000");
    assert_eq!(desk.found(&events).await["value"].as_array().unwrap().len(), 1);
    // A parameter in small letters counts as well.
    assert_eq!(desk.send("POST", &format!("{path}/cancel"), Some(json!({ "comment": "Gone" }))).await.0, 202);
    refused(&desk.get(&path).await, 404, "ErrorItemNotFound", "not found in the store");
    assert_eq!(desk.emulator.effects().len(), 2);
    let endless = desk.send("POST", &events, Some(json!({ "subject": "x", "start": moment(1) }))).await;
    refused(&endless, 400, "ErrorPropertyValidationFailure", "failed validation");
    let odd = json!({ "subject": "x", "start": { "dateTime": "soon", "timeZone": "UTC" } });
    refused(&desk.send("POST", &events, Some(odd)).await, 400, "ErrorInvalidRequest", "not a moment");
    let calendar = desk.found(&format!("users/{GRACE}/calendar")).await;
    assert_eq!(calendar["isDefaultCalendar"], true);
}
