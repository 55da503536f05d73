//! Mail: messages, mailbox settings, and Exchange administration.

mod exchange_admin;
mod mailbox;
mod messages;
