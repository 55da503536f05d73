//! The mail that carries a temporary access pass.
//!
//! The value of a pass is only in Graph's answer and in the draft that is written next. It never appears in a change,
//! a result, a note or an error.

use std::fmt;

use msgraph::{IssuedPass, ItemBody, NewMessage};
use outcome::{Left, Needs};
use secrecy::ExposeSecret;

use crate::{Account, Error};

/// The place of the pass in the text.
const PASS: &str = "[pass]";

/// The default subject.
pub fn subject() -> String {
    "A pass for a first sign-in".to_owned()
}

/// The default text.
pub fn text() -> String {
    "Temporary Access Pass for the first sign-in of [user]:\n\n[pass]\n\nIt is valid for [minutes] minutes from \
     [start]. Please hand it over in person, then delete this mail."
        .to_owned()
}

/// Refuses a text without a place for the pass.
pub fn check(text: &str) -> Result<(), Error> {
    if text.contains(PASS) {
        return Ok(());
    }
    let detail = format!("the mail has no place for the pass; add {PASS} to `text`");
    Err(Error::rejected(&["text"], "no_place_for_pass", detail))
}

/// The mail for a pass, without the pass. `Debug` shows its id only.
#[derive(Clone, PartialEq)]
pub struct PassMail {
    /// The id by which it is found again.
    pub internet_message_id: String,
    /// The recipient's address.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text, with a place for the pass.
    pub text: String,
}

impl PassMail {
    /// The mail with the pass. The pass goes in last, so that nothing in it is read as another placeholder.
    pub fn with(&self, pass: &IssuedPass) -> NewMessage {
        let minutes =
            pass.lifetime_in_minutes.map_or_else(|| "some".to_owned(), |minutes| minutes.to_string());
        let start = pass.start_date_time.map_or_else(|| "now".to_owned(), |start| format!("{start:.0}"));
        let text = self.text.replace("[minutes]", &minutes).replace("[start]", &start);
        let text = text.replace(PASS, pass.temporary_access_pass.expose_secret());
        NewMessage {
            internet_message_id: self.internet_message_id.clone(),
            subject: self.subject.clone(),
            body: ItemBody::text(text),
            to_recipients: vec![msgraph::Recipient::at(&self.to)],
        }
    }
}

impl fmt::Debug for PassMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassMail").field("id", &self.internet_message_id).finish_non_exhaustive()
    }
}

/// The note about a pass that is mailed outside.
pub fn sent_outside(user: &Account) -> Left {
    let detail = format!("the pass of {user} goes to an address outside the organization, as requested");
    Left { code: "recipient_outside".to_owned(), detail, needs: Needs::Nobody }
}

/// Names the permission that a refused mail with a pass needs.
pub fn or_missing_mail(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "mailing a pass needs Mail.ReadWrite and Mail.Send, and, if there is an application access policy, access to \
         the sender's mailbox"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_names_the_person_and_the_lifetime_and_debug_shows_neither() {
        let mail = PassMail {
            internet_message_id: "<1>".into(),
            to: "grace@contoso.example".into(),
            subject: subject(),
            text: text().replace("[user]", "ada@contoso.example"),
        };
        let pass = IssuedPass {
            // A placeholder inside a pass is not one.
            temporary_access_pass: "x[minutes]".to_owned().into(),
            start_date_time: Some("2026-03-02T08:00:00.25Z".parse().unwrap()),
            lifetime_in_minutes: Some(480),
            method_usability_reason: None,
        };
        let written = mail.with(&pass).body.content;
        assert!(
            written.contains("\n\nx[minutes]\n\nIt is valid for 480 minutes from 2026-03-02T08:00:00Z."),
            "{written}"
        );
        let shown = format!("{mail:?}");
        assert!(!shown.contains("contoso") && !shown.contains("pass:"), "{shown}");
        assert!(check("there is none here").is_err() && check(&text()).is_ok());
    }
}
