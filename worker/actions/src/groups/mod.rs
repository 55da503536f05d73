//! Groups: members and owners.

mod add_to_groups;
mod remove_from_groups;
mod transfer_group_ownership;

pub mod membership;
pub mod ownership;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<add_to_groups::AddToGroups>(),
        Entry::of::<remove_from_groups::RemoveFromGroups>(),
        Entry::of::<transfer_group_ownership::TransferGroupOwnership>(),
    ]
}
