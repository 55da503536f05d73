//! The organization that owns the tenant.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

/// The organization that owns the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Organization {
    pub id: String,
    pub display_name: Option<String>,
    /// Nothing if Graph does not tell.
    pub verified_domains: Option<Vec<VerifiedDomain>>,
}

/// A domain of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct VerifiedDomain {
    pub name: String,
}

impl Reader<'_> {
    /// The tenant's organization; `None` if Graph names none.
    pub async fn organization(self) -> Result<Option<Organization>, Error> {
        let query = Query::new(&["organization"])?.select(&["id", "displayName", "verifiedDomains"]);
        Ok(self.list(query).await?.into_iter().next())
    }
}
