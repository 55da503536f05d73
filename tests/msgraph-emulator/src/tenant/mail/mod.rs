//! Mail: mailboxes and messages.

pub(super) mod mailbox;
pub(super) mod mailboxes;
pub(super) mod message;
