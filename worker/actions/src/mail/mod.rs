//! Mail: automatic replies, forwarding, rules, mail that is sent, and what only Exchange can do.

mod disable_automatic_reply;
mod enable_automatic_reply;
mod forward_mail;
mod remove_inbox_rules;
mod run_exchange_command;
mod send_mail;

pub mod exchange_commands;
pub mod html;
pub mod mailbox;
pub mod recipient;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<disable_automatic_reply::DisableAutomaticReply>(),
        Entry::of::<enable_automatic_reply::EnableAutomaticReply>(),
        Entry::of::<forward_mail::ForwardMail>(),
        Entry::of::<remove_inbox_rules::RemoveInboxRules>(),
        Entry::of::<run_exchange_command::RunExchangeCommand>(),
        Entry::of::<send_mail::SendMail>(),
    ]
}
