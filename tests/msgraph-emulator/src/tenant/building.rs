//! Building a tenant: adding users, groups, subscriptions and applications.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::licenses::assignment::Add;
use super::licenses::sku::plan_id;
use super::{Application, Group, Sku, Tenant, TenantError, User};

impl Tenant {
    /// Adds a user; a mistake in it is reported when the emulator starts.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        let added = self.add_user(user);
        self.note(added.err())
    }

    /// Adds a user and deletes it again; a mistake in it is reported when the emulator starts.
    #[must_use]
    pub fn deleted_user(mut self, user: User) -> Self {
        let added = self.add_user(user);
        if let Ok(id) = &added {
            self.soft_delete(*id);
        }
        self.note(added.err())
    }

    /// Adds a group; a mistake in it is reported when the emulator starts.
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

    /// Adds an application, or replaces the one with this client id; a mistake in it is reported when the
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

    /// The same tenant without Intune.
    #[must_use]
    pub fn without_intune(mut self) -> Self {
        self.intune = false;
        self
    }

    pub(in crate::tenant) fn note(mut self, problem: Option<TenantError>) -> Self {
        self.problems.extend(problem);
        self
    }

    /// The first mistake in what the builder was given.
    ///
    /// # Errors
    ///
    /// The first mistake of a user, a group, an application or a crowd.
    pub fn check(&self) -> Result<(), TenantError> {
        self.problems.first().cloned().map_or(Ok(()), Err)
    }

    /// Adds a user. The manager and the SKUs must be in the tenant.
    ///
    /// # Errors
    ///
    /// The user principal name is taken or not of a verified domain, a property is not one of a
    /// user's or has a value Entra refuses, or a referenced object is missing.
    pub(crate) fn add_user(&mut self, mut user: User) -> Result<Uuid, TenantError> {
        let wishes = std::mem::take(&mut user.wishes);
        let place = format!("user {}", user.upn);
        let wrong = |what: String| TenantError::new(format!("{place}: {what}"));
        if !self.has_domain(&user.upn) {
            return Err(wrong("the domain is not a verified domain of the tenant".to_owned()));
        }
        if self.upn_is_taken(&user.upn) {
            return Err(wrong("the user principal name is taken".to_owned()));
        }
        if self.is_taken(user.id) {
            return Err(wrong("the id is taken".to_owned()));
        }
        for (name, value) in &wishes.properties {
            if let Err(why) = user.write(name, value) {
                return Err(wrong(format!("property `{name}` cannot be {value}: {why}")));
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
            let off = wishes.plans_off.iter().filter(|(of, _)| of == key);
            let disabled = off.flat_map(|(_, plans)| plans).map(|plan| plan_id(plan)).collect();
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

    /// Adds a group. The members, owners and SKUs must be in the tenant.
    ///
    /// # Errors
    ///
    /// A referenced object is missing, or the id is taken.
    pub(crate) fn add_group(&mut self, mut group: Group) -> Result<Uuid, TenantError> {
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
            channel.settle(|key| self.user_id(key)).map_err(|key| missing("member of a channel", &key))?;
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
        self.note_applications(&group.app_roles);
        self.groups.insert(id, group);
        for member in members {
            self.join(id, member);
        }
        Ok(id)
    }

    /// Replaces a group by a changed one.
    pub(crate) fn replace_group(&mut self, group: Group) {
        if let Some(before) = self.groups.get(&group.id) {
            self.index.remove_group(before);
        }
        self.index.add_group(&group);
        self.groups.insert(group.id, group);
    }

    /// Adds a SKU, or replaces the one with this id; users keep it.
    pub(crate) fn put_sku(&mut self, sku: Sku) {
        self.skus.insert(sku.id, sku);
    }

    /// Adds an application, or replaces the one with this client id. Tokens issued before keep
    /// their roles.
    pub fn put_application(&mut self, application: Application) {
        let key = application.client_id.to_ascii_lowercase();
        self.applications.insert(key, application);
    }

    /// Sets a property of a user by its name in Graph, without Graph's rules.
    ///
    /// # Errors
    ///
    /// No such user, no such property, or not a value of the property.
    pub fn set(&mut self, user: &str, property: &str, value: impl Into<Value>) -> Result<(), TenantError> {
        let missing = || TenantError::new(format!("user {user} is not in the tenant"));
        let id = self.user_id(user).ok_or_else(missing)?;
        let value = value.into();
        let written =
            self.edit_user(id, |user| match value.as_str().filter(|_| property == "userPrincipalName") {
                Some(upn) => {
                    upn.clone_into(&mut user.upn);
                    Ok(true)
                }
                None => user.write(property, &value),
            });
        match written.ok_or_else(missing)? {
            Ok(_) => Ok(()),
            Err(why) => Err(TenantError::new(format!("user {user}: property `{property}`: {why}"))),
        }
    }

    /// Dates the licences that a user has directly, as if they had been assigned then.
    ///
    /// # Errors
    ///
    /// No such user.
    pub fn date_licenses(&mut self, user: &str, date: &str) -> Result<(), TenantError> {
        let missing = || TenantError::new(format!("user {user} is not in the tenant"));
        let id = self.user_id(user).ok_or_else(missing)?;
        let set =
            |user: &mut User| user.direct.values_mut().for_each(|held| date.clone_into(&mut held.since));
        self.edit_user(id, set).ok_or_else(missing)
    }
}
