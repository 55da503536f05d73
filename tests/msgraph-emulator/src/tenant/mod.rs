//! The tenant: everything true, kept so that every lookup Graph offers is a map's.
//!
//! Start at [`Tenant`]. Objects are added through its methods and changed through its methods, so
//! that the indexes and the seat counts always agree with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

mod application;
mod calendar;
mod contoso;
mod devices;
mod file;
mod groups;
mod index;
mod licenses;
mod mail;
mod onedrive;
mod sign_in;
mod state;
mod teams;
pub(crate) mod users;

pub use application::{Application, CERTIFICATE, CLIENT_ID, CLIENT_SECRET};
pub use calendar::calendars::Calendar;
pub use calendar::event::Event;
pub(crate) use calendar::event::{Events, PROPERTIES as EVENT_PROPERTIES};
pub use devices::device::Device;
pub(crate) use devices::device::PROPERTIES as DEVICE_PROPERTIES;
pub use groups::group::Group;
pub(crate) use groups::group::{DEFAULTS as GROUP_DEFAULTS, PROPERTIES as GROUP_PROPERTIES};
use index::Index;
pub(crate) use licenses::assignment::{Add, NotLicensed};
pub use licenses::sku::Sku;
pub use mail::mailbox::Mailbox;
pub(crate) use mail::mailbox::{AutomaticReplies, InboxRule, wrapped};
pub(crate) use mail::message::MailMessage;
use onedrive::copies;
pub(crate) use onedrive::copies::{Clash, Order, job_key};
pub use onedrive::drive::Drive;
pub(crate) use onedrive::drive::{Share, drive_id, item as drive_item, permission};
pub(crate) use onedrive::files::{Content, item_id, item_number};
pub(crate) use sign_in::temporary_access_pass::{METHOD as PASS_METHOD, Pass};
pub use teams::channel::Channel;
pub(crate) use teams::channel::channel_id;
use users::crowd::Crowd;
pub(crate) use users::history::History;
pub use users::user::User;
pub(crate) use users::user::{DEFAULTS as USER_DEFAULTS, SENSITIVE, Unwritable};

/// The directory id of the tenants made here.
pub const TENANT_ID: Uuid = Uuid::from_u128(0xc0_47_05_0e_4a_11_4d_5e_9f_00_6a_7e_40_05_e0_01);

/// What is wrong with a tenant: a sentence that names the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TenantError(pub(crate) String);

impl TenantError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A Microsoft 365 tenant in memory.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) country: String,
    /// Whether reports show pseudonyms instead of names.
    pub(crate) concealed_names: bool,
    /// Whether the tenant has bought Intune.
    pub(crate) intune: bool,
    pub(crate) applications: BTreeMap<String, Application>,
    pub(crate) users: BTreeMap<Uuid, User>,
    pub(crate) deleted: BTreeMap<Uuid, User>,
    pub(crate) groups: BTreeMap<Uuid, Group>,
    pub(crate) skus: BTreeMap<Uuid, Sku>,
    crowd: Option<Crowd>,
    copies: copies::Copies,
    pub(crate) history: History,
    index: Index,
    /// The groups that may hold a directory role.
    assignable: BTreeSet<Uuid>,
    /// How many users hold each SKU.
    held: HashMap<Uuid, u64>,
    problems: Vec<TenantError>,
}

impl Tenant {
    /// A tenant with the domain `contoso.example`, the default application and nothing else.
    #[must_use]
    pub fn empty() -> Self {
        Self::bare(TENANT_ID, "Contoso", "contoso.example").application(Application::default())
    }

    /// A tenant without so much as an application.
    pub(crate) fn bare(id: Uuid, display_name: &str, domain: &str) -> Self {
        Self {
            id,
            display_name: display_name.to_owned(),
            domains: vec![domain.to_owned()],
            country: "US".to_owned(),
            concealed_names: false,
            intune: true,
            applications: BTreeMap::new(),
            users: BTreeMap::new(),
            deleted: BTreeMap::new(),
            groups: BTreeMap::new(),
            skus: BTreeMap::new(),
            crowd: None,
            copies: copies::Copies::default(),
            history: History::default(),
            index: Index::default(),
            assignable: BTreeSet::new(),
            held: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a user; what is wrong with it is reported when the emulator starts.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        let added = self.add_user(user);
        self.note(added.err())
    }

    /// Adds a user and deletes it again; what is wrong with it is reported when the emulator starts.
    #[must_use]
    pub fn deleted_user(mut self, user: User) -> Self {
        let added = self.add_user(user);
        if let Ok(id) = &added {
            self.soft_delete(*id);
        }
        self.note(added.err())
    }

    /// Adds a group; what is wrong with it is reported when the emulator starts.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        let added = self.add_group(group);
        self.note(added.err())
    }

    /// Adds a SKU, or replaces the one with this id.
    #[must_use]
    pub fn sku(mut self, sku: Sku) -> Self {
        self.put_sku(sku);
        self
    }

    /// Adds an application, or replaces the one with this client id; what is wrong with it is reported when the
    /// emulator starts.
    #[must_use]
    pub fn application(mut self, application: Application) -> Self {
        let checked = application.check();
        self.put_application(application);
        self.note(checked.err())
    }

    /// Conceals names in reports, as every tenant does until an administrator changes it.
    #[must_use]
    pub fn concealing_names(mut self) -> Self {
        self.concealed_names = true;
        self
    }

    fn note(mut self, problem: Option<TenantError>) -> Self {
        self.problems.extend(problem);
        self
    }

    /// The first thing wrong with what the builder was given.
    ///
    /// # Errors
    ///
    /// Whatever `add_user` or `add_group` answered first.
    pub fn check(&self) -> Result<(), TenantError> {
        self.problems.first().cloned().map_or(Ok(()), Err)
    }

    /// Adds a user whose manager and SKUs are in the tenant already.
    ///
    /// # Errors
    ///
    /// The user principal name is taken or not of a verified domain, a property is not one of a
    /// user's or has a value Entra refuses, or what the user refers to is missing.
    pub fn add_user(&mut self, mut user: User) -> Result<Uuid, TenantError> {
        let wishes = std::mem::take(&mut user.wishes);
        let place = format!("user {}", user.upn);
        let wrong = |what: String| TenantError::new(format!("{place}: {what}"));
        if !self.has_domain(&user.upn) {
            return Err(wrong("the domain is not a verified one".to_owned()));
        }
        if self.upn_is_taken(&user.upn) {
            return Err(wrong("the user principal name is taken".to_owned()));
        }
        if self.is_taken(user.id) {
            return Err(wrong("the id is taken".to_owned()));
        }
        for (name, value) in &wishes.properties {
            if let Err(why) = user.write(name, value) {
                return Err(wrong(format!("property `{name}` cannot be {value}: {why:?}")));
            }
        }
        if let Some(key) = &wishes.manager {
            let manager = self.user_id(key);
            self.hold(key);
            user.manager =
                Some(manager.ok_or_else(|| wrong(format!("the manager {key} is not in the tenant")))?);
        }
        let mut adds = Vec::new();
        for key in &wishes.licenses {
            let sku = self.sku_id(key);
            let sku = sku.ok_or_else(|| wrong(format!("the SKU {key} is not in the tenant")))?;
            let disabled = BTreeSet::new();
            adds.push(Add { sku, disabled });
        }
        let id = self.insert_user(user);
        if let Err(why) = self.assign_licenses(id, &adds, &[]) {
            if let Some(user) = self.users.remove(&id) {
                self.index.remove_user(&user);
            }
            return Err(wrong(why.to_string()));
        }
        Ok(id)
    }

    /// Adds a group whose members, owners and SKUs are in the tenant already.
    ///
    /// # Errors
    ///
    /// What the group refers to is missing, or its id is taken.
    pub fn add_group(&mut self, mut group: Group) -> Result<Uuid, TenantError> {
        let wishes = std::mem::take(&mut group.wishes);
        let place = format!("group {}", group.display_name);
        let missing = |what: &str, key: &str| {
            TenantError::new(format!("{place}: the {what} {key} is not in the tenant"))
        };
        if group.id.is_nil() {
            group.id = self.fresh_id(&format!("group/{}", group.display_name));
        } else if self.is_taken(group.id) {
            return Err(TenantError::new(format!("{place}: the id is taken")));
        }
        if group.mail_enabled && group.mail.is_none() {
            let domain = self.domains.first().map_or("", String::as_str);
            group.mail = Some(format!("{}@{domain}", group.mail_nickname));
        }
        for key in &wishes.licenses {
            let sku = self.sku_id(key).ok_or_else(|| missing("SKU", key))?;
            group.licenses.insert(sku, BTreeSet::new());
        }
        for key in &wishes.owners {
            let owner = self.user_id(key).ok_or_else(|| missing("owner", key))?;
            self.hold(key);
            group.owners.insert(owner);
        }
        let mut channels = std::mem::take(&mut group.channels);
        for channel in &mut channels {
            channel.settle(self).map_err(|key| missing("member of a channel", &key))?;
        }
        group.channels = channels;
        let mut members = Vec::new();
        for key in &wishes.members {
            let member = self.user_id(key).or_else(|| self.group_id(key));
            members.push(member.ok_or_else(|| missing("member", key))?);
        }
        let id = group.id;
        if group.assignable_to_role {
            self.assignable.insert(id);
        }
        self.index.add_group(&group);
        self.groups.insert(id, group);
        for member in members {
            self.join(id, member);
        }
        Ok(id)
    }

    /// Adds a SKU, or replaces the one with this id; who holds it, keeps it.
    pub fn put_sku(&mut self, sku: Sku) {
        self.skus.insert(sku.id, sku);
    }

    /// Adds an application, or replaces the one with this client id. Tokens issued before keep
    /// their roles.
    pub fn put_application(&mut self, application: Application) {
        let key = application.client_id.to_ascii_lowercase();
        self.applications.insert(key, application);
    }

    /// Sets a property of a user by its name in Graph, whatever Graph would say to it.
    ///
    /// # Errors
    ///
    /// No such user, no such property, or not a value of the property.
    pub fn set(&mut self, user: &str, property: &str, value: impl Into<Value>) -> Result<(), TenantError> {
        let missing = || TenantError::new(format!("user {user} is not in the tenant"));
        let id = self.user_id(user).ok_or_else(missing)?;
        let written = self.edit_user(id, |user| user.write(property, &value.into()));
        match written.ok_or_else(missing)? {
            Ok(_) => Ok(()),
            Err(why) => Err(TenantError::new(format!("user {user}: property `{property}`: {why:?}"))),
        }
    }

    /// The id of the user with this id or user principal name.
    #[must_use]
    pub fn user_id(&self, key: &str) -> Option<Uuid> {
        match Uuid::try_parse(key) {
            Ok(id) => self.users.contains_key(&id).then_some(id).or_else(|| self.in_crowd(key)),
            // The employee id of somebody in the crowd is no user principal name.
            Err(_) => self.index.by_upn(key).or_else(|| self.in_crowd(key).filter(|_| key.contains('@'))),
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

    /// Users with exactly this value, in whatever case, of an indexed property.
    pub(crate) fn users_with(&self, property: &str, value: &str) -> BTreeSet<Uuid> {
        match property {
            "id" | "userPrincipalName" => self.user_id(value).into_iter().collect(),
            _ => self.index.users(property, value),
        }
    }

    /// Groups with exactly this value, in whatever case, of an indexed property.
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

    /// Puts a user in, with an id if there is none yet.
    pub(crate) fn insert_user(&mut self, mut user: User) -> Uuid {
        if user.id.is_nil() {
            user.id = self.fresh_id(&user.upn.to_lowercase());
        }
        let id = user.id;
        self.index.add_user(&user);
        self.users.insert(id, user);
        id
    }

    /// Changes a user in a way the indexes hear of.
    pub(crate) fn edit_user<T>(&mut self, id: Uuid, edit: impl FnOnce(&mut User) -> T) -> Option<T> {
        self.hold(&id.to_string());
        let user = self.users.get_mut(&id)?;
        self.index.remove_user(user);
        let answer = edit(user);
        self.index.add_user(user);
        self.touched(id);
        Some(answer)
    }

    /// Takes a user out of what can be found, as if it had never been there; seats stay as they are.
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

    /// An id that follows from the tenant and a name, and that nothing has yet.
    fn fresh_id(&self, name: &str) -> Uuid {
        let mut id = Uuid::new_v5(&self.id, name.as_bytes());
        while self.is_taken(id) {
            id = Uuid::new_v5(&self.id, id.as_bytes());
        }
        id
    }

    fn is_taken(&self, id: Uuid) -> bool {
        self.users.contains_key(&id) || self.deleted.contains_key(&id) || self.groups.contains_key(&id)
    }
}

/// An id that follows from a kind and a name, alike in every tenant.
pub(crate) fn name_id(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&TENANT_ID, format!("{kind}/{name}").as_bytes())
}

/// The id of the directory role with this name.
pub(crate) fn role_id(name: &str) -> Uuid {
    name_id("role", name)
}

#[cfg(test)]
mod tests;
