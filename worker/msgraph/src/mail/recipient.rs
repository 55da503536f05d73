//! Recipients of mail.

use serde::{Deserialize, Serialize};

/// A recipient of mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Recipient {
    pub email_address: EmailAddress,
}

/// An address with the name of its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct EmailAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub address: Option<String>,
}

impl Recipient {
    /// The recipient with this address.
    pub fn at(address: &str) -> Self {
        Self { email_address: EmailAddress { name: None, address: Some(address.to_owned()) } }
    }
}
