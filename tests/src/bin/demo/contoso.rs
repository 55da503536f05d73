//! The tenant of the demo, and the events about its people.

use msgraph_emulator::{Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::events;

pub const ADA: &str = "Ada Lovelace";
pub const EDSGER: &str = "Edsger Dijkstra";
pub const GRACE: &str = "Grace Hopper";

/// Before anything happens: Grace and Edsger are there, Ada is not.
pub fn tenant() -> Tenant {
    let (edsger, grace) = ("edsger@contoso.example", "grace@contoso.example");
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 25).plan("EXCHANGE_S_ENTERPRISE").plan("TEAMS1"))
        .sku(Sku::new("EMS", 10).plan("INTUNE_A"))
        .user(User::new(grace, GRACE).with("employeeId", "1906").located("US").licensed("SPE_E3"))
        .user(
            User::new(edsger, EDSGER)
                .with("employeeId", "1930")
                .located("NL")
                .manager(grace)
                .licensed("SPE_E3"),
        )
        .group(Group::security("Analysts"))
        .group(Group::security("Engineers").member(edsger).member(grace))
        .group(Group::microsoft365("Project Kiruna").with_team().member(edsger).member(grace))
        .group(Group::dynamic("Everyone", "user.accountEnabled -eq true").member(edsger))
        .group(Group::security("Laptop Users").licensing("EMS").member(edsger))
}

/// Ada starts.
pub fn hire() -> Value {
    let person = json!({
        "upn": "ada@contoso.example", "employee_id": "1815", "display_name": ADA, "given_name": "Ada",
        "family_name": "Lovelace", "job_title": "Analyst", "usage_location": "GB",
    });
    let parameters =
        json!({ "licenses": ["SPE_E3", "EMS"], "groups": ["Analysts"], "teams": ["Project Kiruna"] });
    let manager = json!({ "upn": "grace@contoso.example" });
    events::with(events::onboarding("hire-1815", person, parameters), "manager", manager)
}

/// Edsger leaves.
pub fn leaver() -> Value {
    events::offboarding("leave-1930", json!({ "employee_id": "1930" }))
}

/// Grace leaves.
pub fn troubled_leaver() -> Value {
    events::offboarding("leave-1906", json!({ "employee_id": "1906" }))
}

/// A hire as somebody wrote it who did not read the schema: nobody can tell who is meant.
pub fn nameless() -> Value {
    events::onboarding("hire-1852", json!({ "display_name": ADA, "usage_location": "uk" }), events::none())
}
