//! Recipients of mail.

use serde::{Deserialize, Serialize};

/// Somebody mail goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Recipient {
    pub email_address: EmailAddress,
}

/// An address, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct EmailAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub address: Option<String>,
}

impl Recipient {
    /// Whoever has this address.
    pub fn at(address: &str) -> Self {
        Self { email_address: EmailAddress { name: None, address: Some(address.to_owned()) } }
    }
}
