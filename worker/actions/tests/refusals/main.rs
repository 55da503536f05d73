//! Every refusal that is known of Microsoft's services, and the failure it becomes: sent over real HTTP by a scripted
//! server, read by the client, turned into a class and a code.
//!
//! One file a service; `sample.rs` is the form they are written in. Codes and messages are Graph's own, from its
//! documentation and from clients' code and support threads, 2021 to 2026.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod batch;
mod directory;
mod exchange;
mod groups;
mod licenses;
mod reports;
mod sample;
#[path = "../../../msgraph/tests/client/server.rs"]
#[expect(dead_code, reason = "a part of what this server can do is enough here")]
mod server;
mod sharepoint;
mod sign_in;
mod teams;
mod throttling;

use std::collections::BTreeSet;

use sample::Sample;

fn samples() -> Vec<Sample> {
    let services: [fn() -> Vec<Sample>; 10] = [
        sign_in::samples,
        directory::samples,
        groups::samples,
        licenses::samples,
        exchange::samples,
        sharepoint::samples,
        teams::samples,
        reports::samples,
        throttling::samples,
        batch::samples,
    ];
    services.iter().flat_map(|samples| samples()).collect()
}

#[tokio::test]
async fn every_known_refusal_becomes_the_failure_it_should() {
    let mut wrong = Vec::new();
    for sample in samples() {
        let (name, expected) = (sample.name, sample.becomes.clone());
        let found = sample.send().await;
        if found != expected {
            wrong.push(format!("{name}\n  is        {found:?}\n  should be {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} samples:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_of_them_are_here() {
    let samples = samples();
    let names: BTreeSet<_> = samples.iter().map(|sample| sample.name).collect();
    assert_eq!(names.len(), samples.len(), "a name stands twice");
    // Variants of a refusal, sent by another method, are named behind a comma.
    let known = names.iter().filter(|name| !name.contains(',')).count();
    assert_eq!(known, 127);
}
