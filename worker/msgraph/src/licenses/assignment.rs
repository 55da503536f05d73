//! Licences: what the tenant has bought, and what one person gets or gives back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};
use crate::users::user::{UserPatch, null_as_empty};

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
    /// Whether the subscription is active, or in its grace period: of another nothing can be assigned.
    pub fn is_active(&self) -> bool {
        let status = self.capability_status.as_deref();
        status
            .is_none_or(|status| ["Enabled", "Warning"].iter().any(|good| status.eq_ignore_ascii_case(good)))
    }

    /// Whether it is one for people. Others are the whole tenant's.
    pub fn is_for_people(&self) -> bool {
        self.applies_to.as_deref().is_none_or(|to| to.eq_ignore_ascii_case("User"))
    }

    /// How many seats are free: those enabled and in their grace period, less those in use; never below zero.
    pub fn available(&self) -> i64 {
        let PrepaidUnits { enabled, warning, .. } = self.prepaid_units;
        enabled.saturating_add(warning).saturating_sub(self.consumed_units).max(0)
    }
}

/// The seats of a licence by the state of their subscription.
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

/// A licence a person or a group has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct AssignedLicense {
    pub sku_id: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub disabled_plans: Vec<String>,
}

/// One way a person came by a licence. A licence can be there several times: directly, and once for each group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct LicenseAssignmentState {
    pub sku_id: String,
    /// The group that gives the licence; `None` means assigned directly.
    pub assigned_by_group: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub disabled_plans: Vec<String>,
    /// `Active`, `ActiveWithError`, `Disabled` or `Error`.
    pub state: Option<String>,
    /// `None`, `CountViolation`, `MutuallyExclusiveViolation`, ...
    pub error: Option<String>,
    pub last_updated_date_time: Option<Timestamp>,
}

/// A licence a person has by whatever route, with its parts and what became of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct LicenseDetails {
    pub sku_id: String,
    pub sku_part_number: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub service_plans: Vec<ServicePlan>,
}

/// A licence to be given, without these of its plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddLicense {
    /// Which licence.
    pub sku_id: String,
    /// The service plans that stay off.
    pub disabled_plans: Vec<String>,
}

/// Graph wants both lists, empty or not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LicenseChange<'a> {
    add_licenses: &'a [AddLicense],
    remove_licenses: &'a [&'a str],
}

impl LicenseAssignmentState {
    /// Why the licence does not work that came this way; nothing where it does.
    pub fn failure(&self) -> Option<&str> {
        let is_error = self.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("Error"));
        is_error.then_some(self.error.as_deref().unwrap_or("Other"))
    }
}

impl Reader<'_> {
    /// What the tenant has bought.
    pub async fn subscribed_skus(self) -> Result<Vec<SubscribedSku>, Error> {
        let query = Query::new(&["subscribedSkus"])?.select(&[
            "skuId",
            "skuPartNumber",
            "consumedUnits",
            "prepaidUnits",
            "capabilityStatus",
            "appliesTo",
            "servicePlans",
        ]);
        self.list(query).await
    }

    /// The licences a person has, those of a group among them.
    pub async fn license_details(self, user_id: &str) -> Result<Vec<LicenseDetails>, Error> {
        self.list(Query::new(&["users", user_id, "licenseDetails"])?).await
    }
}

impl Writer<'_> {
    /// Gives a person licences and takes others back, in one call: dependencies inside it resolve.
    ///
    /// Taking back what the person does not have is a success, if nothing is given in the same call. Graph refuses
    /// a removal as a whole when one of its licences is not there, so several are then taken back one by one.
    ///
    /// Calls for one person must follow each other: Graph answers parallel ones with a conflict.
    pub async fn assign_licenses(
        self,
        user_id: &str,
        add: &[AddLicense],
        remove: &[&str],
    ) -> Result<(), Error> {
        match self.change_licenses(user_id, add, remove).await {
            Err(error) if add.is_empty() && is_not_assigned(&error) => {}
            outcome => return outcome,
        }
        if remove.len() > 1 {
            for sku_id in remove {
                match self.change_licenses(user_id, &[], &[sku_id]).await {
                    Err(error) if is_not_assigned(&error) => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }

    /// Says where a person is, and only if that went well gives licences, which Graph refuses to people who are nowhere,
    /// and takes others back.
    pub async fn locate_and_license(
        self,
        user_id: &str,
        country: &str,
        add: &[AddLicense],
        remove: &[&str],
    ) -> Result<(), Error> {
        let patch = UserPatch { usage_location: Some(country.to_owned()), ..UserPatch::default() };
        let locate = Write::patch(&["users", user_id])?.json(&patch)?;
        self.send_in_order([locate, license(user_id, add, remove)?]).await
    }

    async fn change_licenses(self, user_id: &str, add: &[AddLicense], remove: &[&str]) -> Result<(), Error> {
        self.send(license(user_id, add, remove)?).await
    }
}

fn license(user_id: &str, add: &[AddLicense], remove: &[&str]) -> Result<Write, Error> {
    let change = LicenseChange { add_licenses: add, remove_licenses: remove };
    Write::post(&["users", user_id, "assignLicense"])?.json(&change)
}

/// 400 `Request_BadRequest`, told from a dozen others by its message alone (seen 2024).
fn is_not_assigned(error: &Error) -> bool {
    error.status() == Some(400) && error.mentions("does not have a corresponding license")
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
        let state = |state: &str, error: &str| LicenseAssignmentState {
            state: Some(state.into()),
            error: Some(error.into()),
            ..LicenseAssignmentState::default()
        };
        assert_eq!(state("Error", "CountViolation").failure(), Some("CountViolation"));
        assert_eq!(state("Active", "None").failure(), None);
        assert_eq!(state("ActiveWithError", "Other").failure(), None);
    }

    #[test]
    fn both_lists_are_always_sent() {
        let change = LicenseChange { add_licenses: &[], remove_licenses: &["sku"] };
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"addLicenses":[],"removeLicenses":["sku"]}"#);
    }
}
