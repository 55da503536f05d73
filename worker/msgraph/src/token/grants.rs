//! The permissions and roles of a token.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::http::json::null_as_empty;

/// The claims of a token. They are read for a diagnosis only: Graph alone decides what a token allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Application permissions, or the delegated permissions of a service account.
    pub permissions: BTreeSet<String>,
    /// Whether the token acts for a service account instead of the application itself.
    pub is_delegated: bool,
    /// The object id of the service account or of the application's principal.
    pub object_id: Option<String>,
    /// The templates of its directory roles; `None` if the token does not list them.
    pub role_templates: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "null_as_empty")]
    roles: Vec<String>,
    scp: Option<String>,
    wids: Option<BTreeSet<String>>,
    oid: Option<String>,
}

impl Grants {
    /// Reads the claims of a token; `None` if it cannot be read.
    pub(crate) fn of_token(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let scopes = claims.scp.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned);
        Some(Self {
            is_delegated: claims.scp.is_some(),
            permissions: scopes.chain(claims.roles).collect(),
            object_id: claims.oid,
            role_templates: claims.wids,
        })
    }

    /// Whether the token may have a role that can change administrators. `false` only if it lists its roles and none of
    /// them can.
    pub fn may_change_administrators(&self) -> bool {
        let templates = self.role_templates.as_ref();
        templates
            .is_none_or(|templates| templates.iter().any(|template| !cannot_change_administrators(template)))
    }

    /// Whether a permission was granted, itself or as part of a broader one.
    pub fn covers(&self, needed: &str) -> bool {
        let has = |name: &str| self.permissions.contains(name);
        // Permissions of Exchange have no `.All` at the end.
        let wider = match needed.strip_suffix(".Read") {
            Some(of) => format!("{of}.ReadWrite"),
            None => needed.replace(".Read.", ".ReadWrite."),
        };
        has(needed) || has(&wider) || broader(needed).iter().any(|name| has(name))
    }
}

/// Templates of roles that cannot change administrators: the roles that every application and every user has, and
/// roles for other tasks (Microsoft Entra built-in roles, 2026). Any other role counts as unknown.
const CANNOT_CHANGE_ADMINISTRATORS: [&str; 7] = [
    "0997a1d0-0d1d-4acb-b408-d5ca73121e90",
    "b79fbf4d-3ef9-4689-8143-76b194e85509",
    // Global Reader, Reports Reader, Teams Administrator, Exchange Administrator, Application Administrator.
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
];

pub(crate) fn cannot_change_administrators(template: &str) -> bool {
    CANNOT_CHANGE_ADMINISTRATORS.iter().any(|known| known.eq_ignore_ascii_case(template))
}

/// Broader permissions that include the needed one, for the permissions that Gatehouse uses (Microsoft's permission
/// table, 2026-08-07).
fn broader(needed: &str) -> &'static [&'static str] {
    match needed {
        "User.Read.All" => &["Directory.Read.All", "Directory.ReadWrite.All"],
        "User.ReadWrite.All" => &["Directory.ReadWrite.All"],
        "RoleEligibilitySchedule.Read.Directory" => &[
            "RoleManagement.Read.All",
            "RoleManagement.Read.Directory",
            "RoleManagement.ReadWrite.Directory",
        ],
        "RoleManagement.Read.Directory" => {
            &["RoleManagement.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"]
        }
        "User.EnableDisableAccount.All" | "User.RevokeSessions.All" | "LicenseAssignment.ReadWrite.All" => {
            &["User.ReadWrite.All", "Directory.ReadWrite.All"]
        }
        "User.DeleteRestore.All" => &["User.ReadWrite.All"],
        "DelegatedPermissionGrant.ReadWrite.All" => &["Directory.ReadWrite.All"],
        "Mail.ReadBasic.All" => &["Mail.Read", "Mail.ReadWrite"],
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
        "TeamMember.ReadWriteNonOwnerRole.All" => &["TeamMember.ReadWrite.All"],
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_names_its_permissions() {
        let app = Grants::of_token(&token(r#"{"roles":["User.Read.All"]}"#)).unwrap();
        assert!(app.covers("User.Read.All") && !app.covers("User.ReadWrite.All") && !app.is_delegated);
        let account = Grants::of_token(&token(r#"{"scp":"User.ReadWrite.All openid"}"#)).unwrap();
        assert!(account.covers("User.Read.All") && account.covers("User.RevokeSessions.All"));
        assert!(account.is_delegated);
        // Graph reads the organization for who may read people, and not for who may change them.
        assert!(app.covers("Organization.Read.All") && !account.covers("Organization.Read.All"));
        let teams = Grants::of_token(&token(r#"{"roles":["TeamMember.ReadWrite.All"]}"#)).unwrap();
        assert!(teams.covers("TeamMember.ReadWriteNonOwnerRole.All") && teams.covers("TeamMember.Read.All"));
        let methods =
            Grants::of_token(&token(r#"{"roles":["UserAuthenticationMethod.ReadWrite.All"]}"#)).unwrap();
        assert!(
            methods.covers("UserAuthMethod-TAP.ReadWrite.All")
                && methods.covers("UserAuthMethod-TAP.Read.All")
        );
        let mailbox = Grants::of_token(&token(r#"{"roles":["MailboxSettings.ReadWrite"]}"#)).unwrap();
        assert!(mailbox.covers("MailboxSettings.Read") && !mailbox.covers("Mail.Read"));
        assert_eq!(Grants::of_token(&token("{}")).unwrap().permissions.len(), 0);
        assert!(app.may_change_administrators(), "the token does not say");
        let roles = |ids: &str| Grants::of_token(&token(&format!(r#"{{"wids":[{ids}]}}"#))).unwrap();
        let ordinary = r#""0997a1d0-0d1d-4acb-b408-d5ca73121e90""#;
        assert!(!roles(ordinary).may_change_administrators() && !roles("").may_change_administrators());
        let privileged = format!(r#"{ordinary},"7be44c8a-adaf-4e2a-84d6-ab2649e08a13""#);
        assert!(roles(&privileged).may_change_administrators());
        for unreadable in ["", "opaque", "a.b.c", "e30.e30"] {
            let grants = Grants::of_token(unreadable);
            assert!(grants.is_none_or(|grants| grants.permissions.is_empty()), "{unreadable}");
        }
    }
}
