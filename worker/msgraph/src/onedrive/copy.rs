//! Copies from one drive to another.
//!
//! A copy is a long-running job. Graph answers the order with an address to monitor it at, which grants access by
//! itself and takes no token (Microsoft Graph documentation, "driveItem: copy" and "Long running actions", 2025). The
//! address expires some time after the copy ends; then only the target drive shows its outcome.

use serde::{Deserialize, Serialize};

use super::items::place;
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json::null_as_empty;
use crate::http::request::Write;
use crate::observer::Service;

/// The longest answer about a copy that the client reads.
const STATUS_BYTES: usize = 256 * 1024;

/// What to do with a taken name. Graph reads the option in the address only and ignores it in a body (seen 2024).
const CLASH: &str = "@microsoft.graph.conflictBehavior";

/// An order to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOrder<'a> {
    /// The drive and the item to copy from.
    pub from: (&'a str, &'a str),
    /// The drive and the folder to copy into.
    pub to: (&'a str, &'a str),
    /// Another name for the copy.
    pub name: Option<&'a str>,
    /// Whether to copy only the content of the folder.
    pub children_only: bool,
    /// Whether to replace a file of the same name. Otherwise the copy of an item with a taken name fails.
    pub replace: bool,
}

/// The state of a copy job.
#[derive(Debug, Clone, PartialEq)]
pub enum CopyState {
    /// In progress, with the percentage done.
    Running(f64),
    /// Completed successfully.
    Done,
    /// Ended, with some items not copied. The list may be incomplete.
    Failed(Vec<RefusedItem>),
    /// Graph no longer knows the job.
    Forgotten,
    /// The address cannot be opened: another key sealed it. The job may still be in progress.
    Sealed,
}

/// An item that was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedItem {
    /// SharePoint's code for the reason.
    pub code: String,
    /// The item's id, if SharePoint says it.
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
    #[serde(default, deserialize_with = "null_as_empty")]
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
            // Any other word means that the job is not over.
            _ => CopyState::Running(self.percentage_complete.unwrap_or_default().clamp(0.0, 100.0)),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyBody<'a> {
    parent_reference: CopyTarget<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    children_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyTarget<'a> {
    drive_id: &'a str,
    id: &'a str,
}

impl Reader<'_> {
    /// The state of a copy, from the sealed address that [`Writer::copy_item`] returned.
    pub async fn copy_state(self, sealed: &str) -> Result<CopyState, Error> {
        let Some(address) = self.seal().open(sealed) else { return Ok(CopyState::Sealed) };
        let (transport, retry) = self.outside();
        let mut download = match transport.download(Service::SharePoint, &address, retry).await {
            Ok(download) => download,
            // The redirect leads to the copy ("Long running actions", 2025).
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
                return Err(download.unreadable("its end: it is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        // A small copy sometimes completes at once, with an empty answer (seen 2025).
        if body.is_empty() {
            return Ok(CopyState::Done);
        }
        let status: Status = serde_json::from_slice(&body).map_err(|_| download.unreadable("`status`"))?;
        Ok(status.read())
    }
}

impl Writer<'_> {
    /// Orders a copy; returns the address to monitor it at, if Graph sends one, sealed.
    pub async fn copy_item(self, order: &CopyOrder<'_>) -> Result<Option<String>, Error> {
        let mut segments = place(order.from.0, order.from.1);
        segments.push("copy");
        let body = CopyBody {
            parent_reference: CopyTarget { drive_id: order.to.0, id: order.to.1 },
            name: order.name,
            children_only: order.children_only,
        };
        let clash = if order.replace { "replace" } else { "fail" };
        let address = self.begin(Write::post(&segments)?.option(CLASH, clash).json(&body)?).await?;
        Ok(address.and_then(|address| self.seal().close(&address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> CopyState {
        serde_json::from_str::<Status>(text).unwrap().read()
    }

    #[test]
    fn the_state_of_a_copy_is_read_in_all_its_forms() {
        let running = r#"{"operation":"ItemCopy","percentageComplete":27.8,"status":"inProgress"}"#;
        assert_eq!(read(running), CopyState::Running(27.8));
        assert_eq!(read(r#"{"status":"waiting"}"#), CopyState::Running(0.0));
        assert_eq!(read(r#"{"status":"inProgress","percentageComplete":-1}"#), CopyState::Running(0.0));
        assert_eq!(read(r#"{"status":"failed","error":{"details":null}}"#), CopyState::Failed(Vec::new()));
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
}
