//! Accounts: made, changed, deleted, restored, and the manager of each.

mod create_user;
mod delete_user;
mod remove_manager;
mod restore_user;
mod set_manager;
mod set_user_type;
mod update_user;

pub mod name_conflicts;
pub mod names;
pub mod password;
pub mod privileged;
pub mod properties;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<create_user::CreateUser>(),
        Entry::of::<delete_user::DeleteUser>(),
        Entry::of::<remove_manager::RemoveManager>(),
        Entry::of::<restore_user::RestoreUser>(),
        Entry::of::<set_manager::SetManager>(),
        Entry::of::<set_user_type::SetUserType>(),
        Entry::of::<update_user::UpdateUser>(),
    ]
}
