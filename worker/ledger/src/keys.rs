//! Pseudonyms of people and tenants: keyed hashes, so that who reads the stream learns nobody's name or address.

use std::{fmt, str::FromStr};

use ring::hmac;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Which identifier a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The object id in Entra: strong.
    EntraId,
    /// The employee id of the HR system: strong.
    EmployeeId,
    /// The user principal name: weak, because it passes from one person to the next.
    Upn,
    /// The tenant itself: the brake counts for each tenant.
    Tenant,
}

impl Kind {
    const ALL: [Self; 4] = [Self::EntraId, Self::EmployeeId, Self::Upn, Self::Tenant];

    fn as_str(self) -> &'static str {
        match self {
            Self::EntraId => "entra_id",
            Self::EmployeeId => "employee_id",
            Self::Upn => "upn",
            Self::Tenant => "tenant",
        }
    }
}

/// Bytes of the hash that a key keeps: 104 bits tell any number of people apart.
const HASH: usize = 13;

/// The hash of one identifier: its kind, the id of the secret it was made with, and the first 13 bytes of
/// HMAC-SHA-256. Its text is `upn:5f03:` and 26 hexadecimal digits. Two keys are the same person's only if all three
/// agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: Kind,
    secret: [u8; 2],
    hash: [u8; HASH],
}

impl Key {
    /// Which identifier it stands for.
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// Whether it names a person for good. A UPN is given to somebody else one day.
    pub(crate) fn is_strong(self) -> bool {
        matches!(self.kind, Kind::EntraId | Kind::EmployeeId)
    }

    /// Whether two keys can be compared: hashes of one kind, made with one secret.
    pub(crate) fn is_comparable(self, other: Self) -> bool {
        self.kind == other.kind && self.secret == other.secret
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind.as_str())?;
        self.secret.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(":")?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a key: expected `entra_id`, `employee_id`, `upn` or `tenant`, 4 and 26 hexadecimal digits, with colons"
)]
pub struct BadKey;

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.split(':');
        let (Some(kind), Some(secret), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadKey);
        };
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(BadKey)?;
        Ok(Self { kind, secret: bytes(secret)?, hash: bytes(hash)? })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], BadKey> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != 2 * N || !text.as_bytes().iter().all(is_hex) {
        return Err(BadKey);
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| BadKey)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| BadKey)?;
    }
    Ok(bytes)
}

/// Text in a record, which people may read, and bytes in a snapshot.
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        (self.kind, self.secret, self.hash).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                text.parse().map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(Text);
        }
        let (kind, secret, hash) = Deserialize::deserialize(deserializer)?;
        Ok(Self { kind, secret, hash })
    }
}

/// The secrets that keys are made with. Workers with different secrets exclude each other from nothing, so a secret is
/// replaced in three steps: every worker gets the new one beside the old one, then the new one alone.
pub struct KeyRing {
    current: Secret,
    former: Option<Secret>,
}

struct Secret {
    key: hmac::Key,
    id: [u8; 2],
}

impl Secret {
    fn new(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, b"gatehouse.ledger key id");
        Self { key, id: first(tag.as_ref()) }
    }

    fn hash(&self, tenant: &str, kind: Kind, value: &str) -> Key {
        let mut context = hmac::Context::with_key(&self.key);
        // No field holds a zero byte that could be taken for the end of it: lengths come first.
        for part in [tenant, kind.as_str(), value] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        Key { kind, secret: self.id, hash: first(context.sign().as_ref()) }
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

impl KeyRing {
    /// A ring of one secret, of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self { current: Secret::new(secret), former: None }
    }

    /// This ring with the secret that is being replaced: every identifier gets a key of each.
    #[must_use]
    pub fn with_former(self, secret: &[u8]) -> Self {
        Self { former: Some(Secret::new(secret)), ..self }
    }

    /// The keys of a person's identifier in a tenant, or of the tenant itself, whose `value` is empty. Spaces around it
    /// and the case of its letters do not count.
    pub fn keys(&self, tenant: &str, kind: Kind, value: &str) -> Vec<Key> {
        let (tenant, value) = (tenant.trim().to_lowercase(), value.trim().to_lowercase());
        let secrets = std::iter::once(&self.current).chain(&self.former);
        secrets.map(|secret| secret.hash(&tenant, kind, &value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_case_do_not_count_and_everything_else_does() {
        let ring = KeyRing::new(b"secret");
        let key = ring.keys("T", Kind::Upn, " Ada@contoso.example ");
        assert_eq!(key, ring.keys("t", Kind::Upn, "ada@contoso.example"));
        for other in [
            ring.keys("u", Kind::Upn, "ada@contoso.example"),
            ring.keys("t", Kind::EmployeeId, "ada@contoso.example"),
            ring.keys("t", Kind::Upn, "grace@contoso.example"),
            KeyRing::new(b"other").keys("t", Kind::Upn, "ada@contoso.example"),
        ] {
            assert_ne!(key, other);
        }
        assert!(!key[0].to_string().contains("ada"));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let ring = KeyRing::new(b"secret");
        assert_ne!(ring.keys("ab", Kind::Upn, "c"), ring.keys("a", Kind::Upn, "bc"));
    }

    #[test]
    fn while_a_secret_is_replaced_both_are_written_and_the_old_key_is_recognised() {
        let old = KeyRing::new(b"old");
        let both = KeyRing::new(b"new").with_former(b"old");
        let keys = both.keys("t", Kind::EmployeeId, "17");
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1], old.keys("t", Kind::EmployeeId, "17")[0]);
        assert!(!keys[0].is_comparable(keys[1]), "different secrets say nothing about each other");
    }

    #[test]
    fn a_key_is_read_back_and_anything_else_is_refused() {
        let key = KeyRing::new(b"secret").keys("t", Kind::EntraId, "17")[0];
        assert_eq!(key.to_string().parse(), Ok(key));
        let hash = "0".repeat(26);
        assert!(format!("upn:00ff:{hash}").parse::<Key>().is_ok());
        for text in [
            "".to_owned(),
            format!("upn:00FF:{hash}"),
            format!("mail:00ff:{hash}"),
            format!("upn:00f:{hash}"),
            format!("upn:00ff:{hash}0"),
            format!("upn:00ff:{hash}:"),
            format!("upn:00ff:{}é", "0".repeat(24)),
        ] {
            assert_eq!(text.parse::<Key>(), Err(BadKey), "{text}");
        }
    }
}
