//! Many people at once: a tenant, events of hires and leavers, and the tenant's state when nothing goes wrong.

use msgraph_emulator::{Group, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::events;
use crate::testbed::Testbed;

/// A tenant with this many leavers, each with licences and groups of several kinds, and seats for as many hires.
pub fn tenant(leavers: usize) -> Tenant {
    let seats = 2 * u64::try_from(leavers).unwrap() + 1;
    let tenant = ["SPE_E3", "EMS", "VISIOCLIENT"].into_iter().fold(Tenant::empty(), |tenant, name| {
        tenant.sku(Sku::new(name, seats).plan(&format!("{name}_PLAN")))
    });
    let tenant = tenant.user(User::new("grace@contoso.example", "Grace Hopper").located("US"));
    let tenant = (0..leavers).fold(tenant, |tenant, number| tenant.user(leaver(number)));
    let with = |group: Group, every: usize| {
        (0..leavers).step_by(every).fold(group, |group, number| group.member(&name_of_leaver(number)))
    };
    tenant
        .group(with(Group::security("Engineers"), 1))
        .group(with(Group::microsoft365("Project Kiruna"), 2))
        .group(with(Group::dynamic("All Employees", "user.accountEnabled -eq true"), 3))
        .group(with(Group::distribution("Newsletter"), LEFT_EVERY))
        .group(with(Group::security("Licensed Devices").licensing("EMS"), 4))
}

/// Every fifth leaver is on a distribution list, which Graph cannot change: an operator has to.
const LEFT_EVERY: usize = 5;

fn name_of_leaver(number: usize) -> String {
    format!("edsger.{number}@contoso.example")
}

fn leaver(number: usize) -> User {
    let user = User::new(&name_of_leaver(number), "Edsger Dijkstra");
    let user = user.with("employeeId", format!("L{number}")).located("NL").manager("grace@contoso.example");
    user.licensed("SPE_E3").licensed("VISIOCLIENT")
}

/// The id of the event of a leaver.
pub fn leave_id(number: usize) -> String {
    format!("leave-{number}")
}

/// The event of a leaver.
pub fn leave(number: usize) -> Value {
    events::offboarding(&leave_id(number), json!({ "employee_id": format!("L{number}") }))
}

/// The state in which a leaver's run ends when nothing goes wrong.
pub fn state_of_leaver(number: usize) -> &'static str {
    if number.is_multiple_of(LEFT_EVERY) { "partial" } else { "succeeded" }
}

/// The id of the event of a hire.
pub fn hire_id(number: usize) -> String {
    format!("hire-{number}")
}

/// The event of a hire with a manager, a licence and groups.
pub fn hire(number: usize) -> Value {
    let person = json!({
        "upn": format!("ada.{number}@contoso.example"), "employee_id": format!("H{number}"),
        "display_name": "Ada Lovelace", "usage_location": "GB",
    });
    let parameters = json!({ "licenses": ["SPE_E3"], "groups": ["Engineers", "Project Kiruna"] });
    let event = events::onboarding(&hire_id(number), person, parameters);
    events::with(event, "manager", json!({ "upn": "grace@contoso.example" }))
}

/// The state of a tenant at the end of a test.
#[derive(Debug, PartialEq)]
pub struct FinalState {
    /// The tenant's whole state.
    pub state: Value,
    /// Every change that was made, sorted; sessions of a person ended twice count once.
    pub effects: Vec<String>,
}

impl FinalState {
    /// The state of a testbed's tenant now.
    pub fn of(testbed: &Testbed) -> Self {
        let mut effects = testbed.effects();
        effects.sort();
        // A worker that takes over an event from one that died sees it for the first time, and ends sessions again.
        effects.dedup_by(|later, earlier| earlier == later && later.starts_with("revoke sessions"));
        Self { state: testbed.emulator.state(), effects }
    }

    /// The state after these events when nothing disturbs the worker.
    pub async fn undisturbed(tenant: Tenant, events: &[Value]) -> Self {
        let mut testbed = Testbed::with(tenant).build().await;
        for event in events {
            testbed.publisher.event(event).await;
        }
        let worker = testbed.worker().await;
        testbed.results.ends(events.len()).await;
        testbed.drain([worker]).await;
        let end = Self::of(&testbed);
        testbed.close().await;
        end
    }
}
