//! OneDrive: sharing one, and moving its files into another.
//!
//! `tree` holds a listing; `compare` compares the source with the copy, item by item; `copy_plan` turns the missing
//! items into copy jobs that SharePoint accepts; `copy_job` writes; `manifest` lists the result for each item;
//! `notes` carries state from one look to the next; `settling` says when a drive no longer grows; `migration` plans
//! the next step.

mod migrate_onedrive;
mod share_onedrive;

pub mod compare;
pub mod copy_job;
pub mod copy_plan;
pub mod manifest;
pub mod migration;
pub mod notes;
pub mod settling;
pub mod tree;

use crate::action::register::register;

register! {
    migrate_onedrive::MigrateOnedrive,
    share_onedrive::ShareOnedrive,
}
