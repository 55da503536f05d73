//! Mail: automatic replies, forwarding, inbox rules, sending, and Exchange commands.

mod create_inbox_rules;
mod disable_automatic_reply;
mod enable_automatic_reply;
mod forward_mail;
mod remove_inbox_rules;
mod run_exchange_command;
mod send_mail;
mod set_automatic_reply;

pub mod exchange_commands;
pub mod forwarding_rule;
pub mod html;
pub mod mailbox;
pub mod message_id;
pub mod recipient;
pub mod rule_content;

use crate::action::register::register;

register! {
    create_inbox_rules::CreateInboxRules,
    disable_automatic_reply::DisableAutomaticReply,
    enable_automatic_reply::EnableAutomaticReply,
    forward_mail::ForwardMail,
    remove_inbox_rules::RemoveInboxRules,
    run_exchange_command::RunExchangeCommand,
    send_mail::SendMail,
    set_automatic_reply::SetAutomaticReply,
}
