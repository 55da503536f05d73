//! Consents: the permissions of applications on behalf of people.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::Query;

/// The permissions of an application on behalf of a person or of the whole tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct PermissionGrant {
    pub id: String,
    pub client_id: String,
    pub consent_type: Option<String>,
    pub principal_id: Option<String>,
    /// What it permits.
    pub scope: Option<String>,
}

impl PermissionGrant {
    /// Whether the consent is this person's own. Others apply to the whole tenant.
    pub fn is_own(&self, user_id: &str) -> bool {
        let is = |value: &Option<String>, expected: &str| {
            value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(expected))
        };
        is(&self.consent_type, "Principal") && is(&self.principal_id, user_id)
    }
}

impl Reader<'_> {
    /// The permissions of applications on behalf of a person.
    pub async fn permission_grants(self, user_id: &str) -> Result<Vec<PermissionGrant>, Error> {
        self.list(Query::new(&["users", user_id, "oauth2PermissionGrants"])?).await
    }
}

impl Writer<'_> {
    /// Revokes the permissions of an application.
    pub async fn remove_permission_grant(self, grant_id: &str) -> Result<(), Error> {
        self.remove(&["oauth2PermissionGrants", grant_id]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_of_the_whole_tenant_is_nobodys_own() {
        let grant = |consent_type: &str, principal: Option<&str>| PermissionGrant {
            consent_type: Some(consent_type.into()),
            principal_id: principal.map(Into::into),
            ..PermissionGrant::default()
        };
        assert!(grant("Principal", Some("1")).is_own("1"));
        assert!(!grant("Principal", Some("2")).is_own("1"));
        assert!(!grant("AllPrincipals", Some("1")).is_own("1"));
        assert!(!grant("AllPrincipals", None).is_own("1"));
        assert!(!PermissionGrant::default().is_own("1"));
    }
}
