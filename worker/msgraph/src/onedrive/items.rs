//! The content of OneDrives: whole trees, folders and small files.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json;
use crate::http::listing::Listing;
use crate::http::request::{Query, Write};

/// The id of the root in every drive.
pub const ROOT: &str = "root";
/// The properties that a listing selects.
const SELECT: [&str; 10] = [
    "id",
    "name",
    "size",
    "file",
    "folder",
    "root",
    "deleted",
    "remoteItem",
    "parentReference",
    "lastModifiedDateTime",
];
/// The default page is two hundred; pages of up to a thousand were seen (client code, 2025).
const PAGE: usize = 999;

/// A folder or a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DriveItem {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "json::count")]
    pub size: Option<u64>,
    file: Option<File>,
    parent_reference: Option<ParentReference>,
    #[serde(default, deserialize_with = "json::moment")]
    pub last_modified_date_time: Option<Timestamp>,
    /// Set if the item was deleted during the listing.
    pub deleted: Option<IgnoredAny>,
    /// A link to an item in another person's drive.
    pub remote_item: Option<IgnoredAny>,
    /// Set for the root only.
    pub root: Option<IgnoredAny>,
}

/// The properties of a file that a folder does not have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct File {
    hashes: Option<Hashes>,
}

/// Hashes of a file's content. OneDrive for Business has only one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    quick_xor_hash: Option<String>,
}

/// The folder of an item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ParentReference {
    id: Option<String>,
}

impl DriveItem {
    /// Whether it is a file. Otherwise it is a folder or a notebook, which is a folder.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// The hash of a file's content, in base64.
    pub fn quick_xor_hash(&self) -> Option<&str> {
        self.file.as_ref()?.hashes.as_ref()?.quick_xor_hash.as_deref()
    }

    /// The id of its folder.
    pub fn parent_id(&self) -> Option<&str> {
        self.parent_reference.as_ref()?.id.as_deref()
    }
}

#[derive(Serialize)]
struct NewFolder<'a> {
    name: &'a str,
    folder: Empty,
    #[serde(rename = "@microsoft.graph.conflictBehavior")]
    clash: &'a str,
}

#[derive(Serialize)]
struct Empty {}

/// The path of an item. The root has a path of its own.
pub(super) fn place<'a>(drive: &'a str, item: &'a str) -> Vec<&'a str> {
    match item {
        ROOT => vec!["drives", drive, ROOT],
        item => vec!["drives", drive, "items", item],
    }
}

/// The path of a name in a folder, with further segments.
fn place_of_child<'a>(drive: &'a str, folder: &'a mut String, rest: &[&'a str]) -> Vec<&'a str> {
    let is_root = folder == ROOT;
    folder.push(':');
    let mut place = if is_root { vec!["drives", drive] } else { vec!["drives", drive, "items"] };
    place.push(folder);
    place.extend(rest);
    place
}

impl<'a> Reader<'a> {
    /// Every item of a drive, including its root, in no order. An item that changes meanwhile may appear twice: the
    /// last entry counts.
    ///
    /// Delta, unlike the listings of folders, guarantees completeness ("driveItem: delta", 2025), and is known to work
    /// from a drive's root only.
    pub fn drive_items(self, drive_id: &str) -> Result<Listing<'a, DriveItem>, Error> {
        let query = Query::new(&["drives", drive_id, ROOT, "delta"])?.select(&SELECT).page_size(PAGE);
        Ok(Listing::of(self, query))
    }
}

impl Reader<'_> {
    /// The item of this name in a folder; `None` if there is none.
    pub async fn child_item(
        self,
        drive_id: &str,
        folder: &str,
        name: &str,
    ) -> Result<Option<DriveItem>, Error> {
        let mut folder = folder.to_owned();
        let query = Query::new(&place_of_child(drive_id, &mut folder, &[name]))?.select(&SELECT);
        match self.get(query).await {
            Err(error) if error.is_not_found() && !error.is_drive_missing() => Ok(None),
            item => item.map(Some),
        }
    }
}

impl Writer<'_> {
    /// Creates a folder. Graph refuses a name that is taken.
    pub async fn create_folder(self, drive_id: &str, folder: &str, name: &str) -> Result<(), Error> {
        let mut segments = place(drive_id, folder);
        segments.push("children");
        let body = NewFolder { name, folder: Empty {}, clash: "fail" };
        self.send(Write::post(&segments)?.json(&body)?).await
    }

    /// Writes a small file whole; replaces a file of that name.
    pub async fn upload(self, drive_id: &str, folder: &str, name: &str, content: Bytes) -> Result<(), Error> {
        let (mut folder, name) = (folder.to_owned(), format!("{name}:"));
        let write = Write::put(&place_of_child(drive_id, &mut folder, &[&name, "content"]))?;
        self.send(write.file(content)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_addressed_by_id_and_the_root_by_name() {
        assert_eq!(place("d", ROOT), ["drives", "d", "root"]);
        assert_eq!(place("d", "i"), ["drives", "d", "items", "i"]);
        assert_eq!(place_of_child("d", &mut "i".to_owned(), &["n"]), ["drives", "d", "items", "i:", "n"]);
        assert_eq!(place_of_child("d", &mut ROOT.to_owned(), &["n"]), ["drives", "d", "root:", "n"]);
    }
}
