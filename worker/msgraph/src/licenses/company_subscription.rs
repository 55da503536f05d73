//! The purchases behind the licences: each with its state and the day on which the state changes.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

/// One purchase of a licence. A licence can have several, with different terms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct CompanySubscription {
    pub id: String,
    pub commerce_subscription_id: Option<String>,
    pub sku_id: Option<String>,
    pub sku_part_number: Option<String>,
    /// `Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`.
    pub status: Option<String>,
    pub is_trial: Option<bool>,
    pub total_licenses: Option<i64>,
    pub created_date_time: Option<String>,
    /// When `status` becomes the next one unless the purchase is renewed (Microsoft Graph documentation,
    /// "companySubscription", 2025).
    pub next_lifecycle_date_time: Option<String>,
}

impl Reader<'_> {
    /// The purchases of the tenant.
    ///
    /// # Errors
    ///
    /// [`is_forbidden`](Error::is_forbidden) without `Organization.Read.All`.
    pub async fn company_subscriptions(self) -> Result<Vec<CompanySubscription>, Error> {
        self.list(Query::new(&["directory", "subscriptions"])?).await
    }
}
