//! Moving the files of one OneDrive into another: what is there, what is missing, what to copy, and the proof.
//!
//! `tree` holds what a listing showed; `compare` lays the source beside the copy, item by item; `copy_plan` turns what is
//! missing into orders that SharePoint takes; `manifest` writes down what became of each item; `notes` is what one look
//! tells the next.

mod migrate_onedrive;
mod share_onedrive;

pub mod compare;
pub mod copy_job;
pub mod copy_plan;
pub mod manifest;
pub mod migration;
pub mod notes;
pub mod tree;

use crate::action::register::register;

register! {
    migrate_onedrive::MigrateOnedrive,
    share_onedrive::ShareOnedrive,
}
