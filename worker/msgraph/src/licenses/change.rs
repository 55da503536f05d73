//! Assigns licences to a person and removes them.

use serde::Serialize;

use crate::error::Error;
use crate::http::client::Writer;
use crate::http::request::Write;
use crate::users::user::UserPatch;

/// A licence to assign, without some of its service plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddLicense {
    /// The licence.
    pub sku_id: String,
    /// The service plans that stay off.
    pub disabled_plans: Vec<String>,
}

/// Graph requires both lists, even if empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LicenseChange<'a> {
    add_licenses: &'a [AddLicense],
    remove_licenses: &'a [&'a str],
}

impl Writer<'_> {
    /// Assigns licences to a person and removes others, in one call: Graph resolves dependencies inside it.
    ///
    /// Removing a licence that the person does not have is a success, if the same call assigns nothing. Graph refuses
    /// a whole removal if one of its licences is missing; the client then removes them one by one.
    ///
    /// Calls for one person must be sequential: Graph answers parallel ones with a conflict.
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

    /// Sets a person's usage location and, only if that succeeds, assigns licences and removes others. Graph refuses
    /// licences without a usage location.
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

/// 400 `Request_BadRequest`, which only its message distinguishes from a dozen others (seen 2024).
fn is_not_assigned(error: &Error) -> bool {
    error.status() == Some(400) && error.mentions("does not have a corresponding license")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_always_sent() {
        let change = LicenseChange { add_licenses: &[], remove_licenses: &["sku"] };
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"addLicenses":[],"removeLicenses":["sku"]}"#);
    }
}
