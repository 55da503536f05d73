//! Makes true: this mail was sent, once.
//!
//! **Needs** `Mail.ReadWrite` and `Mail.Send`, which an administrator can limit to single mailboxes with an
//! application access policy; `User.Read.All`.
//! **Refuses** `user_not_found` (the sender); `no_recipient`; `invalid_recipient`; `outside_not_allowed` (the settings do
//! not let mail leave to that domain); `permission_missing`; a sender without a mailbox (`mailbox_missing`).
//! **Idempotent because** the mail is first a draft. Its `internetMessageId` is derived from the event and the mail's
//! content, and stays when the mail is sent: a draft that is found is sent, a sent mail stays.
//! **Caveat:** while Exchange moves a mail from the drafts to the sent items, it can be in neither. If a worker dies
//! exactly then and the run is repeated within that moment, the mail goes out again.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{ItemBody, Message, NewMessage, Recipient, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::message_id::message_id;
use crate::mail::recipient::refuse_outside;
use crate::{Account, Action, Error, Made, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct SendMail;

/// The mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person from whose mailbox the mail is sent.
    from: PersonRef,
    /// The recipients' addresses.
    to: Vec<String>,
    /// The subject.
    subject: String,
    /// The text, without markup.
    text: String,
    /// Identifies the mail, together with its recipients and subject. Defaults to the event's source and id.
    id: String,
}

/// The sender, and the mail if it exists.
pub struct Observed {
    sender: Person,
    written: Option<Message>,
}

/// One missing write.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Creates the draft.
    Draft {
        /// The sender.
        sender: Account,
        /// The mail.
        mail: Mail,
    },
    /// Sends the draft.
    Send {
        /// The sender.
        sender: Account,
        /// The draft's id. None if the change before creates the draft.
        draft: Option<String>,
    },
}

/// A mail. `Debug` and `Display` do not show its content.
#[derive(Clone, PartialEq)]
pub struct Mail {
    internet_message_id: String,
    to: Vec<String>,
    subject: String,
    text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.internet_message_id).finish_non_exhaustive()
    }
}

impl Action for SendMail {
    const NAME: &'static str = "send_mail";
    const MAKES_TRUE: &'static str = "This mail was sent, once";
    const NEEDS: &'static [&'static str] = &["Mail.ReadWrite", "Mail.Send", "User.Read.All"];
    const READS_ORGANIZATION: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("id", "{{ event.source }} {{ event.id }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    /// The mail is in the sender's name.
    fn changes(params: &serde_json::Value) -> Vec<PersonRef> {
        PersonRef::in_parameter(params, "from").into_iter().collect()
    }

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        refuse_outside(&params.to, graph).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let sender = graph.person(&params.from, &["id"]);
        let (sender, ()) = try_join(sender, refuse_outside(&params.to, graph)).await?;
        let written = match &sender {
            Person::Present(user) => {
                graph.message_by_internet_id(&user.id, &internet_message_id(params)).await?
            }
            Person::ToBeCreated | Person::Absent => None,
        };
        Ok(Observed { sender, written })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        if params.to.is_empty() {
            return Err(Error::rejected(
                &["to"],
                "no_recipient",
                "the mail has no recipient; set at least one address in `to`",
            ));
        }
        if let Some(place) = params.to.iter().position(|address| !is_address(address)) {
            let detail = format!("recipient {} is not an address; write it like name@domain", place + 1);
            return Err(Error::rejected(&["to"], "invalid_recipient", detail));
        }
        let (sender, _) = observed.sender.account().map_err(|error| error.about(&["from"]))?;
        Ok(match &observed.written {
            Some(message) if message.is_draft == Some(true) => {
                Plan::in_order([Change::Send { sender, draft: Some(message.id.clone()) }])
            }
            Some(_) => Plan::nothing(),
            None => {
                let mail = Mail {
                    internet_message_id: internet_message_id(params),
                    to: params.to.clone(),
                    subject: params.subject.clone(),
                    text: params.text.clone(),
                };
                Plan::in_order([
                    Change::Draft { sender: sender.clone(), mail },
                    Change::Send { sender, draft: None },
                ])
            }
        })
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        match change {
            Change::Draft { sender, mail } => write(sender, mail, graph).await.map(|_| ()),
            Change::Send { sender, draft: Some(draft) } => send(sender, draft, graph).await,
            Change::Send { draft: None, .. } => Err(Error::Broken("the mail to send has no draft")),
        }
    }

    async fn apply_sequence(changes: &[Change], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        if let [first @ Change::Draft { sender, mail }, second @ Change::Send { .. }] = changes {
            let draft = write(sender, mail, graph).await?;
            made.note(first);
            send(sender, &draft.id, graph).await?;
            made.note(second);
            return Ok(());
        }
        for change in changes {
            Self::apply(change, graph).await?;
            made.note(change);
        }
        Ok(())
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "from": "grace@contoso.example", "to": ["ada@contoso.example"], "id": "hr 1",
            "subject": "A new colleague", "text": "Ada Lovelace begins today.",
        }))
    }
}

async fn write(sender: &Account, mail: &Mail, graph: Writer<'_>) -> Result<Message, Error> {
    let message = NewMessage {
        internet_message_id: mail.internet_message_id.clone(),
        subject: mail.subject.clone(),
        body: ItemBody::text(&mail.text),
        to_recipients: mail.to.iter().map(|address| Recipient::at(address)).collect(),
    };
    graph.create_draft(sender.id()?, &message).await.map_err(explain)
}

async fn send(sender: &Account, draft: &str, graph: Writer<'_>) -> Result<(), Error> {
    graph.send_draft(sender.id()?, draft).await.map_err(explain)
}

fn explain(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "sending mail needs Mail.ReadWrite and Mail.Send, and an access policy, if there is one, that lets the \
         application use the sender's mailbox"
            .to_owned()
    })
}

fn internet_message_id(params: &Params) -> String {
    message_id([&params.id, &params.subject].into_iter().chain(&params.to).map(String::as_str))
}

fn is_address(text: &str) -> bool {
    let parts = text.trim().split_once('@');
    parts.is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.') && !domain.contains('@'))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft { sender, mail } => {
                write!(f, "write a mail to {} recipients in the mailbox of {sender}", mail.to.len())
            }
            Self::Send { sender, .. } => write!(f, "send the mail from the mailbox of {sender}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    fn params(to: &[&str]) -> Params {
        Params {
            from: serde_json::from_value("grace@contoso.example".into()).unwrap(),
            to: to.iter().map(|&address| address.to_owned()).collect(),
            subject: "s".into(),
            text: "t".into(),
            id: "hr 1".into(),
        }
    }

    fn plan(params: &Params, written: Option<Message>) -> Result<Vec<String>, Error> {
        let sender = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let plan = SendMail::plan(params, &Observed { sender, written })?;
        Ok(plan.changes().map(ToString::to_string).collect())
    }

    #[test]
    fn a_draft_that_is_found_is_sent_and_a_sent_mail_is_left() {
        let params = params(&["edsger@contoso.example"]);
        let found = |is_draft| Some(Message { id: "m".into(), is_draft: Some(is_draft) });
        assert_eq!(plan(&params, None).unwrap().len(), 2);
        assert_eq!(plan(&params, found(true)).unwrap(), ["send the mail from the mailbox of user 1"]);
        assert_eq!(plan(&params, found(false)).unwrap(), [""; 0]);
    }

    #[test]
    fn recipients_are_checked_and_not_quoted() {
        for (to, code) in
            [(&[][..], "no_recipient"), (&["grace@contoso.example", "Ada"], "invalid_recipient")]
        {
            let Err(Error::Rejected { code: found, detail, .. }) = plan(&params(to), None) else {
                panic!("{to:?} was accepted")
            };
            assert!(found == code && !detail.contains("Ada"), "{detail}");
        }
    }

    #[test]
    fn another_mail_has_another_id() {
        let one = internet_message_id(&params(&["edsger@contoso.example"]));
        assert_eq!(one, internet_message_id(&params(&["edsger@contoso.example"])));
        assert_ne!(one, internet_message_id(&params(&["ada@contoso.example"])));
    }
}
