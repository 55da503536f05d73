//! The licences that the tenant has bought.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::json;
use crate::http::read_ahead::PagesAhead;
use crate::http::request::Query;

/// A licence the tenant has bought.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct SubscribedSku {
    pub sku_id: String,
    pub sku_part_number: Option<String>,
    #[serde(default, deserialize_with = "json::number")]
    pub consumed_units: Option<i64>,
    #[serde(default, deserialize_with = "json::null_as_default")]
    pub prepaid_units: PrepaidUnits,
    pub capability_status: Option<String>,
    pub applies_to: Option<String>,
    /// Nothing if Graph does not tell.
    pub service_plans: Option<Vec<ServicePlan>>,
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

    /// The number of seats that can be used: enabled and in their grace period; nothing if Graph does not say it.
    pub fn usable(&self) -> Option<i64> {
        let PrepaidUnits { enabled, warning, .. } = self.prepaid_units;
        let enabled = enabled.filter(|enabled| *enabled >= 0)?;
        Some(enabled.saturating_add(warning.unwrap_or_default().max(0)))
    }

    /// The number of free seats, never below zero; nothing if Graph does not say how many there are or how many are in
    /// use. Then a request shows it.
    pub fn available(&self) -> Option<i64> {
        let used = self.consumed_units.filter(|used| *used >= 0)?;
        Some(self.usable()?.saturating_sub(used).max(0))
    }
}

/// The seats of a licence, by the state of their subscription.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct PrepaidUnits {
    #[serde(deserialize_with = "json::number")]
    pub enabled: Option<i64>,
    #[serde(deserialize_with = "json::number")]
    pub warning: Option<i64>,
    #[serde(deserialize_with = "json::number")]
    pub suspended: Option<i64>,
    #[serde(deserialize_with = "json::number")]
    pub locked_out: Option<i64>,
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
        let (enabled, warning) = (Some(enabled), Some(warning));
        let prepaid_units = PrepaidUnits { enabled, warning, suspended: Some(50), locked_out: Some(50) };
        SubscribedSku { consumed_units: Some(consumed_units), prepaid_units, ..SubscribedSku::default() }
    }

    #[test]
    fn suspended_seats_are_not_free_and_an_overdrawn_licence_has_none() {
        assert_eq!(sku(10, 2, 5).available(), Some(7));
        assert_eq!(sku(10, 0, 12).available(), Some(0));
    }

    #[test]
    fn figures_that_are_not_told_are_not_zero() {
        let read = |json: &str| serde_json::from_str::<SubscribedSku>(json).unwrap().available();
        let odd = [
            r#"{ "skuId": "1", "prepaidUnits": null }"#,
            r#"{ "skuId": "1", "prepaidUnits": { "enabled": null }, "consumedUnits": 3 }"#,
            r#"{ "skuId": "1", "prepaidUnits": { "enabled": -1 }, "consumedUnits": 3 }"#,
            r#"{ "skuId": "1", "prepaidUnits": { "enabled": 9, "warning": -1 }, "consumedUnits": -1 }"#,
            r#"{ "skuId": "1", "prepaidUnits": { "enabled": 9 } }"#,
        ];
        assert_eq!(odd.map(read), [None; 5]);
        let told = r#"{ "skuId": "1", "prepaidUnits": { "enabled": 9, "warning": -1 }, "consumedUnits": 3 }"#;
        assert_eq!(read(told), Some(6));
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
