//! Where the next round of changes begins: opaque text that a caller stores and sends back.
//!
//! It holds Graph's bare token and never a link: a link is a whole address, and whoever sends it back could point it
//! elsewhere. The checksum finds damage; it is no signature, and needs none: the token goes to nobody but Graph, which
//! alone knows what it means.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use msgraph::DeltaToken;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A new list of fields needs a new number: Graph's token holds the fields that its first round selected.
const FIELDS: u32 = 1;
/// Graph forgets the state behind a token after seven days (Microsoft Graph documentation, "Delta query", 2022).
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
const CHECKSUM_BYTES: usize = 8;

/// Where the next round of changes begins.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// Why a cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorProblem {
    /// It is no cursor of ours, or it was changed.
    Damaged,
    /// It belongs to another tenant.
    OtherTenant,
    /// It was made for another list of fields, by another version of Gatehouse.
    OtherFields,
    /// It is older than seven days, which is how long Graph keeps the state.
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    tenant: &'a str,
    fields: u32,
    /// Whether the leave dates were selected: a permission decides.
    leave_dates: bool,
    created_at: i64,
    token: String,
}

/// What a usable cursor says.
pub(crate) struct Place {
    pub(crate) token: DeltaToken,
    pub(crate) leave_dates: bool,
}

impl Cursor {
    /// A cursor from its stored text. It is checked when a round begins.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn at(tenant: &str, place: &Place, now: Timestamp) -> Self {
        let content = Content {
            tenant: &tenant.to_ascii_lowercase(),
            fields: FIELDS,
            leave_dates: place.leave_dates,
            created_at: now.as_second(),
            token: place.token.as_str().to_owned(),
        };
        // Text and numbers always become JSON.
        let content = serde_json::to_vec(&content).unwrap_or_default();
        let mut bytes = checksum(&content);
        bytes.extend(content);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn read(&self, tenant: &str, now: Timestamp) -> Result<Place, CursorProblem> {
        let bytes = URL_SAFE_NO_PAD.decode(self.0.trim()).map_err(|_| CursorProblem::Damaged)?;
        let (sum, content) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or(CursorProblem::Damaged)?;
        if sum != checksum(content) {
            return Err(CursorProblem::Damaged);
        }
        let content: Content<'_> = serde_json::from_slice(content).map_err(|_| CursorProblem::Damaged)?;
        if !content.tenant.eq_ignore_ascii_case(tenant) {
            return Err(CursorProblem::OtherTenant);
        }
        if content.fields != FIELDS {
            return Err(CursorProblem::OtherFields);
        }
        let age = SignedDuration::from_secs(now.as_second().saturating_sub(content.created_at));
        if age > GOOD_FOR {
            return Err(CursorProblem::Expired);
        }
        Ok(Place { token: DeltaToken::new(content.token), leave_dates: content.leave_dates })
    }
}

/// A token can show who changed, so it is not printed.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor([{} bytes])", self.0.len())
    }
}

fn checksum(content: &[u8]) -> Vec<u8> {
    Sha256::digest(content).iter().take(CHECKSUM_BYTES).copied().collect()
}

impl CursorProblem {
    /// The problem in one word, for data.
    pub fn code(self) -> &'static str {
        match self {
            Self::Damaged => "cursor_damaged",
            Self::OtherTenant => "cursor_of_other_tenant",
            Self::OtherFields => "cursor_of_other_fields",
            Self::Expired => "cursor_expired",
        }
    }
}

impl fmt::Display for CursorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the cursor is damaged",
            Self::OtherTenant => "the cursor belongs to another tenant",
            Self::OtherFields => "the cursor was made for another list of fields",
            Self::Expired => "the cursor is older than seven days",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "Contoso.example";

    fn now() -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    fn cursor() -> Cursor {
        let place = Place { token: DeltaToken::new("secret/token+1="), leave_dates: true };
        Cursor::at(TENANT, &place, now())
    }

    #[test]
    fn a_cursor_keeps_the_bare_token_for_seven_days() {
        let text = Cursor::new(format!(" {}\n", cursor().as_str()));
        let late = now() + GOOD_FOR;
        let place = text.read("contoso.EXAMPLE", late).ok().unwrap();
        assert_eq!((place.token.as_str(), place.leave_dates), ("secret/token+1=", true));
        let problem = text.read(TENANT, late + SignedDuration::from_secs(1)).err();
        assert_eq!(problem, Some(CursorProblem::Expired));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(cursor().as_str().chars().all(is_plain), "no character that a link or a shell reads");
        assert!(!format!("{text:?}").contains(text.as_str()));
    }

    #[test]
    fn a_cursor_of_another_tenant_is_told_from_one_of_other_fields() {
        assert_eq!(cursor().read("fabrikam.example", now()).err(), Some(CursorProblem::OtherTenant));
        let content =
            br#"{"tenant":"contoso.example","fields":0,"leave_dates":false,"created_at":0,"token":"t"}"#;
        let bytes = [checksum(content).as_slice(), content].concat();
        let old = Cursor::new(URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(old.read(TENANT, now()).err(), Some(CursorProblem::OtherFields));
    }

    #[test]
    fn a_cursor_that_was_changed_anywhere_is_damaged() {
        let whole = cursor();
        for at in 0..whole.as_str().len() {
            let mut text = whole.as_str().to_owned();
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            text.replace_range(at..=at, other);
            let read = Cursor::new(text).read(TENANT, now()).err();
            // The last character has bits that mean nothing.
            let is_last = at + 1 == whole.as_str().len();
            assert!(read == Some(CursorProblem::Damaged) || is_last, "{at}: {read:?}");
        }
        for text in
            ["", "A", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=t", "AAAAAAAAAAA", "é"]
        {
            assert_eq!(Cursor::new(text).read(TENANT, now()).err(), Some(CursorProblem::Damaged), "{text}");
        }
    }
}
