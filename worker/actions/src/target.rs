//! Who gets mail about a person: somebody of the tenant, or an address.

use std::fmt;

use msgraph::UserKey;

use crate::error::Error;
use crate::person::{Account, Reader};

/// Who is to get mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The object id, where it is somebody's of the tenant.
    pub id: Option<String>,
    /// Where mail goes.
    pub address: Option<String>,
    /// Whether that is in no domain of the tenant.
    pub is_outside: bool,
}

impl Target {
    /// Whoever has this name in the tenant or else, where it can be one, the address itself.
    pub async fn find(key: &UserKey, graph: Reader<'_>) -> Result<Option<Self>, Error> {
        let found = graph.user(key, &["id", "mail"]).await?;
        let (id, address) = match (found, key) {
            (Some(user), _) => (Some(user.id), user.mail),
            (None, UserKey::Upn(address)) => (None, Some(address.clone())),
            (None, _) => return Ok(None),
        };
        let Some(domain) = address.as_deref().and_then(|address| address.rsplit('@').next()) else {
            return Ok(Some(Self { id, address, is_outside: false }));
        };
        let organization = graph.organization().await?.unwrap_or_default();
        let is_ours = organization.verified_domains.iter().any(|ours| ours.name.eq_ignore_ascii_case(domain));
        Ok(Some(Self { id, address, is_outside: !is_ours }))
    }

    /// Who gets the mail about a person, and where it goes.
    ///
    /// # Errors
    ///
    /// `recipient_not_found`, `recipient_without_address`, `own_recipient`.
    pub fn checked<'a>(user: &Account, target: Option<&'a Self>) -> Result<&'a Self, Error> {
        let Some(target) = target else {
            return Err(Error::rejected(
                "recipient_not_found",
                "the tenant has no account for the recipient; check `to`, by default the manager",
            ));
        };
        if target.address.is_none() {
            let detail = format!("{target} has no address that mail could go to; name another");
            return Err(Error::rejected("recipient_without_address", detail));
        }
        if target.id.clone().is_some_and(|id| *user == Account::Known(id)) {
            let detail = format!("mail about {user} cannot go to itself; name another in `to`");
            return Err(Error::rejected("own_recipient", detail));
        }
        Ok(target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "user {id}"),
            None if self.is_outside => f.write_str("an address outside"),
            None => f.write_str("an address of the organization"),
        }
    }
}
