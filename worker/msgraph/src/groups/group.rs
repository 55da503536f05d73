//! Groups: what kind they are, who is in them, who answers for them, and one member or owner more or less.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::path::quoted;
use crate::http::request::{Query, Write};
use crate::licenses::assignment::AssignedLicense;
use crate::users::user::{found, null_as_empty};

/// What [`GroupKind`] and the licence steps need to know of a group.
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

/// A group. What may not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Group {
    pub id: String,
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub group_types: Vec<String>,
    pub mail_enabled: Option<bool>,
    pub security_enabled: Option<bool>,
    pub membership_rule: Option<String>,
    pub on_premises_sync_enabled: Option<bool>,
    pub is_assignable_to_role: Option<bool>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub assigned_licenses: Vec<AssignedLicense>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub resource_provisioning_options: Vec<String>,
}

/// Who decides about a group's members, and through what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// Only its id may be read.
    Unreadable,
    /// Mastered in an on-premises directory; Graph refuses changes.
    Synced,
    /// Members follow a rule; Graph refuses changes as if a permission were missing.
    Dynamic,
    /// Gives directory roles; changing it needs `RoleManagement.ReadWrite.Directory` on top.
    RoleAssignable,
    /// A Microsoft 365 group, with or without a team.
    Microsoft365,
    /// A mail-enabled security group; Exchange decides.
    MailEnabledSecurity,
    /// A distribution list; Exchange decides.
    DistributionList,
    /// A plain security group.
    Security,
}

impl Group {
    /// The kind, by the property that decides about membership first.
    pub fn kind(&self) -> GroupKind {
        let is_type =
            |name: &str| self.group_types.iter().any(|group_type| group_type.eq_ignore_ascii_case(name));
        let (Some(mail_enabled), Some(security_enabled)) = (self.mail_enabled, self.security_enabled) else {
            return GroupKind::Unreadable;
        };
        if self.on_premises_sync_enabled == Some(true) {
            GroupKind::Synced
        } else if is_type("DynamicMembership") {
            GroupKind::Dynamic
        } else if self.is_assignable_to_role == Some(true) {
            GroupKind::RoleAssignable
        } else if is_type("Unified") {
            GroupKind::Microsoft365
        } else {
            match (mail_enabled, security_enabled) {
                (true, true) => GroupKind::MailEnabledSecurity,
                (true, false) => GroupKind::DistributionList,
                (false, _) => GroupKind::Security,
            }
        }
    }

    /// Whether a team stands behind the group.
    pub fn is_team(&self) -> bool {
        self.resource_provisioning_options.iter().any(|option| option.eq_ignore_ascii_case("Team"))
    }
}

/// Somebody who answers for a group: a person, or an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Owner {
    pub id: String,
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
    pub account_enabled: Option<bool>,
}

impl Owner {
    /// Whether it is a person who can sign in. For Graph, too, an application alone is no owner (seen in issue
    /// threads, 2023).
    pub fn can_act(&self) -> bool {
        let is_application = self.odata_type.as_deref().is_some_and(|name| !name.ends_with(".user"));
        !is_application && self.account_enabled != Some(false)
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

impl Reader<'_> {
    /// The group with this object id; `None` if there is none.
    pub async fn group(self, group_id: &str) -> Result<Option<Group>, Error> {
        found(self.get(Query::new(&["groups", group_id])?.select(&PROPERTIES)).await)
    }

    /// The groups of this display name, which Graph does not keep unique.
    pub async fn groups_named(self, display_name: &str) -> Result<Vec<Group>, Error> {
        let condition = format!("displayName eq {}", quoted(display_name));
        self.list(Query::new(&["groups"])?.filter(&condition).select(&PROPERTIES)).await
    }

    /// The groups a person is a direct member of. A group that may not be read has its id alone.
    pub async fn groups_of(self, user_id: &str) -> Result<Vec<Group>, Error> {
        // Not the cast `/memberOf/microsoft.graph.group`: that is an advanced query and reads an index that lags.
        self.groups_among(&["users", user_id, "memberOf"]).await
    }

    /// The groups a person owns. A group that may not be read has its id alone.
    pub async fn groups_owned_by(self, user_id: &str) -> Result<Vec<Group>, Error> {
        self.groups_among(&["users", user_id, "ownedObjects"]).await
    }

    /// Who owns a group.
    pub async fn owners(self, group_id: &str) -> Result<Vec<Owner>, Error> {
        self.list(Query::new(&["groups", group_id, "owners"])?.select(&["id", "accountEnabled"])).await
    }

    async fn groups_among(self, segments: &[&str]) -> Result<Vec<Group>, Error> {
        let relations: Vec<Relation> = self.list(Query::new(segments)?.select(&PROPERTIES)).await?;
        let is_group = |relation: &Relation| {
            let name = relation.odata_type.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case("#microsoft.graph.group"))
        };
        Ok(relations.into_iter().filter(is_group).map(|relation| relation.group).collect())
    }
}

impl Writer<'_> {
    /// Makes a person a member of a group.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when the group or the person does not exist, or not yet.
    pub async fn add_member(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        let member = self.reference(&["directoryObjects", user_id])?;
        let write = Write::post(&["groups", group_id, "members", "$ref"])?.json(&member)?;
        match self.send(write).await {
            Err(error) if error.is_already_exists() => Ok(()),
            outcome => outcome,
        }
    }

    /// Ends a person's membership of a group.
    pub async fn remove_member(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        match self.send(membership_removal(group_id, user_id)?).await {
            // Where the group or the person is gone, so is the membership.
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }
}

impl Writer<'_> {
    /// Makes a person an owner of a group.
    ///
    /// # Errors
    ///
    /// [`is_limit_reached`](Error::is_limit_reached) when the group has a hundred owners.
    pub async fn add_owner(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        let owner = self.reference(&["users", user_id])?;
        let write = Write::post(&["groups", group_id, "owners", "$ref"])?.json(&owner)?;
        match self.send(write).await {
            Err(error) if error.is_already_exists() => Ok(()),
            outcome => outcome,
        }
    }

    /// Ends a person's ownership of a group; a member stays one.
    ///
    /// # Errors
    ///
    /// [`is_unprepared`](Error::is_unprepared) when there is no other owner.
    pub async fn remove_owner(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.remove(&["groups", group_id, "owners", user_id, "$ref"]).await
    }
}

/// The one place that writes this address; see `request.rs` for what it does without `/$ref`.
fn membership_removal(group_id: &str, user_id: &str) -> Result<Write, Error> {
    Write::delete(&["groups", group_id, "members", user_id, "$ref"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::Target;

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
            (r#"{"id":"1","mailEnabled":true,"securityEnabled":true}"#, GroupKind::MailEnabledSecurity),
            (r#"{"id":"1","mailEnabled":true,"securityEnabled":false}"#, GroupKind::DistributionList),
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
    fn a_membership_is_removed_and_not_the_member() {
        let request = membership_removal("g", "u").unwrap().into_request(false);
        let Target::Path(path) = &request.target else { panic!("a path was expected") };
        assert_eq!((request.method.as_str(), path.as_str()), ("DELETE", "/groups/g/members/u/$ref"));
    }

    #[test]
    fn an_owner_who_cannot_act_is_told_from_one_who_can() {
        let owner = |json: &str| serde_json::from_str::<Owner>(json).unwrap();
        let person = r##"{"id":"1","@odata.type":"#microsoft.graph.user","accountEnabled":true}"##;
        let disabled = r##"{"id":"1","@odata.type":"#microsoft.graph.user","accountEnabled":false}"##;
        let application = r##"{"id":"1","@odata.type":"#microsoft.graph.servicePrincipal"}"##;
        assert!(owner(person).can_act() && owner(r#"{"id":"1"}"#).can_act());
        assert!(!owner(disabled).can_act() && !owner(application).can_act());
    }

    #[test]
    fn a_team_is_a_group_with_a_team() {
        assert!(group(r#"{"id":"1","resourceProvisioningOptions":["Team"]}"#).is_team());
        assert!(!group(r#"{"id":"1","resourceProvisioningOptions":[]}"#).is_team());
    }
}
