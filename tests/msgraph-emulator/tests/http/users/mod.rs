//! Users: the accounts themselves, deletion, changes, lists, and crowds.

mod crowd;
mod deleted;
mod delta;
mod expand;
mod lifelike;
mod list;
mod queries;
mod reports;
mod user;
