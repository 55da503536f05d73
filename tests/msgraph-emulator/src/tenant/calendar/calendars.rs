//! Calendars: owner, kind, and sharings.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::tenant::ids::opaque;

/// A calendar in a user's mailbox.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Calendar {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) is_default: bool,
    /// Birthdays and holidays: Exchange keeps them.
    pub(crate) is_fixed: bool,
    /// The owner, if another person shared it.
    pub(crate) owner: Option<String>,
    pub(crate) shared_with: Vec<Sharing>,
    /// The role of the whole organization.
    pub(crate) organization_role: Option<String>,
}

/// The role of one address in a calendar.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Sharing {
    pub(crate) address: String,
    pub(crate) role: String,
}

impl Calendar {
    /// A calendar of the mailbox's own.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The calendar every mailbox has.
    #[must_use]
    pub fn primary() -> Self {
        let calendar = Self { is_default: true, ..Self::named("Calendar") };
        Self { id: opaque("calendar", "primary"), ..calendar }
    }

    /// Shares it with an address, in a role by Graph's name.
    #[must_use]
    pub fn shared_with(mut self, address: &str, role: &str) -> Self {
        self.shared_with.push(Sharing { address: address.to_owned(), role: role.to_owned() });
        self
    }

    /// Shares it with the whole organization, in a role by Graph's name.
    #[must_use]
    pub fn shared_with_everybody(mut self, role: &str) -> Self {
        self.organization_role = Some(role.to_owned());
        self
    }

    /// Makes it a calendar that another person shared.
    #[must_use]
    pub fn of(mut self, owner: &str) -> Self {
        self.owner = Some(owner.to_owned());
        self
    }

    /// Makes it a calendar that Exchange maintains, such as birthdays.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.is_fixed = true;
        self
    }

    /// Adds a sharing. They are sorted, so that the order in which they came makes no difference.
    pub(crate) fn share(&mut self, sharing: Sharing) {
        self.shared_with.push(sharing);
        self.shared_with.sort_by(|one, other| one.address.cmp(&other.address));
    }

    /// Changes the role of the permission with this id.
    pub(crate) fn set_role(&mut self, permission: &str, role: &str) {
        if permission == everybody() {
            self.organization_role = Some(role.to_owned());
        }
        let held = self.shared_with.iter_mut().filter(|held| held.id() == permission);
        held.for_each(|held| role.clone_into(&mut held.role));
    }

    pub(crate) fn is_own(&self) -> bool {
        self.owner.is_none() && !self.is_fixed
    }

    /// `calendar`, in the mailbox of the user with this address.
    pub(crate) fn shown(&self, holder: &str) -> Value {
        let owner = self.owner.as_deref().unwrap_or(holder);
        json!({
            "canEdit": self.is_own(),
            "canShare": self.is_own(),
            "id": self.id,
            "isDefaultCalendar": self.is_default,
            "isRemovable": !self.is_default && !self.is_fixed,
            "name": self.name,
            "owner": { "address": owner, "name": owner },
        })
    }

    /// The `calendarPermission`s: the whole organization's first. Only the owner sees any.
    pub(crate) fn permissions(&self) -> Vec<Value> {
        if !self.is_own() {
            return Vec::new();
        }
        let organization = json!({
            "allowedRoles": ["none", "freeBusyRead", "limitedRead", "read", "write"],
            "emailAddress": { "name": "My Organization" },
            "id": everybody(),
            "isInsideOrganization": true,
            "isRemovable": false,
            "role": self.organization_role.as_deref().unwrap_or("freeBusyRead"),
        });
        let others = self.shared_with.iter().map(|sharing| {
            json!({
                "allowedRoles": ["freeBusyRead", "limitedRead", "read", "write"],
                "emailAddress": { "address": sharing.address, "name": sharing.address },
                "id": sharing.id(),
                "isInsideOrganization": true,
                "isRemovable": true,
                "role": sharing.role,
            })
        });
        std::iter::once(organization).chain(others).collect()
    }
}

/// The id of the permission of the whole organization.
fn everybody() -> String {
    opaque("permission", "everybody")
}

impl Sharing {
    /// The id, which follows from the address.
    pub(crate) fn id(&self) -> String {
        opaque("permission", &self.address)
    }
}
