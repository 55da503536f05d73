//! A lock-out that arrives when other events have spent the tenant's limit of writes, and many more are queued.
//!
//! Every other event adds a person to four groups, and as many as a worker takes are under way at once. Their writes are
//! more than Microsoft allows in two and a half minutes, so the rest waits when somebody is to be locked out.

use std::time::{Duration, Instant};

use msgraph_emulator::{Group, Limits, Tenant, User};
use serde_json::json;
use system_tests::{Testbed, events};

use crate::measured::Measured;
use crate::size::Size;

const GROUPS: usize = 4;
const LATENCY: Duration = Duration::from_millis(50);

/// Writes that a tenant of 50 to 500 people allows in two and a half minutes.
const WRITES: f64 = 3_000.0;

const WORKFLOWS: &str = "
busy:
  description: Adds the person to four groups
  for: [offboarding]
  stages:
    - name: add
      steps:
        - add_to_groups: { groups: [Group 0, Group 1, Group 2, Group 3] }
";

/// Prints how long the lock-out takes, then gives the other events up.
pub async fn run(size: &Size) {
    let (busy, share, queued) = size.busy;
    let mut testbed = testbed_of(busy, share, queued).await;
    for number in 0..busy + queued {
        let event = events::offboarding(&new_id(), json!({ "upn": upn(number) }));
        testbed.publisher.event(&events::with(event, "workflow", "busy")).await;
    }
    let worker = Measured::start(&mut testbed).await;
    let written = spent(&testbed, (WRITES * share * 0.85) as usize).await;
    let leaver = testbed.emulator.with_tenant(|tenant| tenant.user_id("leaver@contoso.example")).unwrap();
    testbed.emulator.clear_journal();
    let started = Instant::now();
    let event = events::access_revoke(&new_id(), json!({ "upn": "leaver@contoso.example" }));
    testbed.publisher.event(&event).await;
    let locks_out = |effect: &String| effect.ends_with(&leaver.to_string());
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while testbed.emulator.effects().iter().filter(|effect| locks_out(effect)).count() < 2 {
        looks.tick().await;
        assert!(started.elapsed() < Duration::from_secs(300), "the person is not locked out");
    }
    println!(
        "a lock-out beside {busy} events with {} writes, when {written} of them have spent the limit and {queued} more \
         events are queued: {:.2} s, at {} ms a request",
        busy * GROUPS,
        started.elapsed().as_secs_f64(),
        LATENCY.as_millis(),
    );
    worker.kill().await;
    testbed.tear_down().await;
}

/// Waits until at least this many writes were made and then none for two seconds. Returns how many.
async fn spent(testbed: &Testbed, least: usize) -> usize {
    let mut looks = tokio::time::interval(Duration::from_secs(2));
    let mut before = 0;
    loop {
        looks.tick().await;
        let written = testbed.emulator.journal().iter().filter(|entry| entry.write).count();
        if written >= least && written == before {
            return written;
        }
        before = written;
    }
}

async fn testbed_of(busy: usize, share: f64, queued: usize) -> Testbed {
    let tenant = (0..busy + queued)
        .fold(Tenant::empty(), |tenant, number| tenant.user(User::new(&upn(number), "Ada Lovelace")));
    let tenant = tenant.user(User::new("leaver@contoso.example", "Grace Hopper"));
    let groups = (0..GROUPS).map(|number| Group::security(&format!("Group {number}")));
    let tenant = groups.fold(tenant, Tenant::group);
    let builder = Testbed::with(tenant).workflows(WORKFLOWS).without_results();
    let builder = builder
        .set("WORKER__CONCURRENCY", busy + 1)
        .set("TENANTS__CONTOSO__SIZE", "medium")
        .set("GRAPH__LIMITS_SHARE", share)
        // So long a call waits in its lane, before its run would be postponed.
        .set("GRAPH__RETRY_BUDGET_SECONDS", 600);
    builder.emulator(|options| options.latency(LATENCY).limits(Limits::medium())).build().await
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}
