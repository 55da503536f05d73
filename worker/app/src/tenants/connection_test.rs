//! The connection test of a tenant, as data: token, permissions, roles, licences.

use std::collections::BTreeSet;

use actions::Protection;
use msgraph::{Access, Client, Error, Grants, SubscribedSku};
use serde::Serialize;

use super::clock;
use super::syncs::{SYNCS, Sync};

/// The directory role an application needs to change administrators.
const PRIVILEGED: &str = "Privileged Authentication Administrator";

/// The permission to administer Exchange.
const EXCHANGE: &str = "Exchange.ManageAsApp";

/// Result of a connection test.
#[derive(Debug, Serialize)]
pub struct Connection {
    /// The tenant's name in the settings.
    pub tenant: String,
    /// Whether there is a token with permissions that Graph accepts.
    pub connected: bool,
    /// The access set for the tenant: `read` or `act`.
    pub access: Access,
    /// The organization that owns the tenant.
    pub organization: Option<Organization>,
    /// Kind of identity that is connected.
    pub identity: &'static str,
    /// All granted permissions.
    pub permissions: Vec<String>,
    /// The directory roles of the application; none if they cannot be read.
    pub directory_roles: Option<Vec<String>>,
    /// All actions and syncs.
    pub uses: Vec<Use>,
    /// Whether usage reports hide names; none if that cannot be read.
    pub concealed_names: Option<bool>,
    /// Seats of each licence; none if they cannot be read.
    pub licenses: Option<Vec<Seats>>,
    /// Problems, and what to do about them.
    pub problems: Vec<String>,
    /// Further information.
    pub notes: Vec<String>,
}

/// The organization that owns the tenant.
#[derive(Debug, Serialize)]
pub struct Organization {
    /// Its directory id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One action or sync.
#[derive(Debug, Serialize)]
pub struct Use {
    /// Its name.
    pub name: String,
    /// Action or sync.
    pub kind: Kind,
    /// The permissions it needs.
    pub needs: Vec<Need>,
    /// Permissions that show more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adds: Vec<Addition>,
    /// What it may do with the granted permissions.
    pub may: May,
    /// Whether a workflow uses the action, or the deployment the sync.
    pub used: bool,
}

/// What a deployment uses.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// The actions of its workflows.
    pub actions: BTreeSet<String>,
    /// The syncs that were named.
    pub syncs: BTreeSet<String>,
}

impl Used {
    fn has(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Action => self.actions.contains(name),
            Kind::Sync => self.syncs.contains(name),
        }
    }
}

/// A permission that shows more.
#[derive(Debug, Serialize)]
pub struct Addition {
    /// Its name.
    pub permission: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// Whether it, or a permission that includes it, was granted.
    pub granted: bool,
}

/// Kind of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It changes the tenant.
    Action,
    /// It reads the tenant.
    Sync,
}

/// A permission.
#[derive(Debug, Serialize)]
pub struct Need {
    /// Its name.
    pub permission: String,
    /// Whether it, or a permission that includes it, was granted.
    pub granted: bool,
}

/// How far permissions and access reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum May {
    /// Read and write.
    Act,
    /// Read: plans and syncs work.
    Read,
    /// Neither.
    Nothing,
}

/// What no action looks at, of somebody who leaves.
const NOT_LOOKED_AT: &str = "no action looks at access to shared and other people's mailboxes, at administrators of \
     SharePoint sites, at groups in Privileged Identity Management, or at holds: check these by hand where they matter";

/// Seats of a licence.
#[derive(Debug, Serialize)]
pub struct Seats {
    /// Its part number, or its id if it has none.
    pub sku: String,
    /// Assignable seats: enabled, or in their grace period; nothing if Graph does not tell.
    pub usable: Option<i64>,
    /// Seats in use; nothing if Graph does not tell.
    pub used: Option<i64>,
    /// Free seats; nothing if Graph does not tell.
    pub free: Option<i64>,
}

impl Connection {
    /// Tests a connection.
    pub async fn test(tenant: &str, client: &Client, protection: &Protection, used: &Used) -> Self {
        let mut found = Self::tested(tenant, client, protection, used).await;
        // A credential can be refused because of the clock.
        found.problems.splice(0..0, clock::problem(client));
        found
    }

    async fn tested(tenant: &str, client: &Client, protection: &Protection, used: &Used) -> Self {
        let access = client.access();
        let mut found = Self::nothing(tenant, access, used);
        let grants = match client.grants().await {
            Ok(grants) => grants,
            Err(error) => {
                found.problems.push(error.to_string());
                return found;
            }
        };
        found.identity = if grants.is_delegated { "service account" } else { "application" };
        found.permissions = grants.permissions.iter().cloned().collect();
        let exchange = found.exchange(client).await;
        found.uses = uses(&grants, exchange.as_ref(), access, used);
        if grants.permissions.is_empty() {
            found.problems.push(
                "the token grants no permissions: add the application permissions below in Microsoft Entra and have an \
                 administrator consent"
                    .to_owned(),
            );
            return found;
        }
        for sync in &SYNCS {
            found.notes.extend(sync.missing_role(&grants).map(|role| {
                format!(
                    "sync {}: give the service account the role {role}; it counts with the next token",
                    sync.name
                )
            }));
        }
        if grants.is_delegated && grants.covers("Reports.Read.All") {
            found.notes.push(
                "sync usage: a service account may need a licence that includes Teams to see use of Teams"
                    .to_owned(),
            );
        }
        if used.has(Kind::Action, "remove_directory_roles") {
            found.notes.push(NOT_LOOKED_AT.to_owned());
        }
        found.look(client, &grants).await;
        found.see_protection(protection.test(client.reader()).await);
        found
    }

    /// The permissions for the administration of Exchange, if it is turned on.
    async fn exchange(&mut self, client: &Client) -> Option<Grants> {
        match client.exchange_grants().await? {
            Ok(grants) => Some(grants),
            Err(error) => {
                self.problems.push(format!("Exchange cannot be administered: {error}"));
                Some(Grants::default())
            }
        }
    }

    fn nothing(tenant: &str, access: Access, used: &Used) -> Self {
        Self {
            tenant: tenant.to_owned(),
            connected: false,
            access,
            organization: None,
            identity: "nobody",
            permissions: Vec::new(),
            directory_roles: None,
            uses: uses(&Grants::default(), None, access, used),
            concealed_names: None,
            licenses: None,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What is used and limited.
    pub fn limited(&self) -> Vec<&str> {
        let is_limited = |one: &&Use| one.used && one.is_limited();
        self.uses.iter().filter(is_limited).map(|one| one.name.as_str()).collect()
    }

    /// The permissions that what is used lacks, each once.
    pub fn missing(&self) -> Vec<&str> {
        let limited = self.uses.iter().filter(|one| one.used && one.is_limited());
        let missing = limited.flat_map(|one| &one.needs).filter(|need| !need.granted);
        let names: BTreeSet<_> = missing.map(|need| need.permission.as_str()).collect();
        names.into_iter().collect()
    }

    /// Whether nothing is wrong and nothing limited that matters.
    pub fn is_complete(&self) -> bool {
        self.connected && self.problems.is_empty() && self.limited().is_empty()
    }

    /// Reads from Graph.
    async fn look(&mut self, client: &Client, grants: &Grants) {
        let reader = client.reader();
        let (organization, skus, roles, reports) = tokio::join!(
            reader.organization(),
            reader.subscribed_skus(),
            reader.roles_of_application(client.client_id()),
            reader.report_settings(),
        );
        match organization {
            Ok(organization) => {
                self.connected = true;
                self.organization = organization.map(|organization| Organization {
                    name: organization.display_name.unwrap_or_default(),
                    id: organization.id,
                });
            }
            // Only the permission to read the organization is missing; Graph accepted the token.
            Err(error) if error.is_forbidden() => {
                self.connected = true;
                self.notes.push(
                    "the organization's name cannot be read; to see it, grant User.Read.All".to_owned(),
                );
            }
            Err(error) => self.problems.push(error.to_string()),
        }
        self.see_roles(roles.map(|roles| roles.into_iter().map(|role| role.display_name).collect()), grants);
        match reports {
            Ok(settings) => self.concealed_names = Some(settings.display_concealed_names),
            Err(error) => self.unreadable("whether reports hide names", "ReportSettings.Read.All", &error),
        }
        match skus {
            Ok(skus) => self.see_licenses(&skus),
            Err(error) => self.unreadable("the licences", "LicenseAssignment.Read.All", &error),
        }
    }

    /// First of all problems: without this, everything else is of no use.
    fn see_protection(&mut self, tested: Result<Vec<String>, actions::Error>) {
        match tested {
            Ok(notes) => self.notes.extend(notes),
            Err(error) if self.access == Access::Act => self.problems.insert(0, error.to_string()),
            // Nothing is written there anyway.
            Err(_) => {}
        }
    }

    fn see_roles(&mut self, roles: Result<Vec<String>, Error>, grants: &Grants) {
        match roles {
            _ if grants.is_delegated => {}
            Ok(roles) => {
                if !roles.iter().any(|role| role == PRIVILEGED || role == "Global Administrator") {
                    self.notes.push(format!(
                        "the application cannot lock out administrators: it needs the directory role {PRIVILEGED}"
                    ));
                }
                self.directory_roles = Some(roles);
            }
            Err(error) => {
                self.unreadable("the application's directory roles", "Application.Read.All", &error);
            }
        }
    }

    fn see_licenses(&mut self, skus: &[SubscribedSku]) {
        for (steps, plan) in [("mailbox", "EXCHANGE"), ("OneDrive", "SHAREPOINT")] {
            let has = |sku: &SubscribedSku| {
                let plans = sku.service_plans.iter().flatten();
                plans.filter_map(|plan| plan.service_plan_name.as_deref()).any(|name| name.starts_with(plan))
            };
            if skus.iter().any(has) {
                continue;
            }
            let untold: Vec<_> = skus.iter().filter(|sku| sku.service_plans.is_none()).map(named).collect();
            self.notes.push(match untold.as_slice() {
                [] => {
                    format!("no licence of this tenant includes a service plan {plan}: {steps} steps will find nothing")
                }
                untold => format!(
                    "whether {steps} steps will find anything is unknown: Microsoft Graph does not tell the service plans of \
                     {}",
                    untold.join(", ")
                ),
            });
        }
        let seats = skus.iter().map(|sku| Seats {
            sku: named(sku),
            usable: sku.usable(),
            used: sku.consumed_units.filter(|used| *used >= 0),
            free: sku.available(),
        });
        self.licenses = Some(seats.collect());
    }

    fn unreadable(&mut self, what: &str, permission: &str, error: &Error) {
        if error.is_forbidden() {
            self.notes.push(format!("{what} cannot be read; to see this, grant {permission}"));
        } else {
            self.problems.push(format!("{what} cannot be read: {error}"));
        }
    }
}

fn named(sku: &SubscribedSku) -> String {
    sku.sku_part_number.clone().unwrap_or_else(|| sku.sku_id.clone())
}

impl Use {
    /// Whether it may do less than it is made for.
    pub fn is_limited(&self) -> bool {
        match self.kind {
            Kind::Action => self.may != May::Act,
            Kind::Sync => self.may != May::Read,
        }
    }
}

/// What each action and sync may do with these permissions. Those of Exchange are in a token of their own; without it
/// its administration is turned off, and needs none.
pub fn uses(grants: &Grants, exchange: Option<&Grants>, access: Access, used: &Used) -> Vec<Use> {
    let needs = |names: &[&str]| -> Vec<Need> {
        let need = |name: &&str| Need { permission: (*name).to_owned(), granted: grants.covers(name) };
        names.iter().map(need).collect()
    };
    let actions = actions::roster().into_iter().map(|entry| {
        let mut needs = needs(entry.needs);
        needs.retain(|need| need.permission != EXCHANGE || exchange.is_some());
        for need in needs.iter_mut().filter(|need| need.permission == EXCHANGE) {
            need.granted = exchange.is_some_and(|exchange| exchange.covers(EXCHANGE));
        }
        let is_blind = entry.reads_organization && !grants.covers("Organization.Read.All");
        for need in needs.iter_mut().filter(|need| need.permission == "User.Read.All") {
            need.granted &= !is_blind;
        }
        let may = if !entry.needs.iter().all(|name| may_look(grants, name)) {
            May::Nothing
        } else if access == Access::Act && needs.iter().all(|need| need.granted) {
            May::Act
        } else {
            May::Read
        };
        let adds = entry.adds.iter().map(|&(permission, shows)| {
            let granted = grants.covers(permission);
            Addition { permission, shows, granted }
        });
        let (kind, used) = (Kind::Action, used.has(Kind::Action, entry.name));
        Use { name: entry.name.to_owned(), kind, needs, adds: adds.collect(), may, used }
    });
    let syncs = SYNCS.iter().map(|sync| {
        let needs = needs(sync.needs);
        let may = if needs.iter().all(|need| need.granted) { May::Read } else { May::Nothing };
        let adds = sync.adds.iter().map(|&(permission, shows)| {
            let granted = Sync::shows(permission, grants);
            Addition { permission, shows, granted }
        });
        let (kind, used) = (Kind::Sync, used.has(Kind::Sync, sync.name));
        Use { name: sync.name.to_owned(), kind, needs, adds: adds.collect(), may, used }
    });
    actions.chain(syncs).collect()
}

/// Whether the read part of a permission is granted. A permission without a read part counts as granted.
fn may_look(grants: &Grants, permission: &str) -> bool {
    let reads = permission.replace(".ReadWriteNonOwnerRole", ".Read").replace(".ReadWrite", ".Read");
    !reads.contains(".Read") || grants.covers(&reads)
}
