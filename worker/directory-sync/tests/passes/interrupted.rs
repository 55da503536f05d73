//! Passes that do not reach their end.

use directory_sync::{LicensesPass, Prices, SignInsPass, UsersDelta, UsersPass};
use msgraph_emulator::{Application, Fault, Options, Tenant};

use crate::tenant::{Place, ROLES};

fn place() -> Place {
    let tenant = Tenant::contoso().crowd(1, 60).application(Application::default().roles(&ROLES));
    Place::start(Options::new(tenant).page_limit(10))
}

/// Each way in which Graph can refuse in the middle of the paging.
fn faults() -> Vec<Fault> {
    let status = |status| Fault::status(status).path("/v1.0/users").from(3);
    vec![
        status(403),
        status(500),
        status(503),
        status(400).code("Directory_ExpiredPageToken"),
        Fault::dropped().path("/v1.0/users").from(3),
        Fault::garbage().path("/v1.0/users").from(3),
    ]
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_paging_is_never_an_end() {
    for fault in faults() {
        let place = place();
        let mut pass = UsersPass::begin(place.client.reader(), |users| users.len()).await.unwrap();
        place.emulator.clear_faults();
        place.emulator.fault(fault);
        let mut people = 0;
        let error = loop {
            match pass.next().await {
                Ok(Some(users)) => people += users,
                Ok(None) => panic!("it looks complete after {people} people"),
                Err(error) => break error,
            }
        };
        assert!(people < 64, "{error}");
        assert!(pass.next().await.is_err(), "the pass goes on after {error}");
        assert!(pass.finish().is_none(), "{error}");
    }
}

#[tokio::test]
async fn the_other_passes_fail_as_well() {
    for fault in faults() {
        let place = place();
        let mut pass = SignInsPass::begin(place.client.reader()).unwrap();
        place.emulator.fault(fault);
        while let Ok(rows) = pass.next().await {
            assert!(rows.is_some(), "sign-ins look complete");
        }
        assert!(pass.finish().is_none());
    }
    for fault in faults() {
        let place = place();
        let mut pass = LicensesPass::begin(place.client.reader(), &Prices::default()).await.unwrap();
        place.emulator.fault(fault);
        while let Ok(rows) = pass.next().await {
            assert!(rows.is_some(), "licences look complete");
        }
        assert!(pass.finish().is_none());
    }
}

#[tokio::test]
async fn a_round_of_changes_that_breaks_keeps_its_cursor() {
    let place = place();
    let cursor = place.everyone().await.1.cursor.unwrap();
    for number in 1..=30 {
        let name = format!("person-{number:07}@contoso.example");
        place.emulator.with_tenant(|tenant| tenant.set(&name, "department", "Kitchen")).unwrap();
    }
    place.emulator.fault(Fault::status(503).path("/users/delta").from(2));
    let mut round = UsersDelta::begin(place.client.reader(), &cursor).unwrap();
    let mut people = 0;
    while let Ok(changes) = round.next().await {
        people += changes.expect("changes look complete").len();
    }
    assert!(people < 30 && round.finish().is_none());
    place.emulator.clear_faults();
    let mut round = UsersDelta::begin(place.client.reader(), &cursor).unwrap();
    let mut people = 0;
    while let Some(changes) = round.next().await.unwrap() {
        people += changes.len();
    }
    assert_eq!(people, 30, "from the same cursor everything comes again");
}

#[tokio::test]
async fn a_wait_that_graph_asks_for_is_waited_for() {
    let place = place();
    place.emulator.fault(Fault::status(429).path("/v1.0/users").nth(2).times(1).retry_after("1"));
    let (rows, _) = place.everyone().await;
    assert_eq!(rows.len(), 64);
}
