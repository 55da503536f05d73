//! Users: the accounts themselves, deletion, changes, and crowds.

mod crowd;
mod deleted;
mod delta;
mod user;
