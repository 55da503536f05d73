//! One licence that Graph refuses to take back keeps none of the others.

use msgraph_emulator::{Fault, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

const GRACE: &str = "grace@contoso.example";

/// The step that takes back the licences of Grace, and the licences that went, by part number.
async fn taken_back(tenant: Tenant, refuses: Option<(&str, u16)>) -> (Value, Vec<String>, usize) {
    let workflow = "offboarding: { stages: [{ name: only, steps: [remove_licenses] }] }\n";
    let refused = refuses.map(|(sku, status)| (tenant.sku_id(sku).unwrap().to_string(), status));
    let testbed = Testbed::with(tenant.application(rights::of_default_workflows())).workflows(workflow);
    let mut testbed = testbed.set("RETRY__MAX_ATTEMPTS", 1).build().await;
    if let Some((sku, status)) = refused {
        let words = "Something about grace@contoso.example that nobody has seen before.";
        let fault = Fault::status(status).code("UnknownError").message(words).method("POST");
        testbed.emulator.fault(fault.path("/assignLicense").holding(&sku));
    }
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
    let told = loop {
        let result = testbed.results.next().await;
        if result.key.starts_with("step.") {
            break result.event["data"].clone();
        }
    };
    testbed.results.end_of("leave").await;
    let gone = testbed.effects().into_iter();
    let gone =
        gone.filter_map(|effect| Some(effect.strip_prefix("remove license ")?.split(' ').next()?.to_owned()));
    let mut gone: Vec<_> = gone.collect();
    gone.sort();
    let journal = testbed.emulator.journal();
    let calls = journal.iter().filter(|entry| entry.path.ends_with("/assignLicense")).count();
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    (told, gone, calls)
}

fn tenant(held: &[&str]) -> Tenant {
    let grace =
        held.iter().fold(User::new(GRACE, "Grace Hopper").located("US"), |grace, sku| grace.licensed(sku));
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE"))
        .sku(Sku::new("EMS", 9).plan("INTUNE_A"))
        .sku(Sku::new("VISIOCLIENT", 9).plan("VISIO_CLIENT_SUBSCRIPTION"))
        .sku(Sku::new("ARCHIVE", 9).plan_with("EXCHANGE_S_ARCHIVE_ADDON", &[], &["EXCHANGE_S_ENTERPRISE"]))
        .user(grace)
}

#[tokio::test]
async fn a_licence_that_is_refused_keeps_none_of_the_others_and_is_named() {
    let all = ["SPE_E3", "EMS", "VISIOCLIENT"];
    let (told, gone, calls) = taken_back(tenant(&all), None).await;
    assert_eq!(
        (&told["outcome"], gone.len(), calls),
        (&json!("changed"), 3, 1),
        "one call for all: {told:#}"
    );
    for (status, refused) in [(400, "SPE_E3"), (403, "EMS"), (409, "VISIOCLIENT"), (400, "VISIOCLIENT")] {
        let (told, gone, _) = taken_back(tenant(&all), Some((refused, status))).await;
        let mut others: Vec<_> = all.into_iter().filter(|sku| *sku != refused).collect();
        others.sort_unstable();
        assert_eq!(gone, others, "{told:#}");
        assert_eq!(told["outcome"], "failed", "{told:#}");
        let message = told["failure"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("licence {refused}")) && !message.contains('@'), "{message}");
        assert!(!others.iter().any(|other| message.contains(other)), "{message}");
        let changes = told["changes"].to_string();
        assert!(
            others.iter().all(|other| changes.contains(other)) && !changes.contains(refused),
            "{changes}"
        );
    }
}

#[tokio::test]
async fn a_licence_whose_plan_another_one_needs_goes_after_it() {
    // A group gives what needs a plan of SPE_E3, so that this one stays, and EMS goes.
    let needed = tenant(&["SPE_E3", "EMS"]);
    let needed =
        needed.group(Group::dynamic("Archived", "user.city -eq 7").member(GRACE).licensing("ARCHIVE"));
    let (told, gone, _) = taken_back(needed, None).await;
    assert_eq!((&told["outcome"], gone), (&json!("failed"), vec!["EMS".to_owned()]), "{told:#}");
    let message = told["failure"]["message"].as_str().unwrap();
    assert!(message.contains("licence SPE_E3") && told["failure"]["code"] == "license_conflict", "{told:#}");
    assert_eq!(told["left"][0]["code"], "dynamic_group", "{told:#}");
    // Refused together because of EMS, and one by one in an order that only the second round allows.
    let (told, gone, _) = taken_back(tenant(&["SPE_E3", "ARCHIVE", "EMS"]), Some(("EMS", 400))).await;
    assert_eq!(gone, ["ARCHIVE", "SPE_E3"], "{told:#}");
}
