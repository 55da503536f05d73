//! Workers come and go while there is work: together they keep the tenant's limits and use them, and lose and double
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::time::Instant;

use msgraph_emulator::{Fault, Group, Limits, Tenant, User};
use serde_json::json;
use system_tests::crowd::{self, FinalState};
use system_tests::{Testbed, Worker, events};

const TEAMS: usize = 30;
const JOINERS: usize = 1_200;
/// The writes that Teams takes of an application in a second.
const WRITES: f64 = 30.0;
const SHARE: &str = "gatehouse_graph_limits_share";

const JOINS: &str = r#"
onboarding:
  stages:
    - name: join
      steps:
        - add_to_teams: { teams: "{{ parameters.teams }}" }
"#;

fn upn(number: usize) -> String {
    format!("ada.{number}@contoso.example")
}

/// Many who join teams, of which each takes four calls a second.
fn joiners() -> Tenant {
    let team = |number: usize| Group::microsoft365(&format!("Kiruna {number}")).with_team().owner(&upn(0));
    let tenant = (0..JOINERS).fold(Tenant::empty(), |tenant, number| {
        tenant.user(User::new(&upn(number), "Ada Lovelace").located("GB"))
    });
    (0..TEAMS).fold(tenant, |tenant, number| tenant.group(team(number)))
}

/// Writes a second in the tenant from now on.
async fn pace(testbed: &Testbed) -> f64 {
    const SOME: u32 = 60;
    let (before, began) = (testbed.effects().len(), Instant::now());
    testbed.changed(before + usize::try_from(SOME).unwrap()).await;
    f64::from(SOME) / began.elapsed().as_secs_f64()
}

#[tokio::test]
async fn workers_who_come_and_go_keep_the_limits_of_the_tenant_and_use_them() {
    let testbed = Testbed::with(joiners()).workflows(JOINS).set("GRAPH__LIMITS_SHARE", "auto");
    let testbed = testbed.set("GRAPH__RETRY_BUDGET_SECONDS", 20).set("WORKER__GRACE_SECONDS", 1);
    let testbed = testbed.emulator(|options| options.limits(Limits::small()));
    let mut testbed = testbed.build().await;
    for number in 1..JOINERS {
        let person = json!({ "upn": upn(number), "display_name": "Ada Lovelace", "usage_location": "GB" });
        let parameters = json!({ "teams": [format!("Kiruna {}", number % TEAMS)] });
        testbed.publisher.event(&events::onboarding(&format!("join-{number}"), person, parameters)).await;
    }
    let first = testbed.worker().await;
    first.counts(SHARE, 1.0).await;
    pace(&testbed).await;

    let mut others: Vec<Worker> = Vec::new();
    for _ in 0..3 {
        others.push(testbed.worker().await);
    }
    for worker in others.iter().chain([&first]) {
        worker.counts(SHARE, 0.25).await;
    }
    let together = pace(&testbed).await;
    assert!(together < 1.2 * WRITES, "{together} writes a second by four workers");

    for worker in &mut others {
        assert_eq!(worker.terminate().await, Some(0));
    }
    first.counts(SHARE, 1.0).await;
    let alone = pace(&testbed).await;
    assert!(alone > 1.3 * WRITES / 4.0, "{alone} writes a second by the one that is left");

    testbed.drain([first]).await;
    assert_eq!(testbed.results.states().len(), JOINERS - 1);
    assert_eq!(testbed.effects().len(), JOINERS - 1);
    let usage = testbed.emulator.usage()["teams"].clone();
    assert!(usage.throttled * 50 < usage.requests, "{usage:?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_rolling_restart_of_three_workers_under_load_loses_and_doubles_nothing() {
    const PEOPLE: usize = 30;
    let events: Vec<_> = (0..PEOPLE).flat_map(|number| [crowd::hire(number), crowd::leave(number)]).collect();
    let testbed = Testbed::with(crowd::tenant(PEOPLE)).set("WORKER__CONCURRENCY", 4);
    let testbed = testbed.set("GRAPH__LIMITS_SHARE", "auto").set("GRAPH__RETRY_BUDGET_SECONDS", 20);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(20));
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(testbed.worker().await);
    }
    for event in &events {
        testbed.publisher.event(event).await;
    }
    for worker in &mut workers {
        testbed.results.next().await;
        assert_eq!(worker.terminate().await, Some(0));
        assert!(testbed.depth("workflows").await > 0, "there is more to do");
        *worker = testbed.worker().await;
    }
    testbed.drain(workers).await;
    assert_eq!(testbed.results.states().len(), events.len());
    let undisturbed = FinalState::undisturbed(crowd::tenant(PEOPLE), &events).await;
    let end = FinalState::of(&testbed);
    assert_eq!(end.effects, undisturbed.effects);
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    testbed.close().await;
}
