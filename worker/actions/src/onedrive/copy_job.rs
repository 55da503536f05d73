//! The writes of a migration: folders, copies, and the list.

use std::fmt;

use bytes::Bytes;
use msgraph::{CopyOrder, ROOT as DRIVE_ROOT, Writer};

use super::copy_plan::Part;
use super::manifest;
use super::notes::Note;
use crate::Error;

/// One write from one drive to another.
#[derive(Debug, PartialEq)]
pub struct Change {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) job: Job,
}

/// What to write.
#[derive(Debug, PartialEq)]
pub enum Job {
    /// Create the folder for all copies.
    Home(String),
    /// Copy a part, and whether to monitor it.
    Part(Part, bool),
    /// A later write, which is only printed.
    Later(String),
    /// Write the list with the result for each item.
    List { folder: String, items: usize, content: Bytes },
}

impl Change {
    /// Makes the write. Returns the note for the next look.
    pub async fn carry_out(&self, graph: Writer<'_>) -> Result<Option<Note>, Error> {
        self.send(graph).await.map_err(or_refused)
    }

    async fn send(&self, graph: Writer<'_>) -> Result<Option<Note>, msgraph::Error> {
        match &self.job {
            Job::Home(name) => graph.create_folder(&self.to, DRIVE_ROOT, name).await.map(|()| None),
            Job::Part(Part::Folder { into, name, .. }, _) => {
                graph.create_folder(&self.to, into.as_deref().unwrap_or_default(), name).await.map(|()| None)
            }
            Job::Part(Part::Copy { item, children_only, into, name, replace, sum }, is_monitored) => {
                let order = CopyOrder {
                    from: (&self.from, item),
                    to: (&self.to, into.as_deref().unwrap_or_default()),
                    name: name.as_deref(),
                    children_only: *children_only,
                    replace: *replace,
                };
                match graph.copy_item(&order).await {
                    Ok(address) => Ok(is_monitored.then(|| Note::of_copy(address, sum.items))),
                    // The item was deleted after the listing: the next look does not list it.
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Job::List { folder, content, .. } => {
                graph.upload(&self.to, folder, manifest::NAME, content.clone()).await.map(|()| None)
            }
            Job::Later(_) => Ok(None),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, job } = self;
        match job {
            Job::Home(_) => write!(f, "create a folder in drive {to} for the files of drive {from}"),
            Job::Part(part, _) => write!(f, "{part} of drive {from}, into drive {to}"),
            Job::Later(part) => write!(f, "{part} of drive {from}, into drive {to}"),
            Job::List { items, .. } => {
                write!(f, "write the list of {items} items of drive {from} to drive {to}")
            }
        }
    }
}

/// Explains a refused write.
fn or_refused(error: msgraph::Error) -> Error {
    if error.is_locked() {
        let detail = "the recipient's OneDrive is locked; unlock its site, then replay the dead letter";
        return Error::blocked("drive_locked", detail).explains(error);
    }
    if error.status() == Some(507) {
        let detail = "the recipient's OneDrive is full; make room, then replay the dead letter";
        return Error::blocked("target_drive_full", detail).explains(error);
    }
    Error::from(error)
        .or_missing("permission_missing", || "copying files needs Files.ReadWrite.All".to_owned())
}
