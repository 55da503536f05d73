//! Accounts: create, update, delete and restore them, and set the manager.

mod create_user;
mod delete_user;
mod remove_manager;
mod restore_user;
mod set_manager;
mod set_user_type;
mod update_user;

pub mod name_conflicts;
pub mod names;
pub mod own_account;
pub mod password;
pub mod privileged;
pub mod properties;
pub mod refusals;

use crate::action::register::register;

register! {
    create_user::CreateUser,
    delete_user::DeleteUser,
    remove_manager::RemoveManager,
    restore_user::RestoreUser,
    set_manager::SetManager,
    set_user_type::SetUserType,
    update_user::UpdateUser,
}
