//! Commands of Exchange's administration: what there is, whom it is about, and how it is done by hand.

use msgraph::User;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Error, PersonRef};

/// One of the things there are; no other command is ever sent.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The mailbox becomes a shared one, which needs no licence.
    ConvertToShared,
    /// No address list shows it.
    HideFromAddressLists,
    /// Mail goes on to this person.
    ForwardTo(PersonRef),
    /// This person can open it.
    FullAccess(PersonRef),
}

/// Setting a command is about: its other, and whether that has access already.
#[derive(Default)]
pub struct OtherPerson {
    /// The account.
    pub user: Option<User>,
    /// Whether it can open the mailbox.
    pub has_access: bool,
}

impl Command {
    /// Whom it is about, besides whose mailbox it is.
    pub fn other_person(&self) -> Option<&PersonRef> {
        match self {
            Self::ConvertToShared | Self::HideFromAddressLists => None,
            Self::ForwardTo(person) | Self::FullAccess(person) => Some(person),
        }
    }
}

/// The id and the address of somebody else than the person.
pub fn recipient(user: &Account, other: &OtherPerson) -> Result<(String, Option<String>), Error> {
    let Some(found) = &other.user else {
        let detail = "the tenant has no account for who is to get the mail or the mailbox; check whom the command names";
        return Err(Error::rejected("recipient_not_found", detail));
    };
    if *user == Account::Known(found.id.clone()) {
        let detail = format!("the mailbox of {user} is its own; name another");
        return Err(Error::rejected("own_recipient", detail));
    }
    Ok((found.id.clone(), found.mail.clone()))
}

/// Setting an administrator has to do where Gatehouse may not, with what PowerShell wants to be told; nothing where it is
/// done, as far as the mailbox's purpose tells.
pub fn by_hand<'a>(
    asked: impl Iterator<Item = (&'a Command, &'a OtherPerson)>,
    keep_copy: bool,
    user: &Account,
    purpose: Option<&str>,
) -> Result<Option<String>, Error> {
    let Account::Known(id) = user else { return Ok(None) };
    let mut tasks = Vec::new();
    for (command, other) in asked {
        tasks.push(match command {
            Command::ConvertToShared if purpose == Some("shared") => continue,
            Command::ConvertToShared => {
                format!("\"Convert to shared mailbox\", unless it is above 50 GB (Set-Mailbox -Identity {id} -Type Shared)")
            }
            Command::HideFromAddressLists => format!(
                "\"Hide from global address list\" (Set-Mailbox -Identity {id} -HiddenFromAddressListsEnabled $true)"
            ),
            Command::ForwardTo(_) => {
                let (to, _) = recipient(user, other)?;
                format!(
                    "\"Email forwarding\" to user {to} (Set-Mailbox -Identity {id} -ForwardingAddress {to} \
                     -DeliverToMailboxAndForward ${keep_copy})"
                )
            }
            Command::FullAccess(_) => {
                let (to, _) = recipient(user, other)?;
                format!(
                    "\"Read and manage\" for user {to} (Add-MailboxPermission -Identity {id} -User {to} -AccessRights \
                     FullAccess)"
                )
            }
        });
    }
    if tasks.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!(
        "Graph cannot do this, and Gatehouse may not use the undocumented interface that can: in the Exchange admin \
         center open Recipients > Mailboxes, user {id}, and set {}; or set exchange.commands and replay",
        tasks.join("; ")
    )))
}
