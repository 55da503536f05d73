//! What a connection to a tenant is worth: what its token grants, whose tenant it is, which roles it holds.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::client::Reader;
use crate::error::Error;
use crate::request::Query;
use crate::users::null_as_empty;

/// What a token says of itself. It is read for a diagnosis only: Graph alone decides what it allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Permissions: application permissions, or the delegated ones of a service account.
    pub permissions: BTreeSet<String>,
    /// Whether it acts for a service account instead of as the application itself.
    pub is_delegated: bool,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "null_as_empty")]
    roles: Vec<String>,
    scp: Option<String>,
}

impl Grants {
    /// Reads the claims of a token; `None` where it is none that can be read.
    pub(crate) fn of_token(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let scopes = claims.scp.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned);
        Some(Self { is_delegated: claims.scp.is_some(), permissions: scopes.chain(claims.roles).collect() })
    }

    /// Whether a permission was granted, by itself or within a broader one.
    pub fn covers(&self, needed: &str) -> bool {
        let has = |name: &str| self.permissions.contains(name);
        // Permissions of Exchange end here: there is no `.All` behind them.
        let wider = match needed.strip_suffix(".Read") {
            Some(of) => format!("{of}.ReadWrite"),
            None => needed.replace(".Read.", ".ReadWrite."),
        };
        has(needed) || has(&wider) || broader(needed).iter().any(|name| has(name))
    }
}

/// Permissions that include another one, as far as Gatehouse needs any (Microsoft's permission table, 2026-08-07).
fn broader(needed: &str) -> &'static [&'static str] {
    match needed {
        "User.Read.All" => &["Directory.Read.All", "Directory.ReadWrite.All"],
        "User.ReadWrite.All" => &["Directory.ReadWrite.All"],
        "User.EnableDisableAccount.All" | "User.RevokeSessions.All" | "LicenseAssignment.ReadWrite.All" => {
            &["User.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        "User.DeleteRestore.All" => &["User.ReadWrite.All"],
        "DelegatedPermissionGrant.ReadWrite.All" => &["Directory.ReadWrite.All"],
        "Files.ReadWrite.All" => &["Sites.ReadWrite.All"],
        "LicenseAssignment.Read.All" => &[
            "Organization.Read.All",
            "Organization.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        "Organization.Read.All" => &["User.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "GroupMember.Read.All" => {
            &["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"]
        }
        "GroupMember.ReadWrite.All" => &["Group.ReadWrite.All", "Directory.ReadWrite.All"],
        "Group.ReadWrite.All" => &["Directory.ReadWrite.All"],
        "Channel.ReadBasic.All" => &[
            "ChannelSettings.Read.All",
            "ChannelSettings.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        "Application.Read.All" => {
            &["Application.ReadWrite.OwnedBy", "Directory.Read.All", "Directory.ReadWrite.All"]
        }
        "UserAuthMethod-TAP.ReadWrite.All" => &["UserAuthenticationMethod.ReadWrite.All"],
        "UserAuthMethod-TAP.Read.All" => {
            &["UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"]
        }
        _ => &[],
    }
}

/// Whose tenant it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Organization {
    pub id: String,
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub verified_domains: Vec<VerifiedDomain>,
}

/// A domain of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct VerifiedDomain {
    pub name: String,
    #[serde(default)]
    pub is_default: bool,
}

/// A directory role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DirectoryRole {
    pub display_name: String,
    pub role_template_id: Option<String>,
}

/// What reports show of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportSettings {
    /// Whether reports show pseudonyms instead of names; Microsoft turned that on for every tenant in 2021.
    pub display_concealed_names: bool,
}

impl Reader<'_> {
    /// What reports show of people.
    ///
    /// # Errors
    ///
    /// Needs `ReportSettings.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn report_settings(self) -> Result<ReportSettings, Error> {
        self.get(Query::new(&["admin", "reportSettings"])?).await
    }

    /// The tenant's organization.
    ///
    /// # Errors
    ///
    /// Also where Graph names none.
    pub async fn organization(self) -> Result<Option<Organization>, Error> {
        let query = Query::new(&["organization"])?.select(&["id", "displayName", "verifiedDomains"]);
        Ok(self.list(query).await?.into_iter().next())
    }

    /// The directory roles that the application itself holds in the tenant.
    ///
    /// # Errors
    ///
    /// Needs `Application.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn roles_of_application(self, client_id: &str) -> Result<Vec<DirectoryRole>, Error> {
        let principal = format!("servicePrincipals(appId={})", crate::path::quoted(client_id));
        let query = Query::new(&[&principal, "memberOf", "microsoft.graph.directoryRole"])?
            .select(&["displayName", "roleTemplateId"]);
        self.list(query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_tells_what_it_grants() {
        let app = Grants::of_token(&token(r#"{"roles":["User.Read.All"]}"#)).unwrap();
        assert!(app.covers("User.Read.All") && !app.covers("User.ReadWrite.All") && !app.is_delegated);
        let account = Grants::of_token(&token(r#"{"scp":"User.ReadWrite.All openid"}"#)).unwrap();
        assert!(account.covers("User.Read.All") && account.covers("User.RevokeSessions.All"));
        assert!(account.is_delegated);
        let methods =
            Grants::of_token(&token(r#"{"roles":["UserAuthenticationMethod.ReadWrite.All"]}"#)).unwrap();
        assert!(
            methods.covers("UserAuthMethod-TAP.ReadWrite.All")
                && methods.covers("UserAuthMethod-TAP.Read.All")
        );
        let mailbox = Grants::of_token(&token(r#"{"roles":["MailboxSettings.ReadWrite"]}"#)).unwrap();
        assert!(mailbox.covers("MailboxSettings.Read") && !mailbox.covers("Mail.Read"));
        assert_eq!(Grants::of_token(&token("{}")).unwrap().permissions.len(), 0);
        for unreadable in ["", "opaque", "a.b.c", "e30.e30"] {
            let grants = Grants::of_token(unreadable);
            assert!(grants.is_none_or(|grants| grants.permissions.is_empty()), "{unreadable}");
        }
    }
}
