//! The recipient of mail about a person: an account of the tenant, or an address.

use std::fmt;

use msgraph::UserKey;

use crate::{Account, Error, PersonRef, View};

/// The recipient of mail about a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    /// The object id, if it is an account of the tenant.
    pub id: Option<String>,
    /// The mail address.
    pub address: Option<String>,
    /// Whether the address is in no domain of the tenant.
    pub is_outside: bool,
}

impl Recipient {
    /// The account with this name or else, if the name can be an address, the address.
    pub async fn find(person: &PersonRef, graph: View<'_>) -> Result<Option<Self>, Error> {
        let found = graph.other(person, &["id", "mail"]).await?;
        let (id, address) = match (found, person.key()) {
            (Some(user), _) => (Some(user.id), user.mail),
            (None, UserKey::Upn(address)) => (None, Some(address.clone())),
            (None, _) => return Ok(None),
        };
        let Some(domain) = address.as_deref().and_then(|address| address.rsplit('@').next()) else {
            return Ok(Some(Self { id, address, is_outside: false }));
        };
        let organization = graph.organization().await.map_err(or_missing)?.unwrap_or_default();
        let is_ours = organization.verified_domains.iter().any(|ours| ours.name.eq_ignore_ascii_case(domain));
        Ok(Some(Self { id, address, is_outside: !is_ours }))
    }

    /// Rejects a recipient that can be no address and has no account.
    pub async fn resolve(to: &PersonRef, graph: View<'_>) -> Result<(), Error> {
        match to.key() {
            UserKey::Upn(_) => Ok(()),
            _ => graph.must_find(to, not_found).await,
        }
    }

    /// Refuses a recipient that mail about this person cannot go to.
    ///
    /// # Errors
    ///
    /// `recipient_not_found`, `recipient_without_address`, `own_recipient`.
    pub fn checked<'a>(user: &Account, recipient: Option<&'a Self>) -> Result<&'a Self, Error> {
        let Some(recipient) = recipient else {
            return Err(not_found());
        };
        if recipient.address.is_none() {
            let detail =
                format!("the recipient, {recipient}, has no mail address; set `to` to another person");
            return Err(Error::rejected(&["to"], "recipient_without_address", detail));
        }
        if recipient.id.clone().is_some_and(|id| *user == Account::Known(id)) {
            let detail = format!("{user} cannot receive the mail about itself; set `to` to another person");
            return Err(Error::rejected(&["user", "to"], "own_recipient", detail));
        }
        Ok(recipient)
    }
}

fn not_found() -> Error {
    Error::rejected(
        &["to"],
        "recipient_not_found",
        "no account found for the recipient; check `to` (default: the manager)",
    )
}

/// The permission to write users does not include reading the organization (Microsoft's permission table, 2026-08-07).
fn or_missing(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "to tell whether an address is outside the organization needs User.Read.All or Organization.Read.All, in addition \
         to User.ReadWrite.All"
            .to_owned()
    })
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "user {id}"),
            None if self.is_outside => f.write_str("an address outside"),
            None => f.write_str("an address of the organization"),
        }
    }
}

#[cfg(test)]
mod tests {
    use msgraph_emulator::{Application, Emulator, Options, Tenant, User};
    use outcome::{Class, Failure};
    use workflow::Earlier;

    use super::*;
    use crate::conformance::client::client;

    async fn found(permission: &str, key: &str) -> Result<Option<Recipient>, Failure> {
        let grace = User::new("grace@contoso.example", "Grace Hopper").with("mail", "Grace@contoso.example");
        let application = Application::default().roles(&[permission]);
        let emulator = Emulator::start(Options::new(Tenant::empty().application(application).user(grace)));
        let emulator = emulator.unwrap();
        let client = client(&emulator);
        let graph = View::new(client.reader(), Earlier::new(&[]), None);
        let person = serde_json::from_value(key.into()).unwrap();
        Recipient::find(&person, graph).await.map_err(Failure::from)
    }

    #[tokio::test]
    async fn an_account_differs_from_an_address_and_inside_from_outside() {
        let rows = [
            ("grace@contoso.example", "user ", false),
            ("desk@Contoso.example", "an address of the organization", false),
            ("desk@fabrikam.example", "an address outside", true),
        ];
        for (key, shown, is_outside) in rows {
            let recipient = found("User.Read.All", key).await.unwrap().unwrap();
            assert!(recipient.to_string().starts_with(shown) && recipient.address.is_some(), "{recipient}");
            assert_eq!(recipient.is_outside, is_outside, "{key}");
        }
        let failure = found("User.ReadWrite.All", "grace@contoso.example").await.unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "permission_missing"));
        assert!(failure.message.contains("Organization.Read.All"), "{failure}");
    }
}
