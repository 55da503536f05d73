//! A user's properties as Graph reads and writes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::user::User;
use crate::tenant::users::country;

/// The writable text properties, with the longest value Entra accepts.
const TEXTS: &[(&str, usize)] = &[
    ("city", 128),
    ("companyName", 64),
    ("country", 128),
    ("department", 64),
    ("displayName", 256),
    ("employeeHireDate", 32),
    ("employeeId", 16),
    ("employeeLeaveDateTime", 32),
    ("employeeType", 64),
    ("givenName", 64),
    ("jobTitle", 128),
    ("mail", 256),
    ("mailNickname", 64),
    ("mobilePhone", 64),
    ("officeLocation", 128),
    ("onPremisesImmutableId", 256),
    ("postalCode", 40),
    ("preferredLanguage", 64),
    ("state", 128),
    ("streetAddress", 1024),
    ("surname", 64),
    ("usageLocation", 2),
    ("userType", 64),
];

/// Texts that only the service sets, and so the tenant at its start.
const GIVEN: &[&str] = &["externalUserState", "onPremisesLastSyncDateTime", "onPremisesSamAccountName"];

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
    "proxyAddresses",
    "signInSessionsValidFromDateTime",
    "userPrincipalName",
    "passwordProfile",
];

/// Comes only when asked for, from the reports on sign-ins.
pub(crate) const SIGN_IN_ACTIVITY: &str = "signInActivity";

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
    /// A text property's value.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The names of every property, texts first.
    pub(crate) fn properties() -> impl Iterator<Item = &'static str> {
        let texts = TEXTS.iter().map(|&(name, _)| name);
        texts.chain(GIVEN.iter().copied()).chain(OTHERS.iter().copied())
    }

    /// Whether there is such a property, or the activity beside them.
    pub(crate) fn has_property(name: &str) -> bool {
        name == SIGN_IN_ACTIVITY || Self::properties().any(|property| property == name)
    }

    /// Sets a text that only the service sets.
    pub(in crate::tenant) fn give(&mut self, name: &'static str, value: &str) {
        self.texts.insert(name, value.to_owned());
    }

    /// Sets every text that this has a value for, without Entra's rules.
    pub(super) fn fill(&mut self, text: impl Fn(&str) -> Option<String>) {
        let names = TEXTS.iter().map(|&(name, _)| name).chain(GIVEN.iter().copied());
        self.texts.extend(names.filter_map(|name| Some((name, text(name)?))));
    }

    /// The addresses of the mailbox; Exchange makes the primary one of `mail`.
    fn proxy_addresses(&self) -> Vec<String> {
        match self.text("mail") {
            Some(mail) if self.proxy_addresses.is_empty() => vec![format!("SMTP:{mail}")],
            _ => self.proxy_addresses.clone(),
        }
    }

    /// Takes the address away.
    pub(super) fn lose_address(&mut self) {
        self.texts.remove("mail");
        self.proxy_addresses.clear();
    }

    /// Whether a property without a value had one before.
    pub(crate) fn was_cleared(&self, name: &str) -> bool {
        self.cleared.contains(name)
    }

    /// A property by its name in Graph. Of a user who never signed in there is no activity.
    pub(crate) fn property(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "userPrincipalName" => json!(self.upn),
            "accountEnabled" => json!(self.enabled),
            "businessPhones" => json!(self.business_phones),
            "otherMails" => json!(self.other_mails),
            "proxyAddresses" => json!(self.proxy_addresses()),
            SIGN_IN_ACTIVITY => json!(self.sign_ins.as_ref()?),
            "onPremisesSyncEnabled" => json!(self.synced.then_some(true)),
            "createdDateTime" => json!(self.created),
            "deletedDateTime" => json!(self.deleted),
            "signInSessionsValidFromDateTime" => json!(self.sessions_from),
            "lastPasswordChangeDateTime" => json!(self.password_from),
            "assignedLicenses" => self.assigned_licenses(),
            "licenseAssignmentStates" => self.license_states(),
            "passwordProfile" => Value::Null,
            _ if GIVEN.contains(&name) => json!(self.texts.get(name)),
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
            _ if OTHERS.contains(&name) || GIVEN.contains(&name) || name == SIGN_IN_ACTIVITY => {
                Err(Unwritable::ReadOnly)
            }
            _ => self.write_text(name, value),
        }
    }

    fn write_text(&mut self, name: &str, value: &Value) -> Result<bool, Unwritable> {
        let (name, longest) = text_name(name).ok_or(Unwritable::Unknown)?;
        let required = matches!(name, "displayName" | "mailNickname" | "userType");
        match value {
            Value::Null if required => Err(Unwritable::Value),
            Value::Null => {
                let had_one = self.texts.remove(name).is_some();
                if had_one {
                    self.cleared.insert(name);
                }
                Ok(had_one)
            }
            Value::String(text) if text.chars().count() > longest || !fits(name, text) => {
                Err(Unwritable::Value)
            }
            Value::String(text) => {
                let before = self.texts.insert(name, text.clone());
                self.cleared.remove(name);
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
        "employeeHireDate" | "employeeLeaveDateTime" => text.parse::<Timestamp>().is_ok(),
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
        assert_eq!((user.property("shoeSize"), user.property(SIGN_IN_ACTIVITY)), (None, None));
    }

    #[test]
    fn writing_the_same_value_changes_nothing() {
        let mut user = User::new("ada@contoso.example", "Ada Lovelace");
        assert_eq!(user.write("accountEnabled", &json!(true)), Ok(false));
        assert_eq!(user.write("accountEnabled", &json!(false)), Ok(true));
        assert_eq!(user.write("department", &json!("Research")), Ok(true));
        assert_eq!(user.write("department", &json!("Research")), Ok(false));
        assert_eq!(user.write("department", &json!(null)), Ok(true));
        assert_eq!((user.was_cleared("department"), user.was_cleared("jobTitle")), (true, false));
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
            ("onPremisesSamAccountName", json!("ada"), Unwritable::ReadOnly),
            ("employeeHireDate", json!("tomorrow"), Unwritable::Value),
            ("shoeSize", json!(7), Unwritable::Unknown),
        ];
        for (name, value, expected) in cases {
            assert_eq!(user.write(name, &value), Err(expected), "{name}");
        }
    }
}
