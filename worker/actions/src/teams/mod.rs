//! Teams and their channels: members and owners.

mod add_to_teams;
mod remove_from_teams;

pub mod leaving;
pub mod membership;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![Entry::of::<add_to_teams::AddToTeams>(), Entry::of::<remove_from_teams::RemoveFromTeams>()]
}
