//! Groups: their kind, and the groups of a person.

use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::json::null_as_empty;
use crate::http::path::quoted;
use crate::http::request::Query;
use crate::licenses::assignment::AssignedLicense;

/// The properties that [`GroupKind`] and the licence steps need.
const PROPERTIES: [&str; 10] = [
    "id",
    "displayName",
    "groupTypes",
    "mailEnabled",
    "securityEnabled",
    "membershipRule",
    "onPremisesSyncEnabled",
    "isAssignableToRole",
    "assignedLicenses",
    "resourceProvisioningOptions",
];

/// The most names in one filter (Microsoft Graph, "Known issues", 2023, read 2026-11-29: `in` takes 15 values).
const MOST_NAMES: usize = 15;
/// The longest filter by names, in bytes, so that its address has a length that everybody on the way accepts.
const LONGEST_FILTER: usize = 600;

/// A group. A property that may not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Group {
    pub id: String,
    pub display_name: Option<String>,
    /// Nothing if Graph does not tell.
    pub group_types: Option<Vec<String>>,
    pub mail_enabled: Option<bool>,
    pub security_enabled: Option<bool>,
    pub membership_rule: Option<String>,
    pub on_premises_sync_enabled: Option<bool>,
    pub is_assignable_to_role: Option<bool>,
    /// The licences it gives; nothing if Graph does not tell.
    pub assigned_licenses: Option<Vec<AssignedLicense>>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub resource_provisioning_options: Vec<String>,
}

/// The kind of a group, by what controls its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// Only its id may be read.
    Unreadable,
    /// Managed in an on-premises directory; Graph refuses changes.
    Synced,
    /// A rule determines the members; Graph refuses changes as if a permission were missing.
    Dynamic,
    /// Can have directory roles; a change needs `RoleManagement.ReadWrite.Directory` as well.
    RoleAssignable,
    /// A Microsoft 365 group, with or without a team.
    Microsoft365,
    /// A mail-enabled security group; managed in Exchange.
    MailEnabledSecurity,
    /// A distribution list; managed in Exchange.
    DistributionList,
    /// A plain security group.
    Security,
    /// It has a mail address, and Graph does not tell whether it is a Microsoft 365 group.
    Untold,
}

impl Group {
    /// The kind. The property that controls membership decides first.
    pub fn kind(&self) -> GroupKind {
        let is_type =
            |name: &str| self.group_types.iter().flatten().any(|kind| kind.eq_ignore_ascii_case(name));
        let (Some(mail_enabled), Some(security_enabled)) = (self.mail_enabled, self.security_enabled) else {
            return GroupKind::Unreadable;
        };
        if self.on_premises_sync_enabled == Some(true) {
            GroupKind::Synced
        } else if is_type("DynamicMembership") || (self.group_types.is_none() && self.has_rule()) {
            GroupKind::Dynamic
        } else if self.is_assignable_to_role == Some(true) {
            GroupKind::RoleAssignable
        } else if is_type("Unified") {
            GroupKind::Microsoft365
        } else {
            match (mail_enabled, security_enabled) {
                (true, _) if self.group_types.is_none() => GroupKind::Untold,
                (true, true) => GroupKind::MailEnabledSecurity,
                (true, false) => GroupKind::DistributionList,
                (false, _) => GroupKind::Security,
            }
        }
    }

    fn has_rule(&self) -> bool {
        self.membership_rule.as_ref().is_some_and(|rule| !rule.is_empty())
    }

    /// Whether the group can have directory roles, whatever controls its members. That never changes.
    pub fn can_hold_roles(&self) -> bool {
        self.is_assignable_to_role == Some(true)
    }

    /// Whether the group has a team.
    pub fn is_team(&self) -> bool {
        self.resource_provisioning_options.iter().any(|option| option.eq_ignore_ascii_case("Team"))
    }
}

/// An entry of `memberOf` or `ownedObjects`, which mix groups with roles, applications and more.
#[derive(Deserialize)]
struct Relation {
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    #[serde(flatten)]
    group: Group,
}

/// What a person owns, of all that can have owners.
#[derive(Debug, Clone, Default)]
pub struct Ownerships {
    /// Groups. One that may not be read has only its id.
    pub groups: Vec<Group>,
    /// Applications that are registered in the tenant, and those that people can be assigned to.
    pub applications: Vec<OwnedApplication>,
}

/// An application that a person owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedApplication {
    /// The object id.
    pub id: String,
    /// The display name; `None` if the application may not be read.
    pub display_name: Option<String>,
    /// Whether it is the registration, and not the service principal that acts for it in the tenant.
    pub is_registration: bool,
}

impl Relation {
    fn is_a(&self, kind: &str) -> bool {
        let name = self.odata_type.as_deref().and_then(|name| name.strip_prefix("#microsoft.graph."));
        name.is_some_and(|name| name.eq_ignore_ascii_case(kind))
    }

    fn application(&self) -> Option<OwnedApplication> {
        let is_registration = self.is_a("application");
        (is_registration || self.is_a("servicePrincipal")).then(|| OwnedApplication {
            id: self.group.id.clone(),
            display_name: self.group.display_name.clone(),
            is_registration,
        })
    }
}

impl Reader<'_> {
    /// The group with this object id; `None` if there is none.
    pub async fn group(self, group_id: &str) -> Result<Option<Group>, Error> {
        self.find(Query::new(&["groups", group_id])?.select(&PROPERTIES)).await
    }

    /// The groups with this display name. Graph does not keep it unique.
    pub async fn groups_named(self, display_name: &str) -> Result<Vec<Group>, Error> {
        let condition = format!("displayName eq {}", quoted(display_name));
        self.list(Query::new(&["groups"])?.filter(&condition).select(&PROPERTIES)).await
    }

    /// The groups with one of these display names, fifteen names in a request. Which group has which name is not told
    /// but by the name itself, and Graph compares without regard to case.
    pub async fn groups_with_names(self, display_names: &[&str]) -> Result<Vec<Group>, Error> {
        let lists = lists_of(display_names);
        let found = lists.iter().map(async |list| {
            let condition = format!("displayName in ({list})");
            self.list::<Group>(Query::new(&["groups"])?.filter(&condition).select(&PROPERTIES)).await
        });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    /// The groups a person is a direct member of. A group that may not be read has only its id.
    pub async fn groups_of(self, user_id: &str) -> Result<Vec<Group>, Error> {
        // Not the cast `/memberOf/microsoft.graph.group`: that is an advanced query, and its index lags.
        Ok(groups_among(self.relations(&["users", user_id, "memberOf"]).await?))
    }

    /// The groups and applications a person owns.
    pub async fn owned_by(self, user_id: &str) -> Result<Ownerships, Error> {
        let relations = self.relations(&["users", user_id, "ownedObjects"]).await?;
        let applications = relations.iter().filter_map(Relation::application).collect();
        Ok(Ownerships { groups: groups_among(relations), applications })
    }

    async fn relations(self, segments: &[&str]) -> Result<Vec<Relation>, Error> {
        self.list(Query::new(segments)?.select(&PROPERTIES)).await
    }
}

fn groups_among(relations: Vec<Relation>) -> Vec<Group> {
    relations.into_iter().filter(|relation| relation.is_a("group")).map(|relation| relation.group).collect()
}

/// The names as literals, in lists that each fit into a filter.
fn lists_of(names: &[&str]) -> Vec<String> {
    let mut lists: Vec<(usize, String)> = Vec::new();
    for literal in names.iter().map(|name| quoted(name)) {
        match lists.last_mut() {
            Some((count, list)) if *count < MOST_NAMES && list.len() + literal.len() < LONGEST_FILTER => {
                *count += 1;
                list.push(',');
                list.push_str(&literal);
            }
            _ => lists.push((1, literal)),
        }
    }
    lists.into_iter().map(|(_, list)| list).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_for_in_lists_that_fit_into_a_filter() {
        assert_eq!(lists_of(&["R&D", "O'Brien"]), ["'R&D','O''Brien'"]);
        assert_eq!(lists_of(&[]), [""; 0]);
        assert_eq!(lists_of(&["a"; 31]).iter().map(String::len).collect::<Vec<_>>(), [59, 59, 3]);
        let long = "a".repeat(299);
        assert_eq!(lists_of(&[&long, &long, &long]).len(), 3, "600 bytes hold one of these and not two");
    }

    fn group(json: &str) -> Group {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_kind_of_group_is_told_apart() {
        let cases = [
            (r#"{"id":"1"}"#, GroupKind::Unreadable),
            (
                r#"{"id":"1","mailEnabled":null,"securityEnabled":null,"groupTypes":null}"#,
                GroupKind::Unreadable,
            ),
            (r#"{"id":"1","mailEnabled":false,"securityEnabled":true}"#, GroupKind::Security),
            (
                r#"{"id":"1","mailEnabled":true,"securityEnabled":true,"groupTypes":[]}"#,
                GroupKind::MailEnabledSecurity,
            ),
            (
                r#"{"id":"1","mailEnabled":true,"securityEnabled":false,"groupTypes":[]}"#,
                GroupKind::DistributionList,
            ),
            (r#"{"id":"1","mailEnabled":true,"securityEnabled":false,"groupTypes":null}"#, GroupKind::Untold),
            (r#"{"id":"1","mailEnabled":true,"securityEnabled":true}"#, GroupKind::Untold),
            (
                r#"{"id":"1","mailEnabled":true,"securityEnabled":true,"membershipRule":"user.city -eq 7"}"#,
                GroupKind::Dynamic,
            ),
            (
                r#"{"id":"1","mailEnabled":false,"securityEnabled":true,"groupTypes":null}"#,
                GroupKind::Security,
            ),
            (
                r#"{"id":"1","mailEnabled":true,"securityEnabled":false,"groupTypes":["Unified"]}"#,
                GroupKind::Microsoft365,
            ),
            (
                r#"{"id":"1","mailEnabled":true,"securityEnabled":true,"groupTypes":["Unified","DynamicMembership"]}"#,
                GroupKind::Dynamic,
            ),
            (
                r#"{"id":"1","mailEnabled":false,"securityEnabled":true,"onPremisesSyncEnabled":true}"#,
                GroupKind::Synced,
            ),
            (
                r#"{"id":"1","mailEnabled":false,"securityEnabled":true,"isAssignableToRole":true}"#,
                GroupKind::RoleAssignable,
            ),
        ];
        for (json, kind) in cases {
            assert_eq!(group(json).kind(), kind, "{json}");
        }
    }

    #[test]
    fn a_team_is_a_group_with_a_team() {
        assert!(group(r#"{"id":"1","resourceProvisioningOptions":["Team"]}"#).is_team());
        assert!(!group(r#"{"id":"1","resourceProvisioningOptions":[]}"#).is_team());
    }
}
