//! Applications that people are assigned to. The tenant has one as soon as anybody is assigned to it, and keeps it.
//!
//! `Payroll` is an application that defines no role. `Travel/Approver` is the role of an application `Travel`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Tenant;
use super::ids::name_id;

impl Tenant {
    /// The ids of an application and of a role in it; without a role, that of default access.
    #[must_use]
    pub fn application_ids(application: &str, role: &str) -> (Uuid, Uuid) {
        let name = if role.is_empty() { application.to_owned() } else { format!("{application}/{role}") };
        (name_id("application", application), app_role_id(&name))
    }

    /// The applications, each with the id of its service principal.
    pub(crate) fn enterprise_applications(&self) -> impl Iterator<Item = (Uuid, String)> {
        let names: BTreeSet<&str> = self.enterprise.iter().map(|name| application_of(name)).collect();
        names.into_iter().map(|name| (name_id("application", name), name.to_owned()))
    }

    /// The name of the application whose service principal has this id.
    pub(crate) fn enterprise_application(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).ok()?;
        self.enterprise_applications().find(|(known, _)| *known == id).map(|(_, name)| name)
    }

    /// What people can be assigned to in an application: its roles, or the application itself if it defines none.
    pub(crate) fn roles_of(&self, application: &str) -> Vec<String> {
        let names = self.enterprise.iter().filter(|name| application_of(name) == application);
        let roles: Vec<_> = names.filter(|name| *name != application).cloned().collect();
        if roles.is_empty() { vec![application.to_owned()] } else { roles }
    }

    /// Notes the applications that somebody is assigned to.
    pub(in crate::tenant) fn note_applications(&mut self, names: &BTreeSet<String>) {
        self.enterprise.extend(names.iter().cloned());
    }
}

/// The application in the name of a role.
pub(crate) fn application_of(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// The object id of an application's registration, which is another than that of its service principal.
pub(crate) fn registration_id(application: &str) -> Uuid {
    name_id("registration", application)
}

/// The id of a role by its name; of an application without a role, that of default access.
pub(crate) fn app_role_id(name: &str) -> Uuid {
    if name.contains('/') { name_id("appRole", name) } else { Uuid::nil() }
}
