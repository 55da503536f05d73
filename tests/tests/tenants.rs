//! Several tenants in one worker, and one tenant with batching and without. Nobody's events keep others' waiting.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeMap;

use msgraph_emulator::{Emulator, Fault, Group, Options, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const BUSY: usize = 60;

/// A second tenant for a testbed: an emulator of its own, configured under this name.
fn second_tenant(name: &str, tenant: Tenant) -> (Emulator, Vec<(String, String)>) {
    let emulator = Emulator::start(Options::new(tenant)).unwrap();
    let application = emulator.application();
    let settings = [
        ("GRAPH_URL", emulator.url()),
        ("LOGIN_URL", emulator.url()),
        ("TENANT_ID", application.tenant_id),
        ("CLIENT_ID", application.client_id),
        ("CLIENT_SECRET", application.client_secret),
    ];
    let named = settings.into_iter().map(|(key, value)| (format!("TENANTS__{name}__{key}"), value)).collect();
    (emulator, named)
}

fn leaves(id: &str, upn: &str, tenant: &str) -> Value {
    let mut event = events::offboarding(id, json!({ "upn": upn }));
    event["tenant"] = tenant.into();
    event
}

#[tokio::test]
async fn a_small_tenant_does_not_starve_beside_a_busy_one_that_is_throttled() {
    let busy = (0..BUSY).fold(Tenant::empty(), |tenant, number| {
        tenant.user(User::new(&format!("ada{number}@contoso.example"), "Ada Lovelace"))
    });
    // The default patience: a run that waits for Graph keeps its place meanwhile.
    let mut testbed = Testbed::with(busy)
        .set("WORKER__CONCURRENCY", 4)
        .set("GRAPH__RETRY_BUDGET_SECONDS", 20)
        .set("RETRY__MAX_DELAY_SECONDS", 60)
        .build()
        .await;
    let small = Tenant::empty().user(User::new("grace@contoso.example", "Grace Hopper"));
    let (small, settings) = second_tenant("FABRIKAM", small);
    for (key, value) in settings {
        testbed.set(&key, value);
    }
    let throttled = testbed.emulator.fault(Fault::status(429).retry_after("60"));
    for number in 0..BUSY {
        let upn = format!("ada{number}@contoso.example");
        testbed.publisher.event(&leaves(&format!("busy-{number}"), &upn, "contoso")).await;
    }
    testbed.publisher.event(&leaves("small", "grace@contoso.example", "fabrikam")).await;
    let mut worker = testbed.worker().await;
    let end = testbed.results.end_of("small").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert!(!small.effects().is_empty());
    assert_eq!(testbed.emulator.effects(), [""; 0], "the busy tenant was still throttled");
    // Four lock-outs at a time and one in the place that is kept for them, of which each begins with three reads at once,
    // and one of them with the four that show who holds a protected role.
    let journal = testbed.emulator.journal();
    let asked = journal.iter().filter(|entry| !entry.token && !entry.path.ends_with("/$batch")).count();
    assert!(asked <= 19, "{asked} requests: those under way together found out, and nobody after them asked");
    assert!(throttled > 0);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.tear_down().await;
}

fn moves(id: &str, upn: &str) -> Value {
    let data = json!({ "person": { "upn": upn, "job_title": "Analyst" } });
    events::event(id, "gatehouse.change.requested.v1", data)
}

#[tokio::test]
async fn copies_of_one_event_keep_no_place_from_somebody_elses_lock_out() {
    let tenant = Tenant::empty()
        .user(User::new("ada@contoso.example", "Ada Lovelace"))
        .user(User::new("grace@contoso.example", "Grace Hopper"));
    let mut testbed = Testbed::with(tenant).set("WORKER__CONCURRENCY", 4).build().await;
    testbed.emulator.fault(Fault::delayed(100));
    for _ in 0..32 {
        testbed.publisher.event(&moves("copied", "ada@contoso.example")).await;
    }
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": "grace@contoso.example" }))).await;
    let mut worker = testbed.worker().await;
    testbed.results.end_of("leave").await;
    let of_copies = testbed.results.received().iter().filter(|result| result.is_end()).count() - 1;
    assert!(of_copies <= 3, "{of_copies} copies came first");
    // A copy waits for its turn, or is known by the time it comes.
    let page = worker.metrics().await;
    let put_off = page.sum("gatehouse_put_off_total", "");
    let known = page.sum("gatehouse_events_total", "outcome=\"duplicate\"");
    assert!(put_off + known >= 28.0, "{put_off} put off, {known} known");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.tear_down().await;
}

#[tokio::test]
async fn a_lock_out_has_a_place_when_all_others_are_taken() {
    let tenant = (0..12).fold(Tenant::empty(), |tenant, number| {
        tenant.user(User::new(&format!("ada{number}@contoso.example"), "Ada Lovelace"))
    });
    let tenant = tenant.user(User::new("grace@contoso.example", "Grace Hopper"));
    let testbed = Testbed::with(tenant).set("WORKER__CONCURRENCY", 2);
    let testbed = testbed.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 60).set("LEDGER__TAKE_AFTER_SECONDS", 70);
    let mut testbed = testbed.build().await;
    // Whoever moves waits for Graph as long as this test lasts.
    testbed.emulator.fault(Fault::delayed(55_000).path("ada"));
    for number in 0..12 {
        testbed
            .publisher
            .event(&moves(&format!("move-{number}"), &format!("ada{number}@contoso.example")))
            .await;
    }
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": "grace@contoso.example" }))).await;
    let mut worker = testbed.worker().await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.results.received().iter().filter(|result| result.is_end()).count(), 1);
    worker.kill().await;
    testbed.tear_down().await;
}

/// The outcome of one hire and one leaver: the tenant, and the results without fields that differ from run to run.
async fn come_and_go(batching: bool) -> (Value, BTreeMap<String, Value>, usize) {
    let tenant = (0..30).fold(
        Tenant::empty()
            .sku(Sku::new("SPE_E3", 9).plan("TEAMS1"))
            .sku(Sku::new("EMS", 9).plan("INTUNE_A"))
            .user(User::new("grace@contoso.example", "Grace Hopper").located("US").licensed("SPE_E3")),
        |tenant, number| {
            let group = Group::security(&format!("Group {number}"));
            tenant.group(if number % 2 == 0 { group.member("grace@contoso.example") } else { group })
        },
    );
    let tenant = tenant
        .group(Group::dynamic("Everybody", "user.accountEnabled -eq true").member("grace@contoso.example"));
    let mut testbed = Testbed::with(tenant).set("GRAPH__BATCHING", batching).build().await;
    let mut worker = testbed.worker().await;
    let groups: Vec<String> = (0..30).map(|number| format!("Group {number}")).collect();
    let person =
        json!({ "upn": "ada@contoso.example", "display_name": "Ada Lovelace", "usage_location": "GB" });
    let hire = events::onboarding("hire", person, json!({ "licenses": ["SPE_E3", "EMS"], "groups": groups }));
    testbed.publisher.event(&events::with(hire, "manager", json!({ "upn": "grace@contoso.example" }))).await;
    testbed.results.end_of("hire").await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": "grace@contoso.example" }))).await;
    testbed.results.end_of("leave").await;
    let told = testbed.results.received().iter().map(|received| {
        let data = &received.event["data"];
        let mut kept = serde_json::Map::new();
        for name in ["stage", "step", "outcome", "changes", "left", "state", "steps", "failure", "attempts"] {
            kept.insert(name.to_owned(), data[name].clone());
        }
        (received.event["id"].as_str().unwrap().to_owned(), Value::Object(kept))
    });
    let told = told.collect();
    let trips = testbed.emulator.round_trips();
    let state = testbed.emulator.state();
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
    (state, told, trips)
}

#[tokio::test]
async fn with_batching_and_without_the_tenant_and_the_results_are_the_same() {
    let (one_by_one, told_one_by_one, many) = come_and_go(false).await;
    let (together, told_together, few) = come_and_go(true).await;
    assert_eq!(together, one_by_one);
    assert_eq!(told_together, told_one_by_one);
    assert!(few * 3 < many, "{few} round trips with batches, {many} without");
}
