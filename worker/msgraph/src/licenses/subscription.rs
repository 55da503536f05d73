//! The licences that the tenant has bought.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::json::null_as_empty;
use crate::http::read_ahead::PagesAhead;
use crate::http::request::Query;

/// A licence the tenant has bought.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct SubscribedSku {
    pub sku_id: String,
    pub sku_part_number: Option<String>,
    #[serde(default)]
    pub consumed_units: i64,
    #[serde(default)]
    pub prepaid_units: PrepaidUnits,
    pub capability_status: Option<String>,
    pub applies_to: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub service_plans: Vec<ServicePlan>,
}

impl SubscribedSku {
    /// Whether the subscription is active or in its grace period. Licences of another cannot be assigned.
    pub fn is_active(&self) -> bool {
        let status = self.capability_status.as_deref();
        status
            .is_none_or(|status| ["Enabled", "Warning"].iter().any(|good| status.eq_ignore_ascii_case(good)))
    }

    /// Whether it is for people. Others are for the whole tenant.
    pub fn is_for_people(&self) -> bool {
        self.applies_to.as_deref().is_none_or(|to| to.eq_ignore_ascii_case("User"))
    }

    /// The number of free seats: enabled and in their grace period, minus those in use; never below zero.
    pub fn available(&self) -> i64 {
        let PrepaidUnits { enabled, warning, .. } = self.prepaid_units;
        enabled.saturating_add(warning).saturating_sub(self.consumed_units).max(0)
    }
}

/// The seats of a licence, by the state of their subscription.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct PrepaidUnits {
    pub enabled: i64,
    pub warning: i64,
    pub suspended: i64,
    pub locked_out: i64,
}

/// A part of a licence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct ServicePlan {
    pub service_plan_id: String,
    pub service_plan_name: Option<String>,
    pub provisioning_status: Option<String>,
    pub applies_to: Option<String>,
}

impl Reader<'_> {
    /// The licences that the tenant has bought.
    pub async fn subscribed_skus(self) -> Result<Vec<SubscribedSku>, Error> {
        self.list(bought()?).await
    }

    /// The licences that the tenant has bought, as Graph wrote them: what is absent is not zero.
    pub fn subscribed_sku_pages(self) -> Result<PagesAhead, Error> {
        Ok(PagesAhead::of(self, bought()?))
    }
}

fn bought() -> Result<Query, Error> {
    Ok(Query::new(&["subscribedSkus"])?.select(&[
        "skuId",
        "skuPartNumber",
        "consumedUnits",
        "prepaidUnits",
        "capabilityStatus",
        "appliesTo",
        "servicePlans",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(enabled: i64, warning: i64, consumed_units: i64) -> SubscribedSku {
        let prepaid_units = PrepaidUnits { enabled, warning, suspended: 50, locked_out: 50 };
        SubscribedSku { consumed_units, prepaid_units, ..SubscribedSku::default() }
    }

    #[test]
    fn suspended_seats_are_not_free_and_an_overdrawn_licence_has_none() {
        assert_eq!(sku(10, 2, 5).available(), 7);
        assert_eq!(sku(10, 0, 12).available(), 0);
    }

    #[test]
    fn what_cannot_be_assigned_is_told_from_what_can() {
        let with = |status: Option<&str>, to: Option<&str>| SubscribedSku {
            capability_status: status.map(Into::into),
            applies_to: to.map(Into::into),
            ..SubscribedSku::default()
        };
        assert!(with(None, None).is_active() && with(Some("Warning"), None).is_active());
        assert!(!with(Some("Suspended"), None).is_active() && !with(Some("LockedOut"), None).is_active());
        assert!(with(None, Some("User")).is_for_people() && !with(None, Some("Company")).is_for_people());
    }
}
