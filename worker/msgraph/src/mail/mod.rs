//! Mailboxes and messages.

pub(crate) mod exchange_commands;
pub(crate) mod mailbox;
pub(crate) mod messages;
