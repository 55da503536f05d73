//! OneDrives: their quota and permissions. Their content is in `items`.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json::{self, null_as_empty};
use crate::http::request::{Query, Write};

/// A OneDrive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Drive {
    pub id: String,
    pub web_url: Option<String>,
    pub quota: Option<Quota>,
}

/// The quota of a drive, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Quota {
    #[serde(default, deserialize_with = "json::number")]
    pub total: Option<i64>,
    #[serde(default, deserialize_with = "json::number")]
    pub used: Option<i64>,
    #[serde(default, deserialize_with = "json::number")]
    pub remaining: Option<i64>,
}

impl Quota {
    /// The bytes that are left: none if the drive holds more than it may (onedrive-api-docs issue 1869, 2024); nothing if
    /// Graph withholds them, which it does with an absence or with a zero in every number (issue 1353, 2020).
    pub fn room(&self) -> Option<u64> {
        let is_withheld =
            [self.total, self.used, self.remaining].iter().all(|it| it.is_none_or(|it| it == 0));
        self.remaining.filter(|_| !is_withheld).map(|remaining| u64::try_from(remaining).unwrap_or(0))
    }
}

/// A permission on an item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Permission {
    pub id: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub roles: Vec<String>,
    pub granted_to_v2: Option<IdentitySet>,
}

/// The identity that a permission is for: a user here; links and groups have other fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct IdentitySet {
    pub user: Option<Identity>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Identity {
    pub id: Option<String>,
}

impl Permission {
    /// Whether it is for this user.
    pub fn is_for(&self, user_id: &str) -> bool {
        let user = self.granted_to_v2.as_ref().and_then(|granted| granted.user.as_ref());
        user.and_then(|user| user.id.as_deref()).is_some_and(|id| id.eq_ignore_ascii_case(user_id))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invitation<'a> {
    recipients: [DriveRecipient<'a>; 1],
    roles: [&'a str; 1],
    require_sign_in: bool,
    /// Off, because mail that Graph sends for an application may not arrive.
    send_invitation: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DriveRecipient<'a> {
    object_id: &'a str,
}

impl Reader<'_> {
    /// A person's OneDrive; `None` if there is none.
    pub async fn drive(self, user_id: &str) -> Result<Option<Drive>, Error> {
        let query = Query::new(&["users", user_id, "drive"])?.select(&["id", "webUrl", "quota"]);
        match self.get(query).await {
            Err(error) if error.is_drive_missing() => Ok(None),
            drive => drive.map(Some),
        }
    }

    /// The permissions on a person's whole OneDrive; `None` if there is no OneDrive.
    pub async fn drive_permissions(self, user_id: &str) -> Result<Option<Vec<Permission>>, Error> {
        match self.list(Query::new(&["users", user_id, "drive", "root", "permissions"])?).await {
            Err(error) if error.is_drive_missing() => Ok(None),
            permissions => permissions.map(Some),
        }
    }
}

impl Writer<'_> {
    /// Shares a person's whole OneDrive; `role` is `read` or `write`. A repetition changes nothing.
    pub async fn share_drive(self, user_id: &str, with: &str, role: &str) -> Result<(), Error> {
        let invitation = Invitation {
            recipients: [DriveRecipient { object_id: with }],
            roles: [role],
            require_sign_in: true,
            send_invitation: false,
        };
        self.send(Write::post(&["users", user_id, "drive", "root", "invite"])?.json(&invitation)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_drive_is_what_can_be_believed() {
        let room = |quota: &str| serde_json::from_str::<Quota>(quota).unwrap().room();
        assert_eq!(room(r#"{ "total": 9, "used": 4, "remaining": 5 }"#), Some(5));
        assert_eq!(room(r#"{ "total": 9, "used": 12, "remaining": -3 }"#), Some(0));
        assert_eq!(room(r#"{ "total": 9, "used": -3, "remaining": 12 }"#), Some(12));
        assert_eq!(room(r#"{ "total": 9, "used": 9, "remaining": 0 }"#), Some(0));
        assert_eq!(room(r#"{ "total": 0, "used": 0, "remaining": 0, "deleted": 0 }"#), None);
        assert_eq!(room("{}"), None);
        assert_eq!(room(r#"{ "remaining": "much" }"#), None);
    }
}
