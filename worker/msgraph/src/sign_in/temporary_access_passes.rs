//! Temporary access passes: a first way to sign in, before a person has another authentication method.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json;
use crate::http::request::{Query, Write};

const PASSES: &str = "temporaryAccessPassMethods";

/// A person's pass. Graph returns its value when it is issued and never again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct TemporaryAccessPass {
    pub id: String,
    #[serde(default, deserialize_with = "json::moment")]
    pub created_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "json::moment")]
    pub start_date_time: Option<Timestamp>,
    pub is_usable: Option<bool>,
    /// `EnabledByPolicy`, `DisabledByPolicy`, `Expired`, `NotYetValid` or `OneTimeUsed`.
    pub method_usability_reason: Option<String>,
}

impl TemporaryAccessPass {
    /// Whether the pass is valid, now or later.
    pub fn is_good(&self) -> bool {
        self.is_usable == Some(true) || self.is_because("NotYetValid")
    }

    /// When it was created, if Graph says so.
    pub fn made(&self) -> Option<Timestamp> {
        self.created_date_time.or(self.start_date_time)
    }

    fn is_because(&self, reason: &str) -> bool {
        self.method_usability_reason
            .as_deref()
            .is_some_and(|reason_given| reason_given.eq_ignore_ascii_case(reason))
    }
}

/// A pass to issue. The tenant's policy decides about absent fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct NewTemporaryAccessPass {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_usable_once: Option<bool>,
}

/// An issued pass with its value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct IssuedPass {
    #[serde(deserialize_with = "secret")]
    pub temporary_access_pass: SecretString,
    #[serde(default, deserialize_with = "json::moment")]
    pub start_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "json::count")]
    pub lifetime_in_minutes: Option<u64>,
    pub method_usability_reason: Option<String>,
}

impl IssuedPass {
    /// Whether the policy forbids the person to use it. Graph issues the pass all the same (seen in an issue thread,
    /// 2023).
    pub fn is_against_policy(&self) -> bool {
        self.method_usability_reason
            .as_deref()
            .is_some_and(|reason_given| reason_given.eq_ignore_ascii_case("DisabledByPolicy"))
    }
}

impl Reader<'_> {
    /// A person's passes, valid or not. Entra keeps at most one.
    pub async fn temporary_access_passes(self, user_id: &str) -> Result<Vec<TemporaryAccessPass>, Error> {
        self.list(Query::new(&["users", user_id, "authentication", PASSES])?).await
    }
}

impl Writer<'_> {
    /// Issues a pass to a person without one.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost, and the pass's value with it: look for the pass
    /// and revoke it.
    pub async fn issue_temporary_access_pass(
        self,
        user_id: &str,
        pass: &NewTemporaryAccessPass,
    ) -> Result<IssuedPass, Error> {
        self.send_for(Write::post(&["users", user_id, "authentication", PASSES])?.json(pass)?).await
    }

    /// Revokes a pass, which ends the person's sessions ("Configure Temporary Access Pass", Microsoft Entra
    /// documentation, 2021).
    pub async fn withdraw_temporary_access_pass(self, user_id: &str, pass_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id, "authentication", PASSES, pass_id]).await
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pass_is_good_now_or_will_be() {
        let is_good = |is_usable: bool, reason: &str| {
            let pass = json!({ "id": "1", "isUsable": is_usable, "methodUsabilityReason": reason });
            serde_json::from_value::<TemporaryAccessPass>(pass).unwrap().is_good()
        };
        assert!(is_good(true, "EnabledByPolicy") && is_good(false, "NotYetValid"));
        for reason in ["Expired", "OneTimeUsed", "DisabledByPolicy", "unknownFutureValue"] {
            assert!(!is_good(false, reason), "{reason}");
        }
    }

    #[test]
    fn what_is_issued_is_printed_without_its_value() {
        let issued = json!({
            "temporaryAccessPass": "not-to-be-read", "startDateTime": "2026-03-02T08:00:00.123Z",
            "lifetimeInMinutes": 60, "methodUsabilityReason": "DisabledByPolicy",
        });
        let issued: IssuedPass = serde_json::from_value(issued).unwrap();
        assert!(issued.is_against_policy() && !format!("{issued:?}").contains("not-to-be-read"));
    }
}
