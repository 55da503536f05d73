//! Mailboxes and messages.

pub(crate) mod automatic_replies;
pub(crate) mod date_time;
pub(crate) mod exchange_commands;
pub(crate) mod inbox_rules;
pub(crate) mod mail_folders;
pub(crate) mod mailbox;
pub(crate) mod messages;
pub(crate) mod recipient;
