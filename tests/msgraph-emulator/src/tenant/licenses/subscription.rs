//! What a tenant bought: one SKU can have several subscriptions, with terms of their own.

use serde::Deserialize;
use uuid::Uuid;

use super::sku::Status;

/// One subscription to a SKU.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subscription {
    #[serde(default)]
    pub(crate) id: Option<Uuid>,
    #[serde(default)]
    pub(crate) commerce_subscription_id: Option<String>,
    pub(crate) total_licenses: u64,
    #[serde(default)]
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) is_trial: bool,
    #[serde(default)]
    pub(crate) created_date_time: Option<String>,
    /// When the state becomes the next one unless the subscription is renewed.
    #[serde(default)]
    pub(crate) next_lifecycle_date_time: Option<String>,
    #[serde(default)]
    pub(crate) owner_type: Option<String>,
    #[serde(default)]
    pub(crate) owner_id: Option<String>,
    #[serde(default)]
    pub(crate) owner_tenant_id: Option<String>,
}
