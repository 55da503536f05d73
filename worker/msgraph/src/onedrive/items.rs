//! What is in OneDrives: whole trees, folders and small files.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::listing::Listing;
use crate::http::request::{Query, Write};

/// The id under which every drive knows its root.
pub const ROOT: &str = "root";
/// What a listing asks for of every item.
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
/// Two hundred without being asked; larger pages were seen to be given up to a thousand (client code, 2025).
const PAGE: usize = 999;

/// A folder or a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DriveItem {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub size: Option<u64>,
    file: Option<File>,
    parent_reference: Option<ParentReference>,
    pub last_modified_date_time: Option<Timestamp>,
    /// There since the listing began, and gone before it ended.
    pub deleted: Option<IgnoredAny>,
    /// A link to what is in somebody else's drive.
    pub remote_item: Option<IgnoredAny>,
    /// Only the root has it.
    pub root: Option<IgnoredAny>,
}

/// What a file has that a folder has not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct File {
    hashes: Option<Hashes>,
}

/// Hashes of a file's content. In OneDrive for Business there is but one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    quick_xor_hash: Option<String>,
}

/// The folder something is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ParentReference {
    id: Option<String>,
}

impl DriveItem {
    /// Whether it is a file; else it is a folder, or a notebook, which is one.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// The hash of a file's content, in base64.
    pub fn quick_xor_hash(&self) -> Option<&str> {
        self.file.as_ref()?.hashes.as_ref()?.quick_xor_hash.as_deref()
    }

    /// The id of the folder it is in.
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

/// The place of an item in a path; the root has one of its own.
pub(super) fn place<'a>(drive: &'a str, item: &'a str) -> Vec<&'a str> {
    match item {
        ROOT => vec!["drives", drive, ROOT],
        item => vec!["drives", drive, "items", item],
    }
}

/// A name in a folder, with what follows it.
fn place_of_child<'a>(drive: &'a str, folder: &'a mut String, rest: &[&'a str]) -> Vec<&'a str> {
    let is_root = folder == ROOT;
    folder.push(':');
    let mut place = if is_root { vec!["drives", drive] } else { vec!["drives", drive, "items"] };
    place.push(folder);
    place.extend(rest);
    place
}

impl<'a> Reader<'a> {
    /// Everything in a drive, its root among it, in no order. What changes meanwhile may come twice: the last counts.
    ///
    /// Delta, unlike the listings of folders, promises to be whole ("driveItem: delta", 2025), and is known to work from
    /// a drive's root only.
    pub fn drive_items(self, drive_id: &str) -> Result<Listing<'a, DriveItem>, Error> {
        let query = Query::new(&["drives", drive_id, ROOT, "delta"])?.select(&SELECT).page_size(PAGE);
        Ok(Listing::of(self, query))
    }
}

impl Reader<'_> {
    /// What has this name in a folder, if anything has.
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
    /// Makes a folder; where the name is taken this is refused.
    pub async fn create_folder(self, drive_id: &str, folder: &str, name: &str) -> Result<(), Error> {
        let mut segments = place(drive_id, folder);
        segments.push("children");
        let body = NewFolder { name, folder: Empty {}, clash: "fail" };
        self.send(Write::post(&segments)?.json(&body)?).await
    }

    /// Writes a small file whole, also in place of one of that name.
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
    fn a_place_is_told_by_id_and_the_root_by_its_name() {
        assert_eq!(place("d", ROOT), ["drives", "d", "root"]);
        assert_eq!(place("d", "i"), ["drives", "d", "items", "i"]);
        assert_eq!(place_of_child("d", &mut "i".to_owned(), &["n"]), ["drives", "d", "items", "i:", "n"]);
        assert_eq!(place_of_child("d", &mut ROOT.to_owned(), &["n"]), ["drives", "d", "root:", "n"]);
    }
}
