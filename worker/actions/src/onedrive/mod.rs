//! Moving the files of one OneDrive into another: what is there, what is missing, what to copy, and the proof.
//!
//! `tree` holds what a listing showed; `compare` lays the source beside the copy, item by item; `parts` turns what is
//! missing into orders that SharePoint takes; `manifest` writes down what became of each item; `notes` is what one look
//! tells the next.

pub mod compare;
pub mod manifest;
pub mod notes;
pub mod order;
pub mod parts;
pub mod settled;
pub mod tree;
