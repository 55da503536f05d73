//! Users: their properties as Graph reads and writes them, and their licences, groups and devices.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::tenant::sign_in::temporary_access_pass::Pass;
use crate::tenant::users::country;
use crate::tenant::{Device, Drive, Mailbox};

/// The writable text properties, with the longest value Entra accepts.
const TEXTS: &[(&str, usize)] = &[
    ("city", 128),
    ("companyName", 64),
    ("country", 128),
    ("department", 64),
    ("displayName", 256),
    ("employeeId", 16),
    ("employeeType", 64),
    ("givenName", 64),
    ("jobTitle", 128),
    ("mail", 256),
    ("mailNickname", 64),
    ("mobilePhone", 64),
    ("officeLocation", 128),
    ("postalCode", 40),
    ("preferredLanguage", 64),
    ("state", 128),
    ("streetAddress", 1024),
    ("surname", 64),
    ("usageLocation", 2),
    ("userType", 64),
];

/// Readable properties that are not texts; the last is write-only and read as null.
const OTHERS: &[&str] = &[
    "accountEnabled",
    "assignedLicenses",
    "businessPhones",
    "createdDateTime",
    "deletedDateTime",
    "id",
    "lastPasswordChangeDateTime",
    "licenseAssignmentStates",
    "onPremisesSyncEnabled",
    "otherMails",
    "signInSessionsValidFromDateTime",
    "userPrincipalName",
    "passwordProfile",
];

/// The eleven properties that come without `$select`.
pub(crate) const DEFAULTS: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// The properties that only a privileged application may change on an administrator.
pub(crate) const SENSITIVE: &[&str] = &[
    "accountEnabled",
    "businessPhones",
    "mobilePhone",
    "otherMails",
    "passwordProfile",
    "userPrincipalName",
];

/// One user of the tenant.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) id: Uuid,
    pub(crate) upn: String,
    pub(crate) texts: BTreeMap<&'static str, String>,
    pub(crate) business_phones: Vec<String>,
    pub(crate) other_mails: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) synced: bool,
    /// The applications the user is assigned to, by name.
    pub(crate) app_roles: BTreeSet<String>,
    /// The applications the user consented to, by name.
    pub(crate) consents: BTreeSet<String>,
    /// The sign-in methods besides the password, by the start of their type's name: `phone`, `fido2`.
    pub(crate) methods: BTreeSet<String>,
    pub(crate) default_method: Option<String>,
    /// The temporary access pass, which is one of the sign-in methods.
    pub(crate) pass: Option<Pass>,
    pub(in crate::tenant) passes_made: u32,
    /// The directory role the user holds, by name.
    pub(crate) role: Option<String>,
    pub(crate) created: String,
    pub(crate) deleted: Option<String>,
    pub(crate) sessions_from: String,
    pub(crate) password_from: String,
    /// Whether sessions were revoked since the start; a moment would differ from run to run.
    pub(crate) revoked: bool,
    /// Whether the next sign-in requires a new password.
    pub(crate) must_change_password: bool,
    pub(crate) manager: Option<Uuid>,
    pub(crate) member_of: BTreeSet<Uuid>,
    /// The groups to rejoin when a deleted user is restored.
    pub(crate) was_member_of: BTreeSet<Uuid>,
    pub(crate) direct: BTreeMap<Uuid, Direct>,
    /// Licences by group and SKU.
    pub(crate) inherited: BTreeMap<(Uuid, Uuid), Inherited>,
    /// The content of the mailbox, once there is any.
    pub(crate) mailbox: Option<Box<Mailbox>>,
    /// The OneDrive, once there is one.
    pub(crate) drive: Option<Box<Drive>>,
    /// The devices enrolled in Intune.
    pub(crate) devices: Vec<Device>,
    pub(crate) wishes: Wishes,
}

/// A licence given to the user.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    pub(crate) disabled: BTreeSet<Uuid>,
    pub(crate) since: String,
}

/// A licence given to one of the user's groups.
#[derive(Clone, Debug)]
pub(crate) struct Inherited {
    pub(crate) disabled: BTreeSet<Uuid>,
    /// Why the user does not have it, if so.
    pub(crate) error: Option<&'static str>,
    pub(crate) since: String,
}

/// Properties and references, resolved when the user is added to a tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) manager: Option<String>,
    pub(crate) licenses: Vec<String>,
    pub(crate) properties: Vec<(String, Value)>,
}

/// Why a property cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritable {
    /// The type has no such property.
    #[error("there is no such property")]
    Unknown,
    /// The service sets it.
    #[error("the property is read-only")]
    ReadOnly,
    /// The value is of another type than this one.
    #[error("the value is not of type {0}")]
    Type(&'static str),
    /// The type is right and the value is not.
    #[error("Entra refuses this value")]
    Value,
}

impl User {
    /// An enabled member with these names.
    #[must_use]
    pub fn new(user_principal_name: &str, display_name: &str) -> Self {
        let mut texts =
            BTreeMap::from([("displayName", display_name.to_owned()), ("userType", "Member".to_owned())]);
        if let Some((local, _)) = user_principal_name.split_once('@') {
            texts.insert("mailNickname", local.to_owned());
        }
        Self {
            id: Uuid::nil(),
            upn: user_principal_name.to_owned(),
            texts,
            business_phones: Vec::new(),
            other_mails: Vec::new(),
            enabled: true,
            synced: false,
            app_roles: BTreeSet::new(),
            consents: BTreeSet::new(),
            methods: BTreeSet::new(),
            default_method: None,
            pass: None,
            passes_made: 0,
            role: None,
            created: CREATED.to_owned(),
            deleted: None,
            sessions_from: CREATED.to_owned(),
            password_from: CREATED.to_owned(),
            revoked: false,
            must_change_password: false,
            manager: None,
            member_of: BTreeSet::new(),
            was_member_of: BTreeSet::new(),
            direct: BTreeMap::new(),
            inherited: BTreeMap::new(),
            mailbox: None,
            drive: None,
            devices: Vec::new(),
            wishes: Wishes::default(),
        }
    }

    /// Gives the user an id, which otherwise follows from the tenant and the user principal name.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Sets a property by its name in Graph, checked when the user is added to a tenant.
    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        let wish = (property.to_owned(), value.into());
        self.wishes.properties.push(wish);
        self
    }

    /// Sets the country of use, without which no licence can be assigned.
    #[must_use]
    pub fn located(self, country: &str) -> Self {
        self.with("usageLocation", country)
    }

    /// Names the manager, by id or user principal name; add the manager to the tenant first.
    #[must_use]
    pub fn manager(mut self, key: &str) -> Self {
        self.wishes.manager = Some(key.to_owned());
        self
    }

    /// Assigns a licence directly, by part number or id; add the SKU to the tenant first.
    #[must_use]
    pub fn licensed(mut self, sku: &str) -> Self {
        self.wishes.licenses.push(sku.to_owned());
        self
    }

    /// Blocks sign-in.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Makes the user mastered on premises.
    #[must_use]
    pub fn synced(mut self) -> Self {
        self.synced = true;
        self
    }

    /// Gives the user a directory role, by name.
    #[must_use]
    pub fn holding_role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// Sets the content of the mailbox, which exists if the user has an Exchange plan.
    #[must_use]
    pub fn mailbox(mut self, mailbox: Mailbox) -> Self {
        self.mailbox = Some(Box::new(mailbox));
        self
    }

    /// Gives the user a OneDrive.
    #[must_use]
    pub fn drive(mut self, drive: Drive) -> Self {
        self.drive = Some(Box::new(drive));
        self
    }

    /// Adds an enrolled device.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.devices.push(device);
        self
    }

    /// Assigns the user to an application, by name.
    #[must_use]
    pub fn assigned_to(mut self, application: &str) -> Self {
        self.app_roles.insert(application.to_owned());
        self
    }

    /// Adds a consent to an application, by name.
    #[must_use]
    pub fn consenting_to(mut self, application: &str) -> Self {
        self.consents.insert(application.to_owned());
        self
    }

    /// Registers a sign-in method by the start of its type's name, like `fido2`.
    #[must_use]
    pub fn method(mut self, kind: &str) -> Self {
        self.methods.insert(kind.to_owned());
        self
    }

    /// Registers a sign-in method and makes it the default.
    #[must_use]
    pub fn default_method(mut self, kind: &str) -> Self {
        self.default_method = Some(kind.to_owned());
        self.method(kind)
    }

    /// A text property's value.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The names of every property, texts first.
    pub(crate) fn properties() -> impl Iterator<Item = &'static str> {
        let texts = TEXTS.iter().map(|&(name, _)| name);
        texts.chain(OTHERS.iter().copied())
    }

    /// A property by its name in Graph.
    pub(crate) fn property(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "userPrincipalName" => json!(self.upn),
            "accountEnabled" => json!(self.enabled),
            "businessPhones" => json!(self.business_phones),
            "otherMails" => json!(self.other_mails),
            "onPremisesSyncEnabled" => json!(self.synced.then_some(true)),
            "createdDateTime" => json!(self.created),
            "deletedDateTime" => json!(self.deleted),
            "signInSessionsValidFromDateTime" => json!(self.sessions_from),
            "lastPasswordChangeDateTime" => json!(self.password_from),
            "assignedLicenses" => self.assigned_licenses(),
            "licenseAssignmentStates" => self.license_states(),
            "passwordProfile" => Value::Null,
            _ => json!(self.texts.get(text_name(name)?.0)),
        })
    }

    /// Writes a property by its name in Graph; returns whether that changed it.
    ///
    /// `userPrincipalName` and `passwordProfile` are not written here: the first needs to know the
    /// whole tenant, the second is not kept.
    pub(crate) fn write(&mut self, name: &str, value: &Value) -> Result<bool, Unwritable> {
        match name {
            "accountEnabled" => {
                let enabled = value.as_bool().ok_or(Unwritable::Type("Edm.Boolean"))?;
                Ok(std::mem::replace(&mut self.enabled, enabled) != enabled)
            }
            "businessPhones" => {
                let phones = texts_of(value)?;
                if phones.len() > 1 {
                    return Err(Unwritable::Value);
                }
                Ok(replace(&mut self.business_phones, phones))
            }
            "otherMails" => Ok(replace(&mut self.other_mails, texts_of(value)?)),
            _ if OTHERS.contains(&name) => Err(Unwritable::ReadOnly),
            _ => self.write_text(name, value),
        }
    }

    fn write_text(&mut self, name: &str, value: &Value) -> Result<bool, Unwritable> {
        let (name, longest) = text_name(name).ok_or(Unwritable::Unknown)?;
        let required = matches!(name, "displayName" | "mailNickname" | "userType");
        match value {
            Value::Null if required => Err(Unwritable::Value),
            Value::Null => Ok(self.texts.remove(name).is_some()),
            Value::String(text) if text.chars().count() > longest || !fits(name, text) => {
                Err(Unwritable::Value)
            }
            Value::String(text) => {
                let before = self.texts.insert(name, text.clone());
                Ok(before.as_ref() != Some(text))
            }
            _ => Err(Unwritable::Type("Edm.String")),
        }
    }
}

/// The spelling and longest value of a text property.
fn text_name(name: &str) -> Option<(&'static str, usize)> {
    TEXTS.iter().copied().find(|&(text, _)| text == name)
}

/// Whether Entra accepts this text for this property; it accepts an empty one for none.
fn fits(name: &str, text: &str) -> bool {
    match name {
        "usageLocation" => country::is_known(text),
        "userType" => matches!(text, "Member" | "Guest"),
        "mail" => text.contains('@'),
        "mailNickname" => {
            text.is_ascii() && !text.is_empty() && !text.contains([' ', '@', '(', ')', '"', ';'])
        }
        _ => !text.is_empty(),
    }
}

/// The texts of a JSON array of strings.
fn texts_of(value: &Value) -> Result<Vec<String>, Unwritable> {
    let strings = value.as_array().ok_or(Unwritable::Type("Collection(Edm.String)"))?;
    strings
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or(Unwritable::Type("Edm.String"))
}

fn replace(held: &mut Vec<String>, new: Vec<String>) -> bool {
    let changed = *held != new;
    *held = new;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_property_can_be_read() {
        let user = User::new("ada@contoso.example", "Ada Lovelace");
        for name in User::properties() {
            assert!(user.property(name).is_some(), "{name}");
        }
        assert_eq!(user.property("shoeSize"), None);
    }

    #[test]
    fn writing_the_same_value_changes_nothing() {
        let mut user = User::new("ada@contoso.example", "Ada Lovelace");
        assert_eq!(user.write("accountEnabled", &json!(true)), Ok(false));
        assert_eq!(user.write("accountEnabled", &json!(false)), Ok(true));
        assert_eq!(user.write("department", &json!("Research")), Ok(true));
        assert_eq!(user.write("department", &json!("Research")), Ok(false));
        assert_eq!(user.write("department", &json!(null)), Ok(true));
    }

    #[test]
    fn values_that_entra_refuses_are_refused() {
        let mut user = User::new("ada@contoso.example", "Ada Lovelace");
        let cases = [
            ("usageLocation", json!("XX"), Unwritable::Value),
            ("usageLocation", json!("gb"), Unwritable::Value),
            ("department", json!(""), Unwritable::Value),
            ("employeeId", json!("12345678901234567"), Unwritable::Value),
            ("displayName", json!(null), Unwritable::Value),
            ("mailNickname", json!("ada lovelace"), Unwritable::Value),
            ("businessPhones", json!(["1", "2"]), Unwritable::Value),
            ("department", json!(7), Unwritable::Type("Edm.String")),
            ("accountEnabled", json!("no"), Unwritable::Type("Edm.Boolean")),
            ("assignedLicenses", json!([]), Unwritable::ReadOnly),
            ("shoeSize", json!(7), Unwritable::Unknown),
        ];
        for (name, value, expected) in cases {
            assert_eq!(user.write(name, &value), Err(expected), "{name}");
        }
    }
}
