//! The tenant that the scenarios of all actions share.

use msgraph_emulator::{
    Application, Calendar, Channel, Device, Drive, Event, Group, Mailbox, Sku, Tenant, User,
};
use serde_json::json;

/// Grace, Ada and Edsger.
const PEOPLE: (&str, &str, &str) = ("grace@contoso.example", "ada@contoso.example", "edsger@contoso.example");

/// Ada has an account and little else; Grace has one of everything that can be removed; Edsger is locked out; one
/// account was deleted.
pub(super) fn tenant() -> Tenant {
    let (grace, ada, edsger) = PEOPLE;
    let tenant = Tenant::empty()
        .application(
            Application::default()
                .role("RoleManagement.ReadWrite.Directory")
                .role("RoleEligibilitySchedule.ReadWrite.Directory")
                .role("AppRoleAssignment.ReadWrite.All")
                .role("DelegatedPermissionGrant.ReadWrite.All")
                .role("UserAuthenticationMethod.ReadWrite.All")
                .role("Group.ReadWrite.All")
                .role("DeviceManagementManagedDevices.Read.All")
                .role("DeviceManagementManagedDevices.PrivilegedOperations.All")
                .role("Exchange.ManageAsApp"),
        )
        .sku(Sku::new("SPE_E3", 5).plan("TEAMS1").plan("EXCHANGE_S_ENTERPRISE"))
        .sku(Sku::new("EMS", 5).plan("INTUNE_A"))
        .sku(Sku::new("VISIOCLIENT", 5).plan("VISIOONLINE"))
        .user(User::new(ada, "Ada Lovelace").with("mail", ada).drive(Drive::new()))
        .user(
            User::new(grace, "Grace Hopper")
                .located("US")
                .licensed("SPE_E3")
                .licensed("VISIOCLIENT")
                .assigned_to("Payroll")
                .assigned_to("Travel/Approver")
                .consenting_to("Notes")
                .consenting_to("Calendar")
                .method("fido2")
                .method("phone")
                .default_method("microsoftAuthenticator")
                .device(Device::company("Laptop"))
                .device(Device::personal("Phone"))
                .device(Device::personal("Tablet").in_state("retireFailed"))
                .device(Device::company("Desktop").in_state("wipeIssued"))
                .mailbox(mailbox())
                .drive(
                    Drive::new()
                        .file("Plans/Compiler.docx", 20_000)
                        .file("Plans/Notes #1, 100%. ", 7)
                        .file("Moth.jpg", 90_000)
                        .folder("Empty"),
                ),
        )
        .user(
            User::new("admin@contoso.example", "Administrator")
                .holding_role("User Administrator")
                .eligible_for("Reader"),
        )
        .user(User::new(edsger, "Edsger Dijkstra").with("mail", edsger).disabled().manager(grace))
        .deleted_user(User::new("alumna@contoso.example", "Ada King").located("GB").licensed("EMS"));
    with_groups(tenant)
}

/// Grace's mailbox, which Ada and Edsger may open.
fn mailbox() -> Mailbox {
    let (grace, ada, edsger) = PEOPLE;
    let redirect = json!({ "redirectTo": [{ "emailAddress": { "address": edsger } }] });
    let event = |subject: &str, day: &str| {
        let [start, end] = ["08", "09"].map(|hour| format!("2026-03-{day}T{hour}:00:00"));
        Event::new(subject, &start, &end)
    };
    Mailbox::new()
        .replying("Grace is at sea.")
        .folder("Ships")
        .rule("Newsletters", json!({ "delete": true }))
        .rule(crate::mail::forwarding_rule::FORWARDING, redirect)
        .rule("Bills", json!({ "markAsRead": true }))
        .read_only_rule("Policy")
        .calendar(Calendar::primary().shared_with(ada, "write").shared_with(edsger, "read"))
        .calendar(Calendar::named("Voyages").shared_with(ada, "read").shared_with_everybody("limitedRead"))
        .calendar(Calendar::named("Engines").of(ada))
        .calendar(Calendar::named("Birthdays").fixed())
        .event(event("Dentist", "02"))
        .event(event("Review", "03").with(ada))
        .event(event("Engines", "04").called_by(ada).with(grace))
        .event(event("Yesterday", "01").with(ada))
}

fn with_groups(tenant: Tenant) -> Tenant {
    let (grace, ada, edsger) = PEOPLE;
    tenant
        .group(Group::security("Research"))
        .group(Group::microsoft365("Project X").member(grace))
        .group(Group::security("Engineers").assigned_to("Builds").member(grace))
        .group(Group::security("Devices").licensing("EMS").member(grace))
        .group(Group::dynamic("Everybody", "user.accountEnabled -eq true").member(grace))
        .group(Group::synced("Building 7").member(grace))
        .group(Group::distribution("Newsletter").member(grace))
        .group(Group::security("Archive").owner(grace))
        .group(Group::security("Library").owner(grace).owner(ada))
        .group(
            Group::microsoft365("Compilers")
                .member(grace)
                .member(ada)
                .owner(grace)
                .channel(Channel::private("Grammar").owner(grace)),
        )
        .group(
            Group::microsoft365("Harbour")
                .member(grace)
                .member(edsger)
                .owner(edsger)
                .channel(Channel::shared("Suppliers").member(grace).owner(edsger)),
        )
}
