//! A copy that says it is done is no proof, and neither is one look: the target drive decides.

use std::time::Duration;

use msgraph_emulator::{Drive, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// Moves the files of Grace to Ada, where each takes this long and every copy says at once that it is completed. Answers
/// with the end of the run, the changes and the number of requests.
async fn moved(files: Drive, pace: Duration, more: &str) -> (Value, Vec<String>, usize) {
    let workflow = format!(
        "offboarding:\n  stages:\n    - {{ name: hand over, steps: [migrate_onedrive: {{ settled: 6s, {more} }}] }}\n    - {{ name: take back, steps: [remove_licenses] }}\n"
    );
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").drive(files);
    let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 9).plan("SHAREPOINTENTERPRISE")).user(grace);
    let tenant = tenant.user(User::new(ADA, "Ada Lovelace").drive(Drive::new().file("Own.txt", 5)));
    let testbed = Testbed::with(tenant).workflows(&workflow);
    let testbed = testbed.emulator(|options| options.copy_pace(pace).copies_end_early());
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    let event = events::offboarding("leave", json!({ "upn": GRACE }));
    testbed.publisher.event(&events::with(event, "manager", json!({ "upn": ADA }))).await;
    let end = testbed.results.end_of("leave").await;
    let found = (end, testbed.effects(), testbed.emulator.journal().len());
    if found.0["state"] == "failed" {
        // It follows the result.
        testbed.holds("workflows.dlq", 1).await;
    }
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await;
    testbed.drain([worker]).await;
    testbed.close().await;
    found
}

fn count(effects: &[String], word: &str) -> usize {
    effects.iter().filter(|effect| effect.contains(word)).count()
}

#[tokio::test]
async fn a_copy_that_says_it_is_done_while_it_goes_on_is_waited_for() {
    let plain =
        || Drive::new().file("Plan.txt", 500).file("More/Notes 0.txt", 500).file("More/Notes 1.txt", 500);
    let rows = [
        (plain(), 700, ""),
        (plain(), 700, "incomplete: report"),
        (Drive::new().file("Plan.txt", 5), 4_000, "incomplete: report"),
        (Drive::new().file("A/B/C/Deep.txt", 7).file("A/Flat.txt", 1), 1_500, ""),
    ];
    for (files, pace, more) in rows {
        let (end, effects, requests) = moved(files, Duration::from_millis(pace), more).await;
        assert_eq!(end["state"], "succeeded", "{end:#}");
        assert_eq!(count(&effects, "copy "), 1, "nothing is ordered twice: {effects:#?}");
        assert_eq!(count(&effects, "write "), 1, "the list is written once: {effects:#?}");
        assert!(effects.last().unwrap().starts_with("remove license"), "{effects:#?}");
        assert!(requests < 80, "{requests} requests");
    }
}

#[tokio::test]
async fn what_never_arrives_is_called_so_when_the_target_has_been_the_same_for_long_enough() {
    let files = Drive::new().file("Plan.txt", 500).infected_file("virus.exe", 1);
    let (end, effects, _) = moved(files, Duration::from_secs(1), "").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("failed"), &json!("files_not_copied")),
        "{end:#}"
    );
    assert_eq!(count(&effects, "write "), 1, "the list is written once: {effects:#?}");
    assert_eq!(count(&effects, "remove license"), 0, "{effects:#?}");
}
