//! The tenant of the demo and the playground, and events about its people.

use jiff::{SignedDuration, Timestamp};
use msgraph_emulator::{Application, Calendar, Drive, Event, Group, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::events;

/// The hire.
pub const ADA: &str = "Ada Lovelace";
/// The leaver.
pub const EDSGER: &str = "Edsger Dijkstra";
/// Manager of the others.
pub const GRACE: &str = "Grace Hopper";

/// The tenant before the first event: Grace and Edsger have accounts, Ada has none.
pub fn tenant() -> Tenant {
    let (edsger, grace) = ("edsger@contoso.example", "grace@contoso.example");
    let permissions = [
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Group.ReadWrite.All",
        "Reports.Read.All",
        "ReportSettings.Read.All",
        "RoleManagement.ReadWrite.Directory",
        "UserAuthenticationMethod.ReadWrite.All",
    ];
    let application = permissions.into_iter().fold(Application::default(), Application::role);
    Tenant::empty()
        .application(application)
        .sku(Sku::new("SPE_E3", 25).plan("EXCHANGE_S_ENTERPRISE").plan("TEAMS1"))
        .sku(Sku::new("EMS", 10).plan("INTUNE_A"))
        .user(
            User::new(grace, GRACE)
                .with("employeeId", "1906")
                .with("mail", grace)
                .located("US")
                .licensed("SPE_E3")
                .mailbox(Mailbox::new())
                .drive(Drive::new()),
        )
        .user(
            User::new(edsger, EDSGER)
                .with("employeeId", "1930")
                .located("NL")
                .manager(grace)
                .licensed("SPE_E3")
                .method("phone")
                .mailbox(mailbox())
                .drive(files()),
        )
        .group(Group::security("Analysts"))
        .group(Group::security("Engineers").member(edsger).member(grace))
        .group(Group::microsoft365("Project Kiruna").with_team().member(edsger).member(grace))
        .group(Group::dynamic("Everyone", "user.accountEnabled -eq true").member(edsger))
        .group(Group::security("Laptop Users").licensing("EMS").member(edsger))
}

fn mailbox() -> Mailbox {
    let tomorrow = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
    let [start, end] =
        ["08", "09"].map(|hour| tomorrow.strftime(&format!("%Y-%m-%dT{hour}:00:00")).to_string());
    Mailbox::new()
        .calendar(Calendar::primary().shared_with("grace@contoso.example", "read"))
        .event(Event::new("Seminar", &start, &end).with("grace@contoso.example"))
        .event(Event::new("Dentist", &start, &end))
}

/// Edsger's files. SharePoint changes two of them: it writes into the document, and drops the dot at the end of a name.
fn files() -> Drive {
    Drive::new()
        .file("Algorithms/Shortest path.txt", 1_959)
        .file("Algorithms/Semaphores #1, 100% done.pdf", 196_500)
        .file("EWD 1036.docx", 20_512)
        .file("From the old server/Notes.", 340)
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
    let event = events::offboarding("leave-1930", json!({ "employee_id": "1930" }));
    events::with(event, "manager", json!({ "upn": "grace@contoso.example" }))
}

/// Grace leaves without a successor; her account is kept.
pub fn troubled_leaver() -> Value {
    let event = events::offboarding("leave-1906", json!({ "employee_id": "1906" }));
    events::with(event, "parameters", json!({ "keep_account": true }))
}

/// An invalid event: it names no person, and writes the country of licences in words.
pub fn nameless() -> Value {
    events::onboarding(
        "hire-1852",
        json!({ "display_name": ADA, "usage_location": "Great Britain" }),
        events::none(),
    )
}
