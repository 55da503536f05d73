//! A result that tells of a failure also tells what was done until then, and what is left.

use msgraph_emulator::{Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// The step as its own result tells it and as the end of the run does, if Graph refuses the writes at this path.
async fn refused(tenant: Tenant, step: &str, method: &str, path: &str) -> (Value, Value) {
    let workflow = format!("offboarding: {{ stages: [{{ name: only, steps: [{step}] }}] }}\n");
    let testbed = Testbed::with(tenant.application(rights::of_default_workflows())).workflows(&workflow);
    let testbed = testbed.set("GRAPH__BATCHING", false).set("RETRY__MAX_ATTEMPTS", 1);
    let mut testbed = testbed.build().await;
    let words = "Something about grace@contoso.example that nobody has seen before.";
    let fault = Fault::status(400).code("BadRequest").message(words).method(method).path(path).nth(2);
    testbed.emulator.fault(fault);
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
    let told = loop {
        let result = testbed.results.next().await;
        if result.key.starts_with("step.") {
            break result.event["data"].clone();
        }
    };
    let end = testbed.results.end_of("leave").await;
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    (told, end["steps"][0].clone())
}

fn grace() -> User {
    User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(Mailbox::new())
}

fn tenant(grace: User) -> Tenant {
    let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 9)).sku(Sku::new("EMS", 9));
    tenant.user(User::new(ADA, "Ada Lovelace").located("GB")).user(grace)
}

#[tokio::test]
async fn a_failed_step_tells_what_it_did_and_left() {
    let dynamic = || Group::dynamic("Everybody", "user.accountEnabled -eq true").member(GRACE);
    let groups = || ["One", "Two", "Three"].map(|name| Group::security(name).member(GRACE));
    let owned = || ["One", "Two", "Three"].map(|name| Group::security(name).owner(GRACE).owner(ADA));
    let team = |name: &str| Group::microsoft365(name).with_team().member(GRACE).owner(ADA);
    let teams = || ["One", "Two", "Three"].map(team);
    let with = |groups: [Group; 3], grace: User| groups.into_iter().fold(tenant(grace), Tenant::group);
    let rows = [
        (with(groups(), grace()).group(dynamic()), "remove_from_groups", "/members/", "dynamic_group"),
        (
            with(owned(), grace().owning_application("Payroll sync")),
            "{ transfer_group_ownership: { to: ada@contoso.example } }",
            "/owners/",
            "owned_application",
        ),
        (
            with(teams(), grace()).group(dynamic().with_team()),
            "remove_from_teams",
            "/teams/",
            "dynamic_group",
        ),
    ];
    for (tenant, step, path, code) in rows {
        let (told, finished) = refused(tenant, step, "DELETE", path).await;
        assert_eq!(
            (&told["outcome"], &finished["outcome"]),
            (&json!("failed"), &json!("failed")),
            "{told:#}"
        );
        assert!(!told["failure"].is_null(), "{told:#}");
        let made = told["changes"].as_array().unwrap();
        assert_eq!(made.len(), 2, "{step}: two of three were done: {told:#}");
        assert_eq!(finished["changes"], made.len(), "{finished:#}");
        for left in [&told["left"], &finished["left"]] {
            assert!(left.as_array().unwrap().iter().any(|left| left["code"] == code), "{step}: {told:#}");
        }
    }
}
