//! Figures and lists that cannot be, or are not there: a run goes on without them, and none is a defect of Gatehouse.

use msgraph_emulator::{Calendar, Device, Drive, Event, Fault, Group, Mailbox, Odd, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";
const EDSGER: &str = "edsger@contoso.example";

/// A leaver and a mover with something of everything.
fn tenant() -> Tenant {
    let application = rights::of_default_workflows().role("UserAuthMethod-TAP.ReadWrite.All");
    let mailbox = Mailbox::new()
        .calendar(Calendar::named("Sailing"))
        .event(Event::new("One", "2031-12-03T08:00:00", "2031-12-03T09:00:00").with(ADA))
        .rule("old", json!({ "stopProcessingRules": true }));
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").method("fido2");
    let grace = grace.device(Device::company("Laptop")).assigned_to("Payroll").consenting_to("Notes");
    let grace = grace.mailbox(mailbox).drive(Drive::new().file("Plan.txt", 500).file("More/Notes.txt", 50));
    let ada = User::new(ADA, "Ada Lovelace").with("mail", ADA).located("GB").licensed("SPE_E3");
    let ada = ada.mailbox(Mailbox::new());
    let team = |name: &str| Group::microsoft365(name).with_team().member(ADA).owner(ADA);
    Tenant::empty()
        .application(application)
        .sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE").plan("SHAREPOINTENTERPRISE"))
        .sku(Sku::new("EMS", 9).plan("INTUNE_A"))
        .user(ada.drive(Drive::new().file("Own.txt", 5)))
        .user(grace)
        .user(User::new(EDSGER, "Edsger Dijkstra").located("NL").licensed("EMS"))
        .group(Group::security("Analysts").member(GRACE).owner(GRACE))
        .group(Group::security("Engineers").member(EDSGER))
        .group(team("Kiruna").member(GRACE))
        .group(team("Welcome"))
}

fn events() -> Vec<Value> {
    let manager = |event: Value| events::with(event, "manager", json!({ "upn": ADA }));
    let leave = manager(events::offboarding("leave", json!({ "upn": GRACE })));
    let leave = events::with(leave, "parameters", json!({ "retire_devices": true, "keep_account": true }));
    let person =
        json!({ "upn": "alan@contoso.example", "display_name": "Alan Turing", "usage_location": "GB" });
    let parameters = json!({ "licenses": ["SPE_E3"], "groups": ["Engineers"], "teams": ["Welcome"] });
    let hire = manager(events::onboarding("hire", person, parameters));
    let parameters = json!({
        "add_licenses": ["SPE_E3"], "add_teams": ["Welcome"], "remove_groups": ["Engineers"], "remove_licenses": ["EMS"],
    });
    let person = json!({ "upn": EDSGER, "department": "Structures" });
    let data = json!({ "person": person, "manager": { "upn": ADA }, "parameters": parameters });
    vec![leave, hire, events::event("move", "gatehouse.change.requested.v1", data)]
}

/// What becomes of the default workflows where answers are odd: their ends, and the changes in the tenant, sorted.
async fn ends_with(odd: Option<Odd>) -> (Vec<Value>, Vec<String>) {
    let testbed = Testbed::with(tenant()).compiled_in().set("TENANTS__CONTOSO__MAIL__PASS_FROM", ADA);
    let mut testbed =
        testbed.set("RETRY__MAX_ATTEMPTS", 2).set("RETRY__FIRST_DELAY_SECONDS", 1).build().await;
    if let Some(odd) = odd {
        testbed.emulator.fault(Fault::odd(odd).method("GET"));
    }
    let worker = testbed.worker().await;
    let mut ends = Vec::new();
    for event in events() {
        testbed.publisher.event(&event).await;
        ends.push(testbed.results.end_of(event["id"].as_str().unwrap()).await);
    }
    let mut effects = testbed.effects();
    // Their names, and the list beside the copies, have the moment in them.
    let has_moment = ["temporaryAccessPass", "message", " bytes to item "];
    effects.retain(|effect| !has_moment.iter().any(|word| effect.contains(word)));
    effects.sort();
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    (ends, effects)
}

fn assert_no_defect(odd: Odd, ends: &[Value]) {
    for end in ends {
        for step in end["steps"].as_array().unwrap() {
            assert_ne!(step["failure"]["class"], "fault", "{odd:?}: {step:#}");
            assert_ne!(step["failure"]["code"], "graph_unexpected", "{odd:?}: {step:#}");
        }
    }
}

#[tokio::test]
async fn figures_that_are_not_there_or_cannot_be_change_nothing() {
    let (ends, expected) = ends_with(None).await;
    assert!(ends.iter().all(|end| end["state"] == "succeeded"), "{ends:#?}");
    let (ends, effects) = ends_with(Some(Odd::NoNumbers)).await;
    assert_no_defect(Odd::NoNumbers, &ends);
    assert!(ends.iter().all(|end| end["state"] == "succeeded"), "{ends:#?}");
    assert_eq!(effects, expected);
    let (ends, _) = ends_with(Some(Odd::Negative)).await;
    assert_no_defect(Odd::Negative, &ends);
    // Files whose size nobody tells need no room that is known, so that even a drive with less than none is tried.
    let failed =
        ends.iter().flat_map(|end| end["steps"].as_array().unwrap()).filter(|it| it["outcome"] == "failed");
    let failed: Vec<_> = failed.map(|it| (&it["step"], &it["failure"]["code"])).collect();
    assert!(failed.is_empty(), "{failed:?}: {ends:#?}");
}

#[tokio::test]
async fn a_zero_or_no_list_is_no_defect() {
    for odd in [Odd::Zero, Odd::NullLists] {
        let (ends, _) = ends_with(Some(odd)).await;
        assert_no_defect(odd, &ends);
    }
}

const FILES: &str = "offboarding:
  stages:
    - { name: hand over, steps: [migrate_onedrive: { settled: 2s }, share_onedrive: { role: read }] }
    - { name: take back, steps: [remove_licenses] }
";

/// The end of a migration between drives that tell these quotas.
async fn moved(source: &Value, target: &Value) -> Value {
    let drive = |name: &str, size: u64, quota: &Value| Drive::new().file(name, size).telling(quota.clone());
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3");
    let tenant = Tenant::empty()
        .sku(Sku::new("SPE_E3", 9).plan("SHAREPOINTENTERPRISE"))
        .user(grace.drive(drive("Plan.txt", 500, source)))
        .user(User::new(ADA, "Ada Lovelace").drive(drive("Own.txt", 5, target)));
    let mut testbed = Testbed::with(tenant).workflows(FILES).build().await;
    let worker = testbed.worker().await;
    let leave = events::offboarding("leave", json!({ "upn": GRACE }));
    testbed.publisher.event(&events::with(leave, "manager", json!({ "upn": ADA }))).await;
    let end = testbed.results.end_of("leave").await;
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    end
}

#[tokio::test]
async fn a_drive_over_its_quota_is_read_and_takes_nothing() {
    let over = json!({ "total": 1_000, "used": 1_500, "remaining": -500, "state": "exceeded" });
    let usual = json!({ "total": 10_000, "used": 500, "remaining": 9_500, "state": "normal" });
    let odd = json!({ "total": 10_000, "used": -500, "remaining": 10_500 });
    let withheld = json!({ "total": 0, "used": 0, "remaining": 0, "deleted": 0 });
    let none = Value::Null;
    for (source, target) in [(&over, &usual), (&withheld, &odd), (&none, &none), (&odd, &withheld)] {
        let end = moved(source, target).await;
        assert_eq!(end["state"], "succeeded", "{source} to {target}: {end:#}");
    }
    let end = moved(&usual, &over).await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("failed"), &json!("target_drive_full")),
        "{end:#}"
    );
    assert_eq!(end["failure"]["class"], "blocked", "{end:#}");
}
