//! What of people a sync of usage shows: the stricter of the settings and of what a request asks for.

use directory_sync::Privacy;
use secrecy::{ExposeSecret as _, SecretString};

/// A shorter key could be guessed, and with it who is who.
const SHORTEST_KEY: usize = 32;

/// What of people usage shows, by the settings of one tenant.
#[derive(Clone, Debug)]
pub struct UsagePrivacy {
    tenant: String,
    tenant_id: String,
    key: Option<SecretString>,
    pseudonyms: bool,
    min_group: u64,
}

impl UsagePrivacy {
    /// The settings of the tenant with this name and directory id.
    ///
    /// # Errors
    ///
    /// When the key is too short; the error says how to make one.
    pub fn new(
        tenant: &str,
        tenant_id: &str,
        key: Option<SecretString>,
        pseudonyms: bool,
        min_group: u64,
    ) -> Result<Self, String> {
        if key.as_ref().is_some_and(|key| key.expose_secret().chars().count() < SHORTEST_KEY) {
            return Err(format!(
                "the key is shorter than {SHORTEST_KEY} characters; make one with `openssl rand -hex 32`"
            ));
        }
        let (tenant, tenant_id) = (tenant.to_owned(), tenant_id.to_owned());
        Ok(Self { tenant, tenant_id, key, pseudonyms, min_group })
    }

    /// What a request gets.
    ///
    /// # Errors
    ///
    /// When it asks for pseudonyms and there is no key; the error names the setting.
    pub fn of_request(&self, pseudonyms: bool, min_group: Option<u64>) -> Result<Privacy, String> {
        let least = min_group.unwrap_or_default().max(self.min_group);
        if !(pseudonyms || self.pseudonyms) {
            return Ok(Privacy::open_names().with_smallest_group(least));
        }
        let Some(key) = &self.key else {
            return Err(format!(
                "pseudonyms need a key: set tenants.{}.sync.pseudonym_key_file to a file with 32 characters or more",
                self.tenant
            ));
        };
        let privacy = Privacy::pseudonyms(key.expose_secret().as_bytes(), &self.tenant_id);
        Ok(privacy.with_smallest_group(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_can_ask_for_more_privacy_than_the_settings_and_not_for_less() {
        let key = || Some(SecretString::from("k".repeat(32)));
        let settings = |key, pseudonyms| UsagePrivacy::new("contoso", "id", key, pseudonyms, 7).unwrap();
        let refusal = settings(None, false).of_request(true, None).err().unwrap();
        assert!(refusal.contains("tenants.contoso.sync.pseudonym_key_file"), "{refusal}");
        assert!(settings(key(), true).of_request(false, Some(1)).is_ok());
        assert!(
            UsagePrivacy::new("contoso", "id", Some("short".into()), false, 5)
                .unwrap_err()
                .contains("openssl")
        );
    }
}
