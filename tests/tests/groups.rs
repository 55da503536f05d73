//! One person in two hundred groups of every kind, some of them owned, and a worker that is killed on the way: the person
//! leaves each group once, or the result says why not.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msgraph_emulator::{Application, Channel, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Received, Testbed, events};

const GROUPS: usize = 200;
const GRACE: &str = "grace@contoso.example";
const ADA: &str = "ada@contoso.example";
const EDSGER: &str = "edsger@contoso.example";

const WORKFLOW: &str = "
leave_everything:
  for: [offboarding]
  stages:
    - name: hand over
      steps: [transfer_group_ownership]
    - name: teams
      steps: [remove_from_teams]
    - name: groups
      steps: [remove_from_groups: { licensing_groups: keep }]
    - name: licences
      steps: [remove_licenses]
";

/// A kind of group, and the code with which it is reported as left; none where the person leaves it.
type Kind = (fn(&str) -> Group, Option<&'static str>);

/// Every kind there is, as a group of Edsger's.
const KINDS: [Kind; 15] = [
    (|name| Group::security(name).member(EDSGER), None),
    (|name| Group::dynamic(name, "user.accountEnabled -eq true").member(EDSGER), Some("dynamic_group")),
    (|name| Group::synced(name).member(EDSGER), Some("synced_group")),
    (|name| Group::mail_enabled_security(name).member(EDSGER), Some("mail_enabled_group")),
    (|name| Group::distribution(name).member(EDSGER), Some("distribution_list")),
    (|name| Group::role_assignable(name).member(EDSGER), Some("role_assignable_group")),
    (|name| Group::microsoft365(name).member(EDSGER), None),
    (|name| Group::microsoft365(name).with_team().member(EDSGER).owner(ADA), None),
    (|name| team(name).channel(Channel::private("Budget").owner(ADA).member(EDSGER)), None),
    (|name| team(name).channel(Channel::private("Secrets").owner(EDSGER)), None),
    (|name| Group::microsoft365(name).with_team().member(EDSGER).member(GRACE).owner(EDSGER), None),
    (|name| Group::security(name).licensing("EMS").member(EDSGER), None),
    (|name| Group::dynamic(name, "true").licensing("VISIOCLIENT").member(EDSGER), Some("dynamic_group")),
    (|name| Group::security(name).member(EDSGER).owner(EDSGER).owner(ADA), None),
    (|name| Group::microsoft365(name).member(EDSGER).owner(EDSGER), None),
];

/// The kinds that Edsger alone owns.
const LAST_OWNED: [usize; 2] = [10, 14];

/// A team of Ada's that Grace and Edsger are in.
fn team(name: &str) -> Group {
    Group::microsoft365(name).with_team().member(EDSGER).member(GRACE).owner(ADA)
}

fn name_of(number: usize) -> String {
    format!("Group {number}")
}

fn tenant() -> Tenant {
    let application = Application::default().role("Group.ReadWrite.All");
    let tenant = Tenant::empty()
        .application(application)
        .sku(Sku::new("EMS", 5).plan("INTUNE_A"))
        .sku(Sku::new("VISIOCLIENT", 5).plan("VISIOONLINE"))
        .user(User::new(GRACE, "Grace Hopper"))
        .user(User::new(ADA, "Ada Lovelace"))
        .user(User::new(EDSGER, "Edsger Dijkstra").located("NL").manager(GRACE));
    (0..GROUPS).fold(tenant, |tenant, number| tenant.group(KINDS[number % KINDS.len()].0(&name_of(number))))
}

fn leave(id: &str) -> Value {
    let event = events::offboarding(id, json!({ "upn": EDSGER }));
    let event = events::with(event, "workflow", "leave_everything");
    events::with(event, "manager", json!({ "upn": GRACE }))
}

/// What was left, by the ids of the groups that the details name.
fn left(received: &[Received], ids: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut left: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for step in received.iter().filter(|received| received.key.starts_with("step.")) {
        for one in step.event["data"]["left"].as_array().into_iter().flatten() {
            let detail = one["detail"].as_str().unwrap();
            let id = ids.iter().find(|id| detail.contains(id.as_str())).unwrap();
            left.entry(id.clone()).or_default().insert(one["code"].as_str().unwrap().to_owned());
        }
    }
    left
}

/// Whether a list of ids in the tenant's state has this one.
fn has(list: &Value, id: &str) -> bool {
    list.as_array().unwrap().iter().any(|one| one == id)
}

#[tokio::test]
async fn every_group_of_two_hundred_is_left_once_or_said_to_stay() {
    let testbed = Testbed::with(tenant()).workflows(WORKFLOW).set("GRAPH__RETRY_BUDGET_SECONDS", 30);
    let mut testbed = testbed.build().await;
    let mut killed = testbed.worker().await;
    testbed.publisher.event(&leave("leave")).await;
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while testbed.effects().len() < GROUPS / 3 {
        looks.tick().await;
    }
    killed.kill().await;
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "partial", "{end:#}");

    let effects = testbed.effects();
    assert_eq!(effects.iter().collect::<BTreeSet<_>>().len(), effects.len(), "nothing is done twice");
    let person = |upn| testbed.emulator.with_tenant(|tenant| tenant.user_id(upn)).unwrap().to_string();
    let (edsger, grace) = (person(EDSGER), person(GRACE));
    let state = testbed.emulator.state();
    let groups = state["groups"].as_object().unwrap();
    let left = left(testbed.results.received(), &groups.keys().cloned().collect());
    for (id, group) in groups {
        let number: usize = group["displayName"].as_str().unwrap()["Group ".len()..].parse().unwrap();
        let (_, code) = KINDS[number % KINDS.len()];
        assert_eq!(has(&group["members"], &edsger), code.is_some(), "{group:#}");
        assert_eq!(
            left.get(id).map(|codes| codes.iter().map(String::as_str).collect()),
            code.map(|code| vec![code])
        );
        assert!(!has(&group["owners"], &edsger), "{group:#}");
        assert_eq!(has(&group["owners"], &grace), LAST_OWNED.contains(&(number % KINDS.len())), "{group:#}");
        for channel in group["channels"].as_array().into_iter().flatten() {
            let members = channel["members"].as_object().unwrap();
            assert!(!members.contains_key(&edsger) && members.values().any(|owns| owns == true), "{group:#}");
        }
    }

    testbed.emulator.clear_journal();
    testbed.publisher.event(&leave("leave again")).await;
    let again = testbed.results.end_of("leave again").await;
    let outcomes: Vec<_> = again["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["unchanged"; 4], "{again:#}");
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.drain([worker]).await;
    testbed.close().await;
}
