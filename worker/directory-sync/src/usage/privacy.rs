//! What of a person leaves the tenant: names, or pseudonyms that only a key makes; and no small groups.

use std::borrow::Cow;

use ring::hmac;

use crate::rows::license_assignment::PersonNames;

/// The fewest people of a group that is shown, unless somebody asks for another number.
pub const SMALLEST_GROUP: u64 = 5;

/// A pseudonym has so many bytes: nobody meets two people with the same.
const PSEUDONYM_BYTES: usize = 16;

/// What of a person leaves the tenant.
#[derive(Clone)]
pub struct Privacy {
    /// Makes pseudonyms; `None`: names are shown.
    key: Option<hmac::Key>,
    tenant: String,
    pub(crate) min_group: u64,
}

impl Privacy {
    /// Names are shown, and groups of five people.
    pub fn open_names() -> Self {
        Self { key: None, tenant: String::new(), min_group: SMALLEST_GROUP }
    }

    /// Pseudonyms take the place of names: the same for the same name, tenant and key.
    pub fn pseudonyms(key: &[u8], tenant: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key: Some(key), tenant: tenant.to_ascii_lowercase(), min_group: SMALLEST_GROUP }
    }

    /// No group of fewer people is shown.
    #[must_use]
    pub fn with_smallest_group(self, people: u64) -> Self {
        Self { min_group: people.max(1), ..self }
    }

    /// The fewest people of a group that is shown.
    pub fn smallest_group(&self) -> u64 {
        self.min_group
    }

    /// A name in small letters, or its pseudonym.
    pub(crate) fn person(&self, name: &str) -> String {
        let Some(key) = &self.key else { return name.to_owned() };
        let mut context = hmac::Context::with_key(key);
        context.update(self.tenant.as_bytes());
        context.update(b"\0");
        context.update(name.as_bytes());
        let tag = context.sign();
        tag.as_ref().iter().take(PSEUDONYM_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same without a copy of a name that is shown.
    pub(crate) fn person_of<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.key.is_none() { Cow::Borrowed(name) } else { Cow::Owned(self.person(name)) }
    }

    /// What would name a person beside a pseudonym.
    pub(crate) fn open<'a>(&self, text: Option<Cow<'a, str>>) -> Option<Cow<'a, str>> {
        text.filter(|_| self.key.is_none())
    }

    /// What a row of a licence says of a person.
    pub(crate) fn names<'a>(&self, names: PersonNames<'a>) -> PersonNames<'a> {
        if self.key.is_none() {
            return names;
        }
        let upn = names.upn.as_deref().unwrap_or_default().to_lowercase();
        PersonNames { id: self.person(&upn).into(), upn: None, display_name: None, ..names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_tenant_and_key_and_for_no_other() {
        let of = |key: &[u8], tenant: &str, name: &str| Privacy::pseudonyms(key, tenant).person(name);
        let ada = of(b"key", "Contoso", "ada@contoso.example");
        assert_eq!(ada, of(b"key", "contoso", "ada@contoso.example"));
        assert_eq!(ada.len(), 2 * PSEUDONYM_BYTES);
        for other in [
            of(b"key", "contoso", "grace@contoso.example"),
            of(b"key2", "contoso", "ada@contoso.example"),
            of(b"key", "fabrikam", "ada@contoso.example"),
        ] {
            assert_ne!(ada, other);
        }
        assert_eq!(Privacy::open_names().person("ada"), "ada");
    }
}
