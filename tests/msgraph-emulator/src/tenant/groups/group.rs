//! Groups of every kind Entra knows, with Entra's flags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::tenant::Channel;

/// Every property of a group that can be read, sorted.
pub(crate) const PROPERTIES: &[&str] = &[
    "assignedLicenses",
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "groupTypes",
    "id",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSyncEnabled",
    "resourceProvisioningOptions",
    "securityEnabled",
    "visibility",
];

/// The properties of a group that come without `$select`.
pub(crate) const DEFAULTS: &[&str] = PROPERTIES;

/// One group of the tenant.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) description: Option<String>,
    pub(crate) mail_nickname: String,
    pub(crate) mail: Option<String>,
    pub(crate) unified: bool,
    pub(crate) mail_enabled: bool,
    pub(crate) security_enabled: bool,
    pub(crate) membership_rule: Option<String>,
    pub(crate) synced: bool,
    pub(crate) assignable_to_role: bool,
    /// The directory role its members hold, by name.
    pub(crate) role: Option<String>,
    /// The directory role its members may activate, by name.
    pub(crate) eligible_role: Option<String>,
    /// Whether only an application with `Member.Read.Hidden` sees who is in it.
    pub(crate) hidden_members: bool,
    pub(crate) team: bool,
    /// The channels of the team that have members of their own.
    pub(crate) channels: Vec<Channel>,
    /// Members: users and groups.
    pub(crate) members: BTreeSet<Uuid>,
    pub(crate) owners: BTreeSet<Uuid>,
    /// The applications the group is assigned to, by name.
    pub(crate) app_roles: BTreeSet<String>,
    /// Licences given to every member, with the plans switched off.
    pub(crate) licenses: BTreeMap<Uuid, BTreeSet<Uuid>>,
    pub(crate) wishes: Wishes,
}

/// References, resolved when the group is added to a tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) members: Vec<String>,
    pub(crate) owners: Vec<String>,
    pub(crate) licenses: Vec<String>,
}

impl Group {
    /// A security group with assigned members.
    #[must_use]
    pub fn security(display_name: &str) -> Self {
        Self {
            id: Uuid::nil(),
            display_name: display_name.to_owned(),
            description: None,
            mail_nickname: nickname(display_name),
            mail: None,
            unified: false,
            mail_enabled: false,
            security_enabled: true,
            membership_rule: None,
            synced: false,
            assignable_to_role: false,
            role: None,
            eligible_role: None,
            hidden_members: false,
            team: false,
            channels: Vec::new(),
            members: BTreeSet::new(),
            owners: BTreeSet::new(),
            app_roles: BTreeSet::new(),
            licenses: BTreeMap::new(),
            wishes: Wishes::default(),
        }
    }

    /// A Microsoft 365 group.
    #[must_use]
    pub fn microsoft365(display_name: &str) -> Self {
        Self { unified: true, mail_enabled: true, security_enabled: false, ..Self::security(display_name) }
    }

    /// A distribution list, which only Exchange may change.
    #[must_use]
    pub fn distribution(display_name: &str) -> Self {
        Self { mail_enabled: true, security_enabled: false, ..Self::security(display_name) }
    }

    /// A mail-enabled security group, which only Exchange may change.
    #[must_use]
    pub fn mail_enabled_security(display_name: &str) -> Self {
        Self { mail_enabled: true, ..Self::security(display_name) }
    }

    /// A security group whose members follow from a rule. The emulator does not evaluate the rule.
    #[must_use]
    pub fn dynamic(display_name: &str, rule: &str) -> Self {
        Self { membership_rule: Some(rule.to_owned()), ..Self::security(display_name) }
    }

    /// A security group mastered on premises.
    #[must_use]
    pub fn synced(display_name: &str) -> Self {
        Self { synced: true, ..Self::security(display_name) }
    }

    /// Hides who is a member: `memberOf` leaves the group out unless the application has `Member.Read.Hidden`
    /// (microsoft-graph-docs issue 12552, 2021-04-30).
    #[must_use]
    pub fn hidden_members(mut self) -> Self {
        self.hidden_members = true;
        self
    }

    /// A security group that may hold directory roles.
    #[must_use]
    pub fn role_assignable(display_name: &str) -> Self {
        Self { assignable_to_role: true, ..Self::security(display_name) }
    }

    /// Gives a directory role, by name, to every member of a group that may hold one.
    #[must_use]
    pub fn holding_role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// Makes every member of a group that may hold roles eligible for a directory role, by name.
    #[must_use]
    pub fn eligible_for(mut self, role: &str) -> Self {
        self.eligible_role = Some(role.to_owned());
        self
    }

    /// Gives the group an id, which otherwise follows from its name.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Adds a member, by id or user principal name.
    #[must_use]
    pub fn member(mut self, key: &str) -> Self {
        self.wishes.members.push(key.to_owned());
        self
    }

    /// Adds an owner, by id or user principal name.
    #[must_use]
    pub fn owner(mut self, key: &str) -> Self {
        self.wishes.owners.push(key.to_owned());
        self
    }

    /// Gives a licence, by part number or id, to every member.
    #[must_use]
    pub fn licensing(mut self, sku: &str) -> Self {
        self.wishes.licenses.push(sku.to_owned());
        self
    }

    /// Adds a team to a Microsoft 365 group.
    #[must_use]
    pub fn with_team(mut self) -> Self {
        self.team = true;
        self
    }

    /// Adds a channel with members of its own to the team.
    #[must_use]
    pub fn channel(mut self, channel: Channel) -> Self {
        self.team = true;
        self.channels.push(channel);
        self
    }

    /// Assigns the group to an application, by name.
    #[must_use]
    pub fn assigned_to(mut self, application: &str) -> Self {
        self.app_roles.insert(application.to_owned());
        self
    }

    /// Whether a rule decides the membership.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.membership_rule.is_some()
    }

    /// Whether only Exchange may change the members.
    pub(crate) fn belongs_to_exchange(&self) -> bool {
        self.mail_enabled && !self.unified
    }

    /// A property by its name in Graph.
    pub(crate) fn property(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "displayName" => json!(self.display_name),
            "description" => json!(self.description),
            "mailNickname" => json!(self.mail_nickname),
            "mail" => json!(self.mail),
            "groupTypes" => json!(self.group_types()),
            "mailEnabled" => json!(self.mail_enabled),
            "securityEnabled" => json!(self.security_enabled),
            "membershipRule" => json!(self.membership_rule),
            "membershipRuleProcessingState" => json!(self.is_dynamic().then_some("On")),
            "onPremisesSyncEnabled" => json!(self.synced.then_some(true)),
            "isAssignableToRole" => json!(self.assignable_to_role.then_some(true)),
            "resourceProvisioningOptions" => {
                json!(if self.team { vec!["Team"] } else { vec![] })
            }
            "assignedLicenses" => self.assigned_licenses(),
            "createdDateTime" => json!(CREATED),
            "deletedDateTime" => Value::Null,
            "visibility" if self.hidden_members => json!("HiddenMembership"),
            "visibility" => json!(self.unified.then_some("Private")),
            _ => return None,
        })
    }

    fn group_types(&self) -> Vec<&'static str> {
        let mut types = Vec::new();
        if self.unified {
            types.push("Unified");
        }
        if self.is_dynamic() {
            types.push("DynamicMembership");
        }
        types
    }

    fn assigned_licenses(&self) -> Value {
        self.licenses
            .iter()
            .map(|(sku, disabled)| json!({ "disabledPlans": disabled, "skuId": sku }))
            .collect()
    }
}

/// A mail nickname from a name: its letters and digits, in lower case.
fn nickname(display_name: &str) -> String {
    display_name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}
