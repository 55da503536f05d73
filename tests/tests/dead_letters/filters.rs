//! Ten thousand dead letters, by every filter.

use std::collections::BTreeMap;
use std::time::Instant;

use broker::{DeadLetter, Message, Outgoing, Properties};
use futures_util::StreamExt;
use futures_util::stream;
use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{Testbed, documents, events, settings};

const LETTERS: usize = 10_000;
const AT_ONCE: usize = 64;

const CLASSES: [(&str, &str); 4] = [
    ("no_seat", "blocked"),
    ("permission_missing", "blocked"),
    ("internal", "fault"),
    ("retries_exhausted", "retry"),
];
const ACTIONS: [&str; 3] = ["assign_licenses", "remove_licenses", "disable_account"];

/// What differs from letter to letter. Periods that share no divisor meet in every combination.
struct Made {
    class: usize,
    action: usize,
    tenant: Option<&'static str>,
    source: &'static str,
    workflow: &'static str,
    hours: i64,
    person: usize,
}

fn made(number: usize) -> Made {
    Made {
        class: number % CLASSES.len(),
        action: number % ACTIONS.len(),
        tenant: [Some("contoso"), Some("fabrikam"), None][number / 7 % 3],
        source: ["/hr/contoso", "/school/contoso"][number / 5 % 2],
        workflow: ["offboarding", "contractor_end"][number / 11 % 2],
        hours: i64::try_from(number % 50).unwrap(),
        person: number % 1_000,
    }
}

fn letter(number: usize) -> Outgoing {
    let Made { class, action, tenant, source, workflow, hours, person } = made(number);
    let person =
        json!({ "employee_id": format!("L{person}"), "upn": format!("edsger.{person}@contoso.example") });
    let mut event = events::offboarding(&format!("leave-{number}"), person);
    event["source"] = source.into();
    event["data"]["workflow"] = workflow.into();
    if let Some(tenant) = tenant {
        event["tenant"] = tenant.into();
    }
    let (class, failure_class) = CLASSES[class];
    let letter = DeadLetter {
        step: Some(format!("step of {}", ACTIONS[action])),
        action: Some(ACTIONS[action].to_owned()),
        code: (class == "retries_exhausted").then(|| "throttled".to_owned()),
        failure_class: Some(failure_class.to_owned()),
        at: Some(Timestamp::now() - hours.hours() - 30.minutes()),
        ..DeadLetter::new(class, format!("Graph said no to user {}", uuid::Uuid::new_v4()))
    };
    let properties = Properties {
        message_id: Some(format!("m-{number}")),
        content_type: Some(messages::CLOUDEVENT_CONTENT_TYPE.to_owned()),
        ..Properties::default()
    };
    let message = Message { body: event.to_string().into_bytes(), properties, ..Message::default() };
    Outgoing::dead("workflows", &letter, &message)
}

async fn fill(testbed: &Testbed) {
    let settings = settings::broker_settings(testbed.broker.url(), testbed.prefix());
    let client = broker::Client::connect(&settings).await.unwrap();
    let publisher = client.publisher();
    let stored =
        stream::iter(0..LETTERS).map(async |number| publisher.publish(&letter(number)).await.unwrap());
    stored.buffer_unordered(AT_ONCE).collect::<()>().await;
    client.close().await;
}

/// How many letters the filters select, as the command counts them.
async fn counted(testbed: &mut Testbed, filters: &[&str]) -> usize {
    let arguments = [&["dead", "count", "--output", "json"], filters].concat();
    let counted = documents(&testbed.gatehouse(&arguments).await.ok());
    counted.iter().map(|cause| usize::try_from(cause["count"].as_u64().unwrap()).unwrap()).sum()
}

#[tokio::test]
async fn ten_thousand_dead_letters_are_found_by_every_filter() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    fill(&testbed).await;
    let begun = Instant::now();
    let causes = documents(&testbed.gatehouse(&["dead", "count", "--output", "json"]).await.ok());
    println!("{LETTERS} dead letters counted in {} ms", begun.elapsed().as_millis());
    // An id in the reason is no cause of its own.
    assert_eq!(causes.len(), CLASSES.len() * ACTIONS.len(), "{causes:#?}");
    let by_class = causes.iter().fold(BTreeMap::new(), |mut counts, cause: &Value| {
        *counts.entry(cause["class"].as_str().unwrap().to_owned()).or_insert(0) +=
            cause["count"].as_u64().unwrap();
        counts
    });
    assert!(by_class.len() == 4 && by_class.values().all(|count| *count == 2_500), "{by_class:?}");

    let before = (Timestamp::now() - 40.hours()).to_string();
    type Selects = fn(&Made) -> bool;
    let filters: [(&[&str], Selects); 17] = [
        (&["--class", "no_seat"], |made| made.class == 0),
        (&["--class", "blocked"], |made| made.class < 2),
        (&["--code", "throttled"], |made| made.class == 3),
        (&["--code", "internal"], |made| made.class == 2),
        (&["--action", "remove_licenses"], |made| made.action == 1),
        (&["--step", "step of disable_account"], |made| made.action == 2),
        (&["--reason", "graph SAID no"], |_| true),
        (&["--reason", "Graph said yes"], |_| false),
        (&["--workflow", "contractor_end"], |made| made.workflow == "contractor_end"),
        // The settings have this tenant only, so events that name none are its.
        (&["--tenant", "contoso"], |made| made.tenant != Some("fabrikam")),
        (&["--tenant", "fabrikam"], |made| made.tenant == Some("fabrikam")),
        (&["--source", "/school/contoso"], |made| made.source == "/school/contoso"),
        (&["--person", "L17"], |made| made.person == 17),
        (&["--person", "EDSGER.17@contoso.example"], |made| made.person == 17),
        (&["--older-than", "10h"], |made| made.hours >= 10),
        (&["--newer-than", "10h"], |made| made.hours < 10),
        (&["--class", "no_seat", "--tenant", "fabrikam", "--older-than", "1d"], |made| {
            made.class == 0 && made.tenant == Some("fabrikam") && made.hours >= 24
        }),
    ];
    for (arguments, selects) in filters {
        let expected = (0..LETTERS).filter(|number| selects(&made(*number))).count();
        assert_eq!(counted(&mut testbed, arguments).await, expected, "{arguments:?}");
    }
    let older = (0..LETTERS).filter(|number| made(*number).hours >= 40).count();
    assert_eq!(counted(&mut testbed, &["--before", &before]).await, older);
    assert_eq!(counted(&mut testbed, &["--event", "leave-4711"]).await, 1);

    let one = ["dead", "list", "--event", "leave-4711", "--output", "json"];
    let one = documents(&testbed.gatehouse(&one).await.ok());
    assert_eq!((one.len(), &one[0]["id"]), (1, &json!("m-4711")));
    let few = ["dead", "discard", "--all", "--yes", "--rate", "1000", "--person", "L17"];
    let few = testbed.gatehouse(&few).await.ok();
    assert!(few.contains("discarded 10 of 10000"), "{few}");
    assert_eq!(testbed.depth("workflows.dlq").await, 9_990);
    let leaks = testbed.leaks().await;
    assert!(leaks.is_empty(), "{leaks:?}");
    testbed.tear_down().await;
}
