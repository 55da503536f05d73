//! The recipient of mail about a person: an account of the tenant, or an address.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::try_join;

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
    /// The account with this name. A text that is nobody's name is an address if the settings allow its domain.
    ///
    /// # Errors
    ///
    /// `outside_not_allowed`: mail may not leave to the account's address.
    pub async fn find(person: &PersonRef, graph: View<'_>) -> Result<Option<Self>, Error> {
        let (found, domains) = try_join(graph.other(person, &["id", "mail"]), graph.domains()).await?;
        let (id, address) = match (found, person.address()) {
            (Some(user), _) => (Some(user.id), user.mail),
            (None, Some(address)) if graph.may_mail_to(address) => (None, Some(address.to_owned())),
            (None, _) => return Ok(None),
        };
        let is_outside = match &address {
            Some(address) => !is_inside(address, &domains.ok_or_else(unreadable)?),
            None => false,
        };
        if let Some(address) = address.as_deref().filter(|_| is_outside)
            && !graph.may_mail_to(address)
        {
            return Err(not_allowed("the recipient's address"));
        }
        Ok(Some(Self { id, address, is_outside }))
    }

    /// Rejects a recipient who has no account and no address that is allowed.
    pub async fn resolve(to: &PersonRef, graph: View<'_>) -> Result<(), Error> {
        Self::find(to, graph).await?.map(drop).ok_or_else(not_found)
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

/// Refuses addresses outside of the tenant to which mail may not leave. What is no address is refused elsewhere.
///
/// # Errors
///
/// `outside_not_allowed`; `permission_missing`.
pub async fn refuse_outside(addresses: &[String], graph: View<'_>) -> Result<(), Error> {
    let doubtful: Vec<_> = addresses
        .iter()
        .enumerate()
        .filter(|(_, address)| address.contains('@') && !graph.may_mail_to(address))
        .collect();
    if doubtful.is_empty() {
        return Ok(());
    }
    let domains = graph.domains().await?.ok_or_else(unreadable)?;
    match doubtful.iter().find(|(_, address)| !is_inside(address, &domains)) {
        Some((place, _)) => Err(not_allowed(&format!("recipient {}", place + 1))),
        None => Ok(()),
    }
}

/// The addresses that are in no domain of the tenant.
///
/// # Errors
///
/// `permission_missing`.
pub async fn outside<'a>(
    addresses: impl IntoIterator<Item = &'a str>,
    graph: View<'_>,
) -> Result<BTreeSet<String>, Error> {
    let domains = graph.domains().await?.ok_or_else(unreadable)?;
    let outside = addresses.into_iter().filter(|address| !is_inside(address, &domains));
    Ok(outside.map(str::to_owned).collect())
}

fn is_inside(address: &str, domains: &[String]) -> bool {
    let domain = address.rsplit('@').next().unwrap_or_default().trim();
    domains.iter().any(|ours| ours.eq_ignore_ascii_case(domain))
}

fn not_found() -> Error {
    Error::rejected(
        &["to"],
        "recipient_not_found",
        "no account found for the recipient; check `to` (default: the manager). An address without an account needs its \
         domain in mail.outside_domains of the tenant",
    )
}

fn not_allowed(what: &str) -> Error {
    let detail = format!(
        "{what} is outside the organization, and mail may not leave to its domain; an operator can allow it in \
         mail.outside_domains of the tenant"
    );
    Error::rejected(&["to"], "outside_not_allowed", detail)
}

/// The permission to write users does not include reading the organization (Microsoft's permission table, 2026-08-07).
fn unreadable() -> Error {
    Error::blocked(
        "permission_missing",
        "to tell whether an address is outside the organization needs User.Read.All or Organization.Read.All, in addition \
         to User.ReadWrite.All",
    )
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
    use serde_json::{Value, json};
    use workflow::Earlier;

    use super::*;
    use crate::World;
    use crate::conformance::client::client;

    async fn found(permission: &str, to: Value) -> Result<Option<Recipient>, Failure> {
        let user = |upn: &str, mail: &str| User::new(upn, "Grace Hopper").with("mail", mail);
        let application = Application::default().roles(&[permission]);
        let tenant = Tenant::empty()
            .application(application)
            .user(user("grace@contoso.example", "Grace@contoso.example"))
            .user(user("guest@contoso.example", "guest@partner.example"));
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let client = client(&emulator);
        let world = World::of(&client).mailing_to(&["Fabrikam.example".to_owned()]);
        let graph = View::new(client.reader(), Earlier::new(&[]), None).remembering(world.known());
        let person = serde_json::from_value(to).unwrap();
        Recipient::find(&person, graph).await.map_err(Failure::from)
    }

    #[tokio::test]
    async fn a_recipient_is_an_account_or_an_address_that_is_allowed() {
        let grace = || json!("grace@contoso.example");
        let rows = [(grace(), "user ", false), (json!("desk@fabrikam.example"), "an address outside", true)];
        for (to, shown, is_outside) in rows {
            let recipient = found("User.Read.All", to.clone()).await.unwrap().unwrap();
            assert!(recipient.to_string().starts_with(shown) && recipient.address.is_some(), "{recipient}");
            assert_eq!(recipient.is_outside, is_outside, "{to}");
        }
        // Not an address of the tenant that no account has, not another domain, and never in place of a manager.
        for to in [
            json!("desk@contoso.example"),
            json!("desk@partner.example"),
            json!({ "upn": "desk@fabrikam.example" }),
        ] {
            assert_eq!(found("User.Read.All", to.clone()).await, Ok(None), "{to}");
        }
        let failure = found("User.Read.All", json!("guest@contoso.example")).await.unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Rejected, "outside_not_allowed"));
        let failure = found("User.ReadWrite.All", grace()).await.unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "permission_missing"));
        assert!(failure.message.contains("Organization.Read.All"), "{failure}");
    }
}
