//! The tenant: its objects and indexes; every lookup that Graph offers is one in a map.
//!
//! Start at [`Tenant`]. Objects are added through its methods and changed through its methods, so
//! that the indexes and the seat counts always agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::application::Application;
use super::error::TenantError;
use super::groups::group::Group;
use super::ids::TENANT_ID;
use super::index::Index;
use super::licenses::sku::Sku;
use super::onedrive::copies::Copies;
use super::reports::switches::ReportSwitches;
use super::users::crowd::Crowd;
use super::users::history::{History, Watched};
use super::users::user::User;

/// A Microsoft 365 tenant in memory.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) country: String,
    /// Whether reports show pseudonyms instead of names.
    pub(crate) concealed_names: bool,
    /// How the service behind usage reports behaves.
    pub(crate) reports: ReportSwitches,
    /// Whether the tenant has bought Intune.
    pub(crate) intune: bool,
    /// Whether the tenant has bought Entra ID P1 or P2, without which reports do not tell sign-ins.
    pub(crate) premium: bool,
    /// The largest page with sign-ins before a larger one is refused; usually a page is cut to 500.
    pub(crate) sign_in_page: Option<usize>,
    pub(crate) applications: BTreeMap<String, Application>,
    /// The applications that people are assigned to, and their roles, by name.
    pub(in crate::tenant) enterprise: BTreeSet<String>,
    pub(crate) users: BTreeMap<Uuid, User>,
    pub(crate) deleted: BTreeMap<Uuid, User>,
    pub(crate) groups: BTreeMap<Uuid, Group>,
    pub(crate) skus: BTreeMap<Uuid, Sku>,
    pub(in crate::tenant) crowd: Option<Crowd>,
    pub(in crate::tenant) copies: Copies,
    pub(crate) history: History,
    pub(in crate::tenant) index: Index,
    /// The groups that may hold a directory role.
    pub(in crate::tenant) assignable: BTreeSet<Uuid>,
    /// How many users hold each SKU.
    pub(in crate::tenant) held: HashMap<Uuid, u64>,
    pub(in crate::tenant) problems: Vec<TenantError>,
}

impl Tenant {
    /// A tenant with the domain `contoso.example`, the default application and nothing else.
    #[must_use]
    pub fn empty() -> Self {
        Self::bare(TENANT_ID, "Contoso", "contoso.example").application(Application::default())
    }

    /// A tenant without applications.
    pub(crate) fn bare(id: Uuid, display_name: &str, domain: &str) -> Self {
        Self {
            id,
            display_name: display_name.to_owned(),
            domains: vec![domain.to_owned()],
            country: "US".to_owned(),
            concealed_names: false,
            reports: ReportSwitches::default(),
            intune: true,
            premium: true,
            sign_in_page: None,
            applications: BTreeMap::new(),
            enterprise: BTreeSet::new(),
            users: BTreeMap::new(),
            deleted: BTreeMap::new(),
            groups: BTreeMap::new(),
            skus: BTreeMap::new(),
            crowd: None,
            copies: Copies::default(),
            history: History::default(),
            index: Index::default(),
            assignable: BTreeSet::new(),
            held: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// How the service behind usage reports behaves, to be changed between two requests.
    pub fn report_switches(&mut self) -> &mut ReportSwitches {
        &mut self.reports
    }

    /// The id of the user with this id or user principal name.
    #[must_use]
    pub fn user_id(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.users.contains_key(&id).then_some(id).or_else(|| self.in_crowd(key)),
            // Neither a crowd's employee id nor a guest's address is a user principal name.
            Err(_) => self.index.by_upn(key).or_else(|| self.in_crowd(key).filter(|_| self.has_domain(key))),
        }
    }

    /// The id of the group with this id or display name.
    #[must_use]
    pub fn group_id(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.groups.contains_key(&id).then_some(id),
            Err(_) => self.index.groups("displayName", key).first().copied(),
        }
    }

    /// The id of the SKU with this id or part number.
    #[must_use]
    pub fn sku_id(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.skus.contains_key(&id).then_some(id),
            Err(_) => {
                let mut skus = self.skus.values();
                skus.find(|sku| sku.part_number == key).map(|sku| sku.id)
            }
        }
    }

    /// Users with exactly this value of an indexed property, ignoring case.
    pub(crate) fn users_with(&self, property: &str, value: &str) -> BTreeSet<Uuid> {
        match property {
            "id" | "userPrincipalName" => self.user_id(value).into_iter().collect(),
            _ => self.index.users(property, value),
        }
    }

    /// Groups with exactly this value of an indexed property, ignoring case.
    pub(crate) fn groups_with(&self, property: &str, value: &str) -> BTreeSet<Uuid> {
        match property {
            "id" => self.group_id(value).into_iter().collect(),
            _ => self.index.groups(property, value),
        }
    }

    /// Whether the name's domain is one of the tenant's.
    pub(crate) fn has_domain(&self, upn: &str) -> bool {
        upn.rsplit_once('@').is_some_and(|(_, domain)| {
            let mut domains = self.domains.iter();
            domains.any(|verified| verified.eq_ignore_ascii_case(domain))
        })
    }

    /// Whether a user has the name, soft-deleted ones included.
    pub(crate) fn upn_is_taken(&self, upn: &str) -> bool {
        self.index.upn_is_taken(upn)
    }

    /// Inserts a user, with a new id if it has none.
    pub(crate) fn insert_user(&mut self, mut user: User) -> Uuid {
        if user.id.is_nil() {
            user.id = self.fresh_id(&user.upn.to_lowercase());
        }
        let id = user.id;
        self.index.add_user(&user);
        self.note_applications(&user.app_roles);
        self.users.insert(id, user);
        id
    }

    /// Changes a user and updates the indexes.
    pub(crate) fn edit_user<T>(&mut self, id: Uuid, edit: impl FnOnce(&mut User) -> T) -> Option<T> {
        self.hold(&id.to_string());
        let user = self.users.get_mut(&id)?;
        let before = Watched::of(user);
        self.index.remove_user(user);
        let answer = edit(user);
        self.index.add_user(user);
        self.history.note(before, user);
        Some(answer)
    }

    /// Removes a user as if it had never existed; seats stay as they are.
    pub(crate) fn forget(&mut self, id: Uuid) {
        if let Some(user) = self.users.remove(&id) {
            self.index.remove_user(&user);
        }
        for group in self.groups.values_mut() {
            group.members.remove(&id);
            group.owners.remove(&id);
            for channel in &mut group.channels {
                channel.members.remove(&id);
            }
        }
    }

    /// The owner of the device with this id, and its index among the owner's devices.
    pub(crate) fn device(&self, key: &str) -> Option<(Uuid, usize)> {
        let id = Uuid::try_parse(key).ok()?;
        self.users.values().find_map(|user| {
            let at = user.devices.iter().position(|device| device.id(user.id) == id)?;
            Some((user.id, at))
        })
    }

    /// Resets every delta token issued so far.
    pub fn expire_delta_tokens(&mut self) {
        self.history.epoch += 1;
    }

    /// Notes a user that was made, deleted or restored.
    pub(crate) fn touched(&mut self, user: Uuid) {
        self.history.touch(user);
    }

    /// A free id that follows from the tenant and a name.
    pub(in crate::tenant) fn fresh_id(&self, name: &str) -> Uuid {
        let mut id = Uuid::new_v5(&self.id, name.as_bytes());
        while self.is_taken(id) {
            id = Uuid::new_v5(&self.id, id.as_bytes());
        }
        id
    }

    pub(in crate::tenant) fn is_taken(&self, id: Uuid) -> bool {
        self.users.contains_key(&id) || self.deleted.contains_key(&id) || self.groups.contains_key(&id)
    }
}
