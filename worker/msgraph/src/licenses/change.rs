//! Licences given to a person and taken back.

use serde::Serialize;

use crate::error::Error;
use crate::http::client::Writer;
use crate::http::request::Write;
use crate::users::user::UserPatch;

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

    #[test]
    fn both_lists_are_always_sent() {
        let change = LicenseChange { add_licenses: &[], remove_licenses: &["sku"] };
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"addLicenses":[],"removeLicenses":["sku"]}"#);
    }
}
