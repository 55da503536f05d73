//! Mail: messages, mailbox settings, inbox rules, and Exchange administration.

pub(crate) mod exchange_admin;
pub(crate) mod mailbox;
pub(crate) mod messages;
