//! Teams and their channels: members and owners.

mod add_to_teams;
mod remove_from_teams;

pub mod leaving;
pub mod membership;

use crate::action::register::register;

register! {
    add_to_teams::AddToTeams,
    remove_from_teams::RemoveFromTeams,
}
