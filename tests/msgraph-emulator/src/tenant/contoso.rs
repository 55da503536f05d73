//! The built-in tenant: three people, one administrator, groups of every kind.

use uuid::{Uuid, uuid};

use crate::tenant::{Group, Sku, Tenant, User};

const SPE_E3: Uuid = uuid!("05e9a617-0261-4cee-bb44-138d3ef5d965");
const EMS: Uuid = uuid!("efccb6f7-5641-4e0e-bd10-b4976e1bf68e");
const VISIO: Uuid = uuid!("c5928f49-12ba-48f7-ada3-0d743a3601d5");
const EXCHANGE: Uuid = uuid!("4b9405b0-7788-4568-add1-99614e613b69");
const ARCHIVING: Uuid = uuid!("ee02fd1b-340e-4a4b-b355-4a514e4c8943");
const POWER_BI: Uuid = uuid!("f8a1db68-be16-40ed-86d5-cb42ce701560");

impl Tenant {
    /// The tenant of the demo. Grace manages Ada and Edsger; Edsger is in a group of every kind.
    #[must_use]
    pub fn contoso() -> Self {
        subscriptions(Self::empty())
            .user(
                User::new("admin@contoso.example", "Tenant Administrator")
                    .holding_role("Global Administrator"),
            )
            .user(
                User::new("grace@contoso.example", "Grace Hopper")
                    .with("givenName", "Grace")
                    .with("surname", "Hopper")
                    .with("mail", "grace@contoso.example")
                    .with("employeeId", "1906")
                    .with("department", "Engineering")
                    .with("jobTitle", "Director of Engineering")
                    .located("US")
                    .licensed("SPE_E3"),
            )
            .user(
                User::new("ada@contoso.example", "Ada Lovelace")
                    .with("givenName", "Ada")
                    .with("surname", "Lovelace")
                    .with("mail", "ada@contoso.example")
                    .with("employeeId", "1815")
                    .with("department", "Research")
                    .with("jobTitle", "Analyst")
                    .located("GB")
                    .manager("grace@contoso.example")
                    .licensed("SPE_E3")
                    .licensed("VISIOCLIENT"),
            )
            .user(
                User::new("edsger@contoso.example", "Edsger Dijkstra")
                    .with("givenName", "Edsger")
                    .with("surname", "Dijkstra")
                    .with("mail", "edsger@contoso.example")
                    .with("employeeId", "1930")
                    .with("department", "Engineering")
                    .with("jobTitle", "Engineer")
                    .located("NL")
                    .manager("grace@contoso.example")
                    .licensed("SPE_E3")
                    .licensed("POWER_BI_PRO"),
            )
            .with_groups()
    }

    fn with_groups(self) -> Self {
        let edsger = "edsger@contoso.example";
        let grace = "grace@contoso.example";
        let rule = "user.accountEnabled -eq true";
        self.group(Group::security("Engineers").member(edsger).owner(grace))
            .group(Group::security("Analysts").member("ada@contoso.example"))
            .group(
                Group::microsoft365("Project Kiruna").with_team().member(edsger).member(grace).owner(grace),
            )
            .group(Group::dynamic("All Employees", rule).member(edsger))
            .group(Group::synced("Building 7").member(edsger))
            .group(Group::distribution("Newsletter").member(edsger))
            .group(Group::mail_enabled_security("Shift Leads").member(edsger))
            .group(Group::role_assignable("Helpdesk Operators"))
            .group(Group::security("Licensed Devices").licensing("EMS").member(edsger))
            .group(Group::dynamic("Licensed Everywhere", rule).licensing("VISIOCLIENT").member(grace))
            .group(Group::synced("Licensed On Premises").licensing("EMS"))
    }
}

/// The tenant's subscriptions, under the ids that Microsoft publishes for them.
fn subscriptions(tenant: Tenant) -> Tenant {
    let mail = "EXCHANGE_S_ENTERPRISE";
    let skus = [
        Sku::new("SPE_E3", 25)
            .id(SPE_E3)
            .plan_with(mail, &["EXCHANGE_S_STANDARD"], &[])
            .plan("TEAMS1")
            .plan("SHAREPOINTENTERPRISE")
            .plan("OFFICESUBSCRIPTION")
            .plan("AAD_PREMIUM")
            .plan("INTUNE_A"),
        Sku::new("EMS", 10).id(EMS).plan("AAD_PREMIUM").plan("INTUNE_A").plan("RMS_S_PREMIUM"),
        Sku::new("VISIOCLIENT", 5).id(VISIO).plan("VISIOONLINE").plan("VISIO_CLIENT_SUBSCRIPTION"),
        Sku::new("EXCHANGESTANDARD", 5).id(EXCHANGE).plan_with("EXCHANGE_S_STANDARD", &[mail], &[]),
        Sku::new("EXCHANGEARCHIVE_ADDON", 5).id(ARCHIVING).plan_with(
            "EXCHANGE_S_ARCHIVE_ADDON",
            &[],
            &[mail],
        ),
        Sku::new("POWER_BI_PRO", 1).id(POWER_BI).plan("BI_AZURE_P2"),
    ];
    skus.into_iter().fold(tenant, Tenant::sku)
}
