//! Drives and the items in them.

mod drives;
mod items;
