//! Groups: members and owners.

mod add_group_ownerships;
mod add_to_groups;
mod remove_from_groups;
mod transfer_group_ownership;

pub mod hidden;
pub mod membership;
pub mod ownership;

use crate::action::register::register;

register! {
    add_group_ownerships::AddGroupOwnerships,
    add_to_groups::AddToGroups,
    remove_from_groups::RemoveFromGroups,
    transfer_group_ownership::TransferGroupOwnership,
}
