//! What is in OneDrives: whole trees, folders, small files, and copies from one drive to another.
//!
//! A copy is ordered and goes on by itself. Graph answers with an address to ask after it, which lets in whoever has it
//! and takes no token (Microsoft Graph documentation, "driveItem: copy" and "Long running actions", 2025). The address
//! ends some time after the copy; what became of it is then seen in the target alone.

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::paging::Listing;
use crate::http::request::{Query, Write};
use crate::observer::Service;

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
/// The longest answer about a copy that is read.
const STATUS_BYTES: usize = 256 * 1024;
/// What to do where a name is taken: of use in the address only, in a body it is passed over (seen 2024).
const CLASH: &str = "@microsoft.graph.conflictBehavior";

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

/// An order to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOrder<'a> {
    /// The drive of what is copied, and what.
    pub from: (&'a str, &'a str),
    /// The drive and the folder to copy into.
    pub to: (&'a str, &'a str),
    /// Under another name than its own.
    pub name: Option<&'a str>,
    /// What is in the folder, and not the folder.
    pub children_only: bool,
    /// In place of a file of that name; else the copy of what has a taken name fails.
    pub replace: bool,
}

/// What is told of a copy.
#[derive(Debug, Clone, PartialEq)]
pub enum CopyState {
    /// It goes on; how much of it is done, in hundredths.
    Running(f64),
    /// It is over and says that all went well.
    Done,
    /// It is over and something was not copied; not everything that was is told.
    Failed(Vec<RefusedItem>),
    /// Nobody knows of it any more.
    Forgotten,
}

/// Something that was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedItem {
    /// SharePoint's word for why.
    pub code: String,
    /// What, where it is told.
    pub item: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: Option<String>,
    percentage_complete: Option<f64>,
    error: Option<StatusError>,
}

#[derive(Deserialize)]
struct StatusError {
    code: Option<String>,
    #[serde(default)]
    details: Vec<StatusDetail>,
}

#[derive(Deserialize)]
struct StatusDetail {
    code: Option<String>,
    target: Option<String>,
}

impl Status {
    fn read(self) -> CopyState {
        match self.status.as_deref() {
            Some("completed") => CopyState::Done,
            Some("failed" | "deleteFailed") => {
                let error = self.error.unwrap_or(StatusError { code: None, details: Vec::new() });
                let details = error.details.into_iter();
                let mut refused: Vec<_> = details
                    .filter_map(|detail| Some(RefusedItem { code: detail.code?, item: detail.target }))
                    .collect();
                refused.extend(error.code.map(|code| RefusedItem { code, item: None }));
                CopyState::Failed(refused)
            }
            // Words that are not known yet mean that it is not over.
            _ => CopyState::Running(self.percentage_complete.unwrap_or_default()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyBody<'a> {
    parent_reference: Target<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    children_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    drive_id: &'a str,
    id: &'a str,
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
fn place<'a>(drive: &'a str, item: &'a str) -> Vec<&'a str> {
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

    /// How a copy is getting on, by the address its order was answered with.
    pub async fn copy_state(self, address: &SecretString) -> Result<CopyState, Error> {
        let (transport, retry) = self.outside();
        let mut download = match transport.download(Service::SharePoint, address, retry).await {
            Ok(download) => download,
            // It leads to what was made ("Long running actions", 2025).
            Err(error) if error.status().is_some_and(|status| (300..400).contains(&status)) => {
                return Ok(CopyState::Done);
            }
            Err(error) if matches!(error.status(), Some(401 | 403 | 404 | 410)) => {
                return Ok(CopyState::Forgotten);
            }
            Err(error) => return Err(error),
        };
        let mut body = Vec::new();
        while let Some(chunk) = download.chunk().await? {
            if body.len() + chunk.len() > STATUS_BYTES {
                return Err(download.unreadable("its length"));
            }
            body.extend_from_slice(&chunk);
        }
        // A small copy is sometimes over at once, and there is nothing to say (seen 2025).
        if body.is_empty() {
            return Ok(CopyState::Done);
        }
        let status: Status = serde_json::from_slice(&body).map_err(|_| download.unreadable("`status`"))?;
        Ok(status.read())
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

    /// Orders a copy; answers with the address to ask after it, if there is one.
    pub async fn copy_item(self, order: &CopyOrder<'_>) -> Result<Option<SecretString>, Error> {
        let mut segments = place(order.from.0, order.from.1);
        segments.push("copy");
        let body = CopyBody {
            parent_reference: Target { drive_id: order.to.0, id: order.to.1 },
            name: order.name,
            children_only: order.children_only,
        };
        let clash = if order.replace { "replace" } else { "fail" };
        self.begin(Write::post(&segments)?.option(CLASH, clash).json(&body)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> CopyState {
        serde_json::from_str::<Status>(text).unwrap().read()
    }

    #[test]
    fn what_is_told_of_a_copy_is_understood_in_all_its_forms() {
        let running = r#"{"operation":"ItemCopy","percentageComplete":27.8,"status":"inProgress"}"#;
        assert_eq!(read(running), CopyState::Running(27.8));
        assert_eq!(read(r#"{"status":"waiting"}"#), CopyState::Running(0.0));
        assert_eq!(
            read(r#"{"percentageComplete":100.0,"resourceId":"01","status":"completed"}"#),
            CopyState::Done
        );
        let one =
            r#"{"status":"failed","error":{"code":"nameAlreadyExists","message":"Name already exists"}}"#;
        let refused =
            |code: &str, item: Option<&str>| RefusedItem { code: code.into(), item: item.map(Into::into) };
        assert_eq!(read(one), CopyState::Failed(vec![refused("nameAlreadyExists", None)]));
        let several = r#"{"status":"failed","error":{"message":"Errors occurred","details":[
            {"code":"malwareDetected","message":"m","target":"01A"},{"code":"generalException"},{"message":"m"}]}}"#;
        let expected = vec![refused("malwareDetected", Some("01A")), refused("generalException", None)];
        assert_eq!(read(several), CopyState::Failed(expected));
        assert_eq!(read(r#"{"status":"failed"}"#), CopyState::Failed(Vec::new()));
    }

    #[test]
    fn a_place_is_told_by_id_and_the_root_by_its_name() {
        assert_eq!(place("d", ROOT), ["drives", "d", "root"]);
        assert_eq!(place("d", "i"), ["drives", "d", "items", "i"]);
        assert_eq!(place_of_child("d", &mut "i".to_owned(), &["n"]), ["drives", "d", "items", "i:", "n"]);
        assert_eq!(place_of_child("d", &mut ROOT.to_owned(), &["n"]), ["drives", "d", "root:", "n"]);
    }
}
