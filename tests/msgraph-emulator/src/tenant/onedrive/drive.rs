//! OneDrives: their files, quota, state and shares.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::random::Numbers;
use crate::tenant::onedrive::files::{Content, Files, ROOT, encoded, item_id};
use crate::tenant::{TenantError, name_id};

/// The default size of a OneDrive: a tebibyte.
const TOTAL_BYTES: u64 = 1 << 40;

/// How many files each folder of a generated tree has.
const FILES_IN_A_FOLDER: usize = 40;

/// A user's OneDrive. It is there once the user has opened it: a licence alone does not make one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Drive {
    /// An administrator has locked the site: it can be read.
    pub(crate) locked: bool,
    /// An administrator has closed the site: it cannot be read.
    pub(crate) closed: bool,
    /// The geography, in a tenant with several; empty for the default.
    pub(crate) geo: String,
    /// The quota in bytes.
    total: Option<u64>,
    /// What Graph tells as the quota instead of the truth.
    quota: Option<Value>,
    /// The files and folders of a tenant file.
    #[serde(rename = "files")]
    listed: Vec<Listed>,
    /// How many files to generate.
    made_up: usize,
    #[serde(skip)]
    pub(crate) files: Files,
    #[serde(skip)]
    pub(crate) shares: Vec<Share>,
}

/// A file or a folder of a tenant file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    path: String,
    /// A folder has none.
    size: Option<u64>,
    #[serde(default)]
    infected: bool,
}

/// A user's access to the whole of a OneDrive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) with: Uuid,
    pub(crate) role: String,
}

impl Drive {
    /// An empty OneDrive that is shared with nobody.
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

    /// Closes the site: nothing can be seen.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// Puts it in another geography than the tenant's default.
    #[must_use]
    pub fn in_geo(mut self, geo: &str) -> Self {
        geo.clone_into(&mut self.geo);
        self
    }

    /// Sets the quota in bytes.
    #[must_use]
    pub fn holding(mut self, bytes: u64) -> Self {
        self.total = Some(bytes);
        self
    }

    /// Adds a file, and the folders above it.
    #[must_use]
    pub fn file(mut self, path: &str, size: u64) -> Self {
        self.files.put_at(path, Some(Content::made_up(path, size)), clock::CREATED);
        self
    }

    /// Adds a folder.
    #[must_use]
    pub fn folder(mut self, path: &str) -> Self {
        self.files.put_at(path, None, clock::CREATED);
        self
    }

    /// Adds an infected file, which cannot be copied.
    #[must_use]
    pub fn infected_file(mut self, path: &str, size: u64) -> Self {
        let file = self.files.put_at(path, Some(Content::made_up(path, size)), clock::CREATED);
        self.files.infect(file);
        self
    }

    /// Adds this many generated files, forty in a folder.
    #[must_use]
    pub fn made_up(mut self, files: usize) -> Self {
        let mut numbers = Numbers::new(files as u64);
        for number in 0..files {
            let folder = number / FILES_IN_A_FOLDER;
            let extension = ["pdf", "docx", "jpg", "xlsx", "txt"].get(number % 5).copied().unwrap_or("txt");
            let path = format!(
                "Archive {}/Folder {folder:05}/File {number:06}.{extension}",
                folder / FILES_IN_A_FOLDER
            );
            let size = numbers.next() % 200_000;
            self.files.put_at(&path, Some(Content::made_up(&path, size)), clock::CREATED);
        }
        self
    }

    /// The quota in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.total.unwrap_or(TOTAL_BYTES)
    }

    /// Makes Graph tell this as the quota: a drive that holds more than it may has a negative number in it
    /// (onedrive-api-docs issue 1869, 2024-08-01), and one may have none (issue 1353, 2020).
    #[must_use]
    pub fn telling(mut self, quota: Value) -> Self {
        self.quota = Some(quota);
        self
    }

    /// The quota that Graph tells.
    pub(crate) fn quota(&self) -> Value {
        self.quota.clone().unwrap_or_else(|| {
            json!({
                "deleted": 0, "remaining": self.remaining(), "state": "normal", "total": self.total(),
                "used": self.files.used(),
            })
        })
    }

    /// The bytes left of the quota.
    pub(crate) fn remaining(&self) -> u64 {
        self.total().saturating_sub(self.files.used())
    }

    /// The OneDrive as a state shows it.
    pub(in crate::tenant) fn state(&self) -> Value {
        let shares = self.shares.iter().map(|share| json!({ "with": share.with, "role": share.role }));
        json!({ "locked": self.locked, "shares": shares.collect::<Value>(), "files": self.files.state() })
    }

    /// Reads the OneDrive of a tenant file.
    pub(in crate::tenant) fn parse(place: &str, value: &Value) -> Result<Self, TenantError> {
        let read = Self::deserialize(value);
        let mut drive: Self = read.map_err(|error| TenantError::new(format!("{place}.drive: {error}")))?;
        for listed in std::mem::take(&mut drive.listed) {
            drive = match listed.size {
                Some(size) if listed.infected => drive.infected_file(&listed.path, size),
                Some(size) => drive.file(&listed.path, size),
                None => drive.folder(&listed.path),
            };
        }
        let made_up = drive.made_up;
        Ok(drive.made_up(made_up))
    }
}

/// The id of a user's drive.
pub(crate) fn drive_id(owner: Uuid) -> String {
    format!("b!{}", name_id("drive", &owner.to_string()).simple())
}

/// `driveItem`.
pub(crate) fn item(owner: Uuid, files: &Files, number: u32) -> Value {
    let Some(item) = files.get(number) else { return Value::Null };
    let mut shown = json!({
        "id": item_id(owner, number),
        "name": item.name,
        "createdDateTime": item.created,
        "lastModifiedDateTime": item.modified,
        "parentReference": { "driveId": drive_id(owner), "driveType": "business" },
    });
    let Some(fields) = shown.as_object_mut() else { return shown };
    match &item.content {
        Some(content) => {
            let file = json!({ "hashes": { "quickXorHash": encoded(&content.hash) }, "mimeType": "application/octet-stream" });
            fields.insert("file".to_owned(), file);
            fields.insert("size".to_owned(), json!(content.size));
        }
        None => {
            fields.insert("folder".to_owned(), json!({ "childCount": files.children(number).count() }));
            fields.insert("size".to_owned(), json!(0));
        }
    }
    if number == ROOT {
        fields.insert("root".to_owned(), json!({}));
    } else if let Some(parent) = fields.get_mut("parentReference").and_then(Value::as_object_mut) {
        parent.insert("id".to_owned(), json!(item_id(owner, item.parent)));
    }
    shown
}
