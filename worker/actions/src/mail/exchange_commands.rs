//! Commands of Exchange administration: which there are, the person each is about, and how to do it by hand.

use futures_util::future::try_join_all;
use msgraph::User;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Error, PersonRef, View};

/// A command. Gatehouse never sends any other.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Converts the mailbox to a shared one, which needs no licence.
    ConvertToShared,
    /// Hides the mailbox from address lists.
    HideFromAddressLists,
    /// Forwards mail to this person.
    ForwardTo(PersonRef),
    /// Lets this person open the mailbox.
    FullAccess(PersonRef),
}

/// The person that a command names, besides the mailbox's own.
#[derive(Default)]
pub struct OtherPerson {
    /// The account.
    pub user: Option<User>,
    /// Whether the account can already open the mailbox.
    pub has_access: bool,
}

impl Command {
    /// The person that the command names.
    pub fn other_person(&self) -> Option<&PersonRef> {
        match self {
            Self::ConvertToShared | Self::HideFromAddressLists => None,
            Self::ForwardTo(person) | Self::FullAccess(person) => Some(person),
        }
    }
}

/// The id and the address of the person that a command names.
pub fn recipient(user: &Account, other: &OtherPerson) -> Result<(String, Option<String>), Error> {
    let Some(found) = &other.user else {
        return Err(not_found());
    };
    if *user == Account::Known(found.id.clone()) {
        let detail = format!("{user} already owns this mailbox; name another person");
        return Err(Error::rejected(&["user", "commands"], "own_recipient", detail));
    }
    Ok((found.id.clone(), found.mail.clone()))
}

/// Rejects commands that name somebody without an account.
pub async fn resolve(commands: &[Command], graph: View<'_>) -> Result<(), Error> {
    let named = commands.iter().filter_map(Command::other_person);
    try_join_all(named.map(|person| graph.must_find(person, not_found))).await.map(drop)
}

fn not_found() -> Error {
    let detail = "no account found for the person that the command names; check the command";
    Error::rejected(&["commands"], "recipient_not_found", detail)
}

/// What an administrator has to do by hand, with the PowerShell commands. Nothing if it is done, as far as the
/// mailbox's purpose shows.
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
         center open Recipients > Mailboxes, user {id}, and set {}; or set exchange.commands, then replay",
        tasks.join("; ")
    )))
}
