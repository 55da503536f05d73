//! Access to drives: by id, by path, and by invitation.

use serde_json::{Value, json};
use uuid::Uuid;

use super::drive::{Drive, Share, drive_id};
use super::files::Content;
use crate::clock;
use crate::tenant::ids::name_id;
use crate::tenant::{Tenant, User};

impl Drive {
    /// The web address.
    pub(crate) fn web_url(&self, owner: &User) -> String {
        let person: String =
            owner.upn.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("https://contoso{}-my.sharepoint.example/personal/{person}/Documents", self.geo)
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

impl Tenant {
    /// The owner of a drive.
    pub(crate) fn drive_owner(&self, drive: &str) -> Option<Uuid> {
        self.users
            .values()
            .find(|user| user.drive.is_some() && drive_id(user.id) == drive)
            .map(|user| user.id)
    }

    /// The bytes of a file that a request wrote.
    pub(crate) fn file_bytes(&self, user: &str, path: &str) -> Option<Vec<u8>> {
        let files = &self.users.get(&self.user_id(user)?)?.drive.as_deref()?.files;
        let content = files.get(files.at(path)?)?.content.as_ref()?;
        content.bytes.as_ref().map(|bytes| bytes.to_vec())
    }

    /// Writes a file from outside.
    pub(crate) fn write_file(&mut self, user: &str, path: &str, size: u64) -> bool {
        let drive = self.user_id(user).and_then(|user| self.drive_mut(user));
        let written = drive.map(|drive| {
            let content = Content::made_up(&format!("{path} of {size}"), size);
            drive.files.put_at(path, Some(content), &clock::now())
        });
        written.is_some()
    }

    /// Deletes a file or a folder from outside.
    pub(crate) fn delete_file(&mut self, user: &str, path: &str) -> bool {
        let drive = self.user_id(user).and_then(|user| self.drive_mut(user));
        let found = drive.and_then(|drive| Some((drive.files.at(path)?, drive)));
        found.map(|(item, drive)| drive.files.remove(item)).is_some()
    }

    /// The drive of a user, for changes. No index depends on it.
    pub(crate) fn drive_mut(&mut self, owner: Uuid) -> Option<&mut Drive> {
        self.users.get_mut(&owner)?.drive.as_deref_mut()
    }
}
