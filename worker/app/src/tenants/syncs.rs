//! What each sync needs, exactly.

use msgraph::Grants;

/// A sync and what it needs.
pub struct Sync {
    /// Its name.
    pub name: &'static str,
    /// The permissions without which it does not work.
    pub needs: &'static [&'static str],
    /// Permissions that show more, and what.
    pub adds: &'static [(&'static str, &'static str)],
    /// The least role that a service account needs besides, and templates of the roles that do.
    pub role: &'static str,
    role_templates: &'static [&'static str],
}

/// Directory Readers, Global Reader, Global Administrator.
const READ_DIRECTORY: &[&str] = &[
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "62e90394-69f5-4237-9190-012177145e10",
];
/// Reports Reader, Security Reader, Global Reader, Security Administrator, Global Administrator.
const READ_SIGN_INS: &[&str] = &[
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "5d6b6bb7-de71-4623-b4af-96380a352509",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "62e90394-69f5-4237-9190-012177145e10",
];
/// Reports Reader, Global Administrator. A Global Reader sees reports without names.
const READ_REPORTS: &[&str] =
    &["4a5d8f65-41da-4de4-8968-e035b65339cf", "62e90394-69f5-4237-9190-012177145e10"];

/// Every sync (Microsoft's permission table, 2026-08-07; roles by Microsoft Graph documentation, "List subscribedSkus",
/// 2025, "List signIns", 2025, and "Authorization for APIs to read Microsoft 365 usage reports", 2024).
pub const SYNCS: [Sync; 4] = [
    Sync {
        name: "users",
        needs: &["User.Read.All"],
        adds: &[("User-LifeCycleInfo.Read.All", "leave dates")],
        role: "Directory Readers",
        role_templates: READ_DIRECTORY,
    },
    Sync {
        name: "sign_ins",
        needs: &["User.Read.All", "AuditLog.Read.All"],
        adds: &[],
        role: "Reports Reader",
        role_templates: READ_SIGN_INS,
    },
    Sync {
        name: "licenses",
        needs: &["LicenseAssignment.Read.All", "User.Read.All"],
        adds: &[("Organization.Read.All", "renewals"), ("GroupMember.Read.All", "names of groups")],
        role: "Directory Readers",
        role_templates: READ_DIRECTORY,
    },
    Sync {
        name: "usage",
        needs: &["Reports.Read.All"],
        adds: &[
            ("ReportSettings.Read.All", "whether names are concealed"),
            ("User.Read.All", "who the people are"),
            ("LicenseAssignment.Read.All", "unused licences"),
        ],
        role: "Reports Reader",
        role_templates: READ_REPORTS,
    },
];

impl Sync {
    /// Whether a permission that shows more was granted. Whoever reads people may read the organization, and not its
    /// purchases.
    pub fn shows(permission: &str, grants: &Grants) -> bool {
        let wider = [
            "Organization.Read.All",
            "Organization.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ];
        match permission {
            "Organization.Read.All" => wider.iter().any(|name| grants.permissions.contains(*name)),
            _ => grants.covers(permission),
        }
    }

    /// What a service account lacks: a role, if its token lists its roles and none of them does.
    pub fn missing_role(&self, grants: &Grants) -> Option<&'static str> {
        let roles = grants.role_templates.as_ref().filter(|_| grants.is_delegated)?;
        let does = |role: &String| self.role_templates.iter().any(|one| one.eq_ignore_ascii_case(role));
        (!roles.iter().any(does)).then_some(self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(name: &str) -> &'static Sync {
        SYNCS.iter().find(|sync| sync.name == name).unwrap()
    }

    fn account(roles: Option<&[&str]>, is_delegated: bool) -> Grants {
        let role_templates = roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
        Grants {
            permissions: ["User.Read.All".to_owned()].into(),
            is_delegated,
            object_id: None,
            role_templates,
        }
    }

    #[test]
    fn a_service_account_is_told_which_role_it_lacks() {
        let ordinary = account(Some(&["b79fbf4d-3ef9-4689-8143-76b194e85509"]), true);
        assert_eq!(sync("sign_ins").missing_role(&ordinary), Some("Reports Reader"));
        assert_eq!(sync("licenses").missing_role(&ordinary), Some("Directory Readers"));
        let reader = account(Some(&["F2EF992C-3AFB-46B9-B7CF-A126EE74C451"]), true);
        assert_eq!(sync("licenses").missing_role(&reader), None);
        assert_eq!(sync("usage").missing_role(&reader), Some("Reports Reader"));
        assert_eq!(sync("usage").missing_role(&account(None, true)), None, "its token does not say");
        assert_eq!(
            sync("usage").missing_role(&account(Some(&[]), false)),
            None,
            "an application needs no role"
        );
    }

    #[test]
    fn purchases_need_more_than_the_organization() {
        let account = account(None, false);
        assert!(account.covers("Organization.Read.All") && !Sync::shows("Organization.Read.All", &account));
    }
}
