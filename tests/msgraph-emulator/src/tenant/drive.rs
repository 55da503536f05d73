//! OneDrives: whether there is one, and who else may open it.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Tenant, TenantError, User, name_id};

/// A user's OneDrive. It is there once the user has opened it: a licence alone does not make one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Drive {
    /// An administrator has locked the site.
    pub(crate) locked: bool,
    #[serde(skip)]
    pub(crate) shares: Vec<Share>,
}

/// Somebody's access to the whole of a OneDrive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) with: Uuid,
    pub(crate) role: String,
}

impl Drive {
    /// A OneDrive nobody else may open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the site: nothing can be changed.
    #[must_use]
    pub fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    /// The OneDrive as a state shows it.
    pub(super) fn state(&self) -> Value {
        let shares = self.shares.iter().map(|share| json!({ "with": share.with, "role": share.role }));
        json!({ "locked": self.locked, "shares": shares.collect::<Value>() })
    }

    /// Reads the OneDrive of a tenant file.
    pub(super) fn parse(place: &str, value: &Value) -> Result<Self, TenantError> {
        Self::deserialize(value).map_err(|error| TenantError::new(format!("{place}.drive: {error}")))
    }
}

impl Share {
    /// `permission`.
    pub(crate) fn shown(&self, tenant: &Tenant) -> Value {
        permission(self.with, &self.role, tenant.users.get(&self.with))
    }
}

/// A permission for one user.
pub(crate) fn permission(user: Uuid, role: &str, whose: Option<&User>) -> Value {
    json!({
        "grantedToV2": { "user": { "id": user, "displayName": whose.and_then(|user| user.text("displayName")) } },
        "id": name_id("permission", &user.to_string()).simple().to_string(),
        "roles": [role],
    })
}
