//! One object that Graph refuses keeps none of its neighbours, in words nobody knows and with whatever status.

use msgraph_emulator::{Calendar, Device, Event, Fault, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, rights};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// A leaver with two or more of everything.
fn tenant() -> Tenant {
    let mailbox = Mailbox::new()
        .calendar(Calendar::named("Sailing"))
        .calendar(Calendar::named("Climbing"))
        .event(Event::new("One", "2031-12-03T08:00:00", "2031-12-03T09:00:00"))
        .event(Event::new("Two", "2031-12-04T08:00:00", "2031-12-04T09:00:00"))
        .rule("old", json!({ "stopProcessingRules": true }))
        .rule("older", json!({ "markAsRead": true }));
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox);
    let grace = grace.method("fido2").method("phone").method("microsoftAuthenticator");
    let grace = grace.device(Device::company("Laptop")).device(Device::personal("Telephone"));
    let grace = grace.assigned_to("Payroll").assigned_to("Travel");
    let grace = grace.consenting_to("Notes").consenting_to("Maps");
    let group = |name: &str| Group::security(name).member(GRACE).owner(GRACE).owner(ADA);
    let team = |name: &str| Group::microsoft365(name).with_team().member(GRACE).member(ADA).owner(ADA);
    Tenant::empty()
        .application(rights::of_default_workflows())
        .sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(ADA, "Ada Lovelace").with("mail", ADA).mailbox(Mailbox::new()))
        .user(grace)
        .group(group("Analysts"))
        .group(group("Engineers"))
        .group(team("Kiruna"))
        .group(team("Narvik"))
        .group(Group::security("Licensed").member(GRACE).licensing("SPE_E3"))
}

/// What is refused of each kind: its step, the writes of all of the kind, and how many of them there are. The sign-in
/// method of this kind is not the default one.
const KINDS: [(&str, &str, &str, usize); 10] = [
    ("delete_primary_calendar_events", "DELETE", "/events/", 2),
    ("delete_additional_calendars", "DELETE", "/calendars/*", 2),
    ("transfer_group_ownership", "DELETE", "/owners/", 2),
    ("remove_from_teams", "DELETE", "/teams/*/members/", 2),
    ("remove_from_groups", "DELETE", "/groups/*/members/", 2),
    ("remove_app_assignments", "DELETE", "/appRoleAssignedTo/", 2),
    ("remove_app_consents", "DELETE", "/oauth2PermissionGrants/", 2),
    ("remove_authentication_methods", "DELETE", "/fido2Methods/", 1),
    ("remove_inbox_rules", "DELETE", "/messageRules/", 2),
    ("retire_devices", "POST", "/retire", 2),
];

fn fault(status: u16, method: &str, path: &str) -> Fault {
    let path = if path.contains('*') { format!("*{path}*") } else { path.to_owned() };
    let words = "Something about grace@contoso.example that nobody has seen before.";
    Fault::status(status).code("UnknownError").message(words).method(method).path(&path).same()
}

fn leave() -> Value {
    let event = events::offboarding("leave", json!({ "upn": GRACE }));
    let event = events::with(event, "manager", json!({ "upn": ADA }));
    events::with(event, "parameters", json!({ "retire_devices": true }))
}

/// One object of each kind is refused with this status, for ever.
async fn one_of_each_kind_never_goes(status: u16) {
    let testbed = Testbed::with(tenant()).compiled_in().set("GRAPH__BATCHING", false);
    let testbed = testbed.set("RETRY__MAX_ATTEMPTS", 2).set("RETRY__FIRST_DELAY_SECONDS", 1);
    let mut testbed = testbed.build().await;
    for (_, method, path, _) in KINDS {
        testbed.emulator.fault(fault(status, method, path));
    }
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    let end = testbed.results.end_of("leave").await;
    // The deletion after thirty days waits for everything, and the dead letter does not wait for it.
    assert_eq!(end["state"], "failed", "{end:#}");
    let steps = end["steps"].as_array().unwrap();
    let journal = testbed.emulator.journal();
    for (step, method, path, of_kind) in KINDS {
        let failed = steps.iter().find(|it| it["step"] == step).unwrap();
        assert_eq!(failed["outcome"], "failed", "{step}: {failed:#}");
        let is_one = |path: &str, entry: &str| {
            let parts: Vec<_> = path.split('*').collect();
            parts.iter().all(|part| entry.contains(part))
        };
        let writes = journal.iter().filter(|it| it.write && it.method == method && is_one(path, &it.path));
        let (refused, gone): (Vec<_>, Vec<_>) = writes.partition(|it| it.fault.is_some());
        let others = gone.iter().filter(|entry| !entry.effects.is_empty()).count();
        assert!(others >= of_kind.saturating_sub(1), "{step}: {others} others went: {failed:#}");
        let named = refused.first().unwrap().path.trim_start_matches("/v1.0").to_owned();
        let message = failed["failure"]["message"].as_str().unwrap();
        assert!(
            message.contains(&named) && !message.contains('@'),
            "{step} does not name {named}: {failed:#}"
        );
    }
    let licences = steps.iter().find(|it| it["step"] == "remove_licenses").unwrap();
    assert_eq!(licences["outcome"], "changed", "{end:#}");
    assert!(!steps.iter().any(|it| it["step"] == "delete_user"), "{end:#}");
    testbed.holds("workflows.dlq", 1).await;
    // An operator mends it, and the run goes on to the sleep before the deletion.
    testbed.emulator.clear_faults();
    testbed.gatehouse(&["dead", "replay", "--all"]).await.ok();
    while testbed.results.next().await.key != "run.waiting" {}
    testbed.forget_sleeping_run().await;
    worker.kill().await;
    testbed.tear_down().await;
}

#[tokio::test]
async fn one_object_of_each_kind_that_is_refused_with_400_keeps_no_other() {
    one_of_each_kind_never_goes(400).await;
}

#[tokio::test]
async fn one_object_of_each_kind_that_is_refused_with_403_keeps_no_other() {
    one_of_each_kind_never_goes(403).await;
}

#[tokio::test]
async fn one_object_of_each_kind_that_is_refused_with_409_keeps_no_other() {
    one_of_each_kind_never_goes(409).await;
}

#[tokio::test]
async fn one_object_of_each_kind_that_stays_locked_keeps_no_other() {
    one_of_each_kind_never_goes(423).await;
}

#[tokio::test]
async fn a_calendar_that_stays_shared_keeps_no_other_and_neither_does_one_that_cannot_be_read() {
    let shared = |calendar: Calendar| calendar.shared_with(ADA, "read");
    let mailbox = Mailbox::new()
        .calendar(shared(Calendar::primary()))
        .calendar(shared(Calendar::named("Sailing")))
        .calendar(shared(Calendar::named("Climbing")));
    let workflow = "offboarding: { stages: [{ name: shares, steps: [remove_calendar_permissions] }] }\n";
    for (method, state, failed) in [("DELETE", "partial", true), ("GET", "partial", false)] {
        let tenant = Tenant::empty().user(User::new(ADA, "Ada Lovelace"));
        let grace =
            User::new(GRACE, "Grace Hopper").licensed("SPE_E3").located("US").mailbox(mailbox.clone());
        let tenant = tenant.sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE")).user(grace);
        let testbed = Testbed::with(tenant).workflows(workflow).set("GRAPH__BATCHING", false);
        let mut testbed = testbed.build().await;
        testbed.emulator.fault(fault(403, method, "/calendarPermissions"));
        let worker = testbed.worker().await;
        testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
        let end = testbed.results.end_of("leave").await;
        assert_eq!(end["state"], state, "{end:#}");
        let step = &end["steps"][0];
        assert_eq!(step["outcome"] == "failed", failed, "{end:#}");
        let told = if failed { &step["failure"]["message"] } else { &step["left"][0]["detail"] };
        assert!(told.as_str().unwrap().contains("/calendarPermissions"), "{end:#}");
        assert_eq!(testbed.effects().len(), 2, "{:#?}", testbed.effects());
        testbed.drain([worker]).await;
        testbed.tear_down().await;
    }
}

/// The runs of these meetings, which are all that there is.
async fn meetings(events: Vec<Event>) -> (Value, Vec<String>) {
    let mailbox = Mailbox::new().events(events);
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox);
    let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE")).user(grace);
    let tenant = tenant.group(Group::security("Compilers").member(GRACE));
    let mut testbed = Testbed::with(tenant).workflows(MEETINGS).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
    let end = testbed.results.end_of("leave").await;
    let effects = testbed.effects();
    testbed.drain([worker]).await;
    testbed.close().await;
    (end, effects)
}

const MEETINGS: &str = "offboarding:
  stages:
    - name: hand over
      on_failure: continue
      steps: [delete_primary_calendar_events]
    - name: take back groups
      on_failure: continue
      steps: [{ remove_from_groups: { licensing_groups: keep } }]
    - name: take back licences
      steps: [remove_licenses]
";

#[tokio::test]
async fn a_meeting_that_exchange_does_not_call_off_is_deleted_instead() {
    let meeting = |name: &str| Event::new(name, "2031-12-03T08:00:00", "2031-12-03T09:00:00").with(ADA);
    let rows = [
        vec![
            meeting("one").not_called_off(),
            meeting("two"),
            Event::new("three", "2031-12-05T08:00:00", "2031-12-05T09:00:00"),
        ],
        vec![meeting("one").not_called_off()],
        vec![
            meeting("one").not_called_off(),
            meeting("two").not_called_off(),
            meeting("three").with("nobody@fabrikam.example"),
        ],
    ];
    for events in rows {
        let count = events.len();
        let (end, effects) = meetings(events).await;
        assert_eq!(end["state"], "succeeded", "{end:#}");
        let is_event =
            |effect: &&String| effect.starts_with("delete event") || effect.starts_with("cancel meeting");
        assert_eq!(effects.iter().filter(is_event).count(), count, "{effects:#?}");
        assert!(effects.iter().any(|effect| effect.starts_with("delete event one")), "{effects:#?}");
        assert!(effects.iter().any(|effect| effect.starts_with("remove license")), "{effects:#?}");
    }
}
