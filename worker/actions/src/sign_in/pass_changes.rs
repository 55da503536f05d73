//! The writes that bring a temporary access pass to its recipient.

use std::fmt;

use msgraph::{NewTemporaryAccessPass, Writer};

use crate::sign_in::pass_mail::{PassMail, or_missing_mail};
use crate::sign_in::passes::{issue, or_missing};
use crate::{Account, Error, Made};

/// One missing write.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Deletes a draft whose pass is no longer valid.
    Discard {
        /// The sender.
        sender: String,
        /// Its id.
        draft: String,
    },
    /// Withdraws a pass that is not valid or whose value is lost.
    Withdraw {
        /// The person.
        user: Account,
        /// Its id.
        pass: String,
    },
    /// Issues a pass.
    Issue {
        /// The person.
        user: Account,
        /// Its properties.
        terms: NewTemporaryAccessPass,
    },
    /// Creates the draft with the pass of the change before.
    Write {
        /// The sender.
        sender: String,
        /// The mail.
        mail: PassMail,
    },
    /// Sends the draft.
    Send {
        /// The sender.
        sender: String,
        /// The recipient, without the address.
        recipient: String,
        /// The draft's id. None if the change before creates the draft.
        draft: Option<String>,
    },
}

impl Change {
    /// Makes these changes, one after the other. The answer to one write that the next one needs stays in this
    /// function.
    pub async fn apply_in_order(changes: &[Self], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        let (mut issued, mut written) = (None, None);
        for change in changes {
            match change {
                Self::Discard { sender, draft } => {
                    graph.delete_message(sender, draft).await.map_err(or_missing_mail)?;
                }
                Self::Withdraw { user, pass } => {
                    graph.withdraw_temporary_access_pass(user.id()?, pass).await.map_err(or_missing)?;
                }
                Self::Issue { user, terms } => issued = Some(issue(user, terms, graph).await?),
                Self::Write { sender, mail } => {
                    let pass = issued.take().ok_or(Error::Broken("the mail to write has no pass"))?;
                    let draft =
                        graph.create_draft(sender, &mail.with(&pass)).await.map_err(or_missing_mail)?;
                    written = Some(draft.id);
                }
                Self::Send { sender, draft, .. } => {
                    let draft = draft.as_ref().or(written.as_ref());
                    let draft = draft.ok_or(Error::Broken("the mail to send has no draft"))?;
                    graph.send_draft(sender, draft).await.map_err(or_missing_mail)?;
                }
            }
            made.note(change);
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discard { sender, .. } => write!(f, "delete the draft with an old pass of user {sender}"),
            Self::Withdraw { user, pass } => write!(f, "withdraw temporary access pass {pass} of {user}"),
            Self::Issue { user, .. } => write!(f, "issue a temporary access pass to {user}"),
            Self::Write { sender, .. } => {
                write!(f, "write a mail with the pass in the mailbox of user {sender}")
            }
            Self::Send { sender, recipient, .. } => {
                write!(f, "send the mail with the pass from the mailbox of user {sender} to {recipient}")
            }
        }
    }
}
