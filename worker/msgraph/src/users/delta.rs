//! The changes of a tenant's people since the last round.
//!
//! A round ends with a token, from which the next round continues; this client stores none. A person can appear several
//! times in a round, and again in the next: the last entry counts, merged by id.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::user::{User, with_id};
use crate::error::Error;
use crate::http::client::Reader;
use crate::http::paging::Pages;
use crate::http::request::Query;

/// Longer than any token that was seen. A token becomes part of an address.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Where a round of changes continues: Graph's own opaque text. It is valid for seven days (Microsoft Graph
/// documentation, "Delta query", 2022) and holds what was selected.
#[derive(Clone, PartialEq, Eq)]
pub struct DeltaToken(String);

impl DeltaToken {
    /// A token from its stored text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token in a link like `https://…/users/delta?$deltatoken=…`.
    fn of_link(link: &str) -> Option<Self> {
        let (_, query) = link.split_once('?')?;
        let value = query.split('&').find_map(|option| {
            let (name, value) = option.split_once('=')?;
            let name = name.trim_start_matches("%24").trim_start_matches('$');
            name.eq_ignore_ascii_case("deltatoken").then_some(value)
        })?;
        let text = percent_decode_str(value).decode_utf8().ok()?;
        (!text.is_empty() && text.len() <= MAX_TOKEN_BYTES).then(|| Self(text.into_owned()))
    }
}

impl fmt::Debug for DeltaToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeltaToken([{} bytes])", self.0.len())
    }
}

/// One entry of a round.
#[derive(Debug, Clone, PartialEq)]
pub enum UserChange {
    /// A person is new or changed; the selected properties as they are now.
    Changed(Box<User>),
    /// A person was deleted.
    Removed {
        /// The object id.
        id: String,
        /// Whether it can be restored.
        removal: Removal,
    },
}

/// Whether a deleted person can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// In the deleted items; can be restored.
    Deleted,
    /// Deleted permanently.
    Purged,
}

/// One step of a round.
#[derive(Debug, Clone, PartialEq)]
pub enum DeltaStep {
    /// Some entries, or none; more steps follow.
    Page(Vec<UserChange>),
    /// The last entries, and the token of the next round.
    End(Vec<UserChange>, DeltaToken),
    /// The token has expired, or Graph lost its state. The round is over: start again without a token, and treat
    /// everyone missing from that round as deleted.
    Resync,
}

/// A round of changes, returned page by page.
pub struct UsersDelta<'a> {
    reader: Reader<'a>,
    pages: Pages,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Entry>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "@removed")]
    removed: Option<Removed>,
    #[serde(flatten)]
    user: User,
}

#[derive(Deserialize)]
struct Removed {
    reason: Option<String>,
}

impl From<Entry> for UserChange {
    fn from(entry: Entry) -> Self {
        match entry.removed {
            None => Self::Changed(Box::new(entry.user)),
            // `changed` means moved to the deleted items, `deleted` purged (Microsoft Graph documentation, "Delta
            // query", 2022); any other reason counts as restorable.
            Some(removed) => Self::Removed {
                id: entry.user.id,
                removal: match removed.reason {
                    Some(reason) if reason.eq_ignore_ascii_case("deleted") => Removal::Purged,
                    _ => Removal::Deleted,
                },
            },
        }
    }
}

impl<'a> Reader<'a> {
    /// The people who changed since the round that ended with this token; without a token everyone, with the properties
    /// in `select` and the id. With a token the properties are those that the first round selected.
    ///
    /// # Errors
    ///
    /// An empty or overlong token, before anything is sent.
    pub fn users_delta(self, select: &[&str], since: Option<&DeltaToken>) -> Result<UsersDelta<'a>, Error> {
        let query = Query::new(&["users", "delta"])?;
        let query = match since {
            None => query.select(&with_id(select)),
            Some(DeltaToken(token)) if (1..=MAX_TOKEN_BYTES).contains(&token.len()) => {
                query.option("$deltatoken", token)
            }
            Some(_) => {
                return Err(Error::internal("the delta token is empty or too long; start without one"));
            }
        };
        Ok(UsersDelta { reader: self, pages: Pages::of_a_tenant(query) })
    }
}

impl UsersDelta<'_> {
    /// The next step; `None` after the end. After an error the caller can request the same step again.
    pub async fn next(&mut self) -> Result<Option<DeltaStep>, Error> {
        let Some(request) = self.pages.next()? else { return Ok(None) };
        let response = match self.reader.send(request).await {
            Ok(response) => response,
            Err(error) if error.is_resync_required() => {
                self.pages.go_on(None);
                return Ok(Some(DeltaStep::Resync));
            }
            Err(error) => return Err(error),
        };
        let page: Page = response.json()?;
        let changes = || page.value.into_iter().map(UserChange::from).collect();
        let step = match (&page.next_link, &page.delta_link) {
            (Some(_), _) => DeltaStep::Page(changes()),
            (None, Some(link)) => {
                let token = DeltaToken::of_link(link);
                let token = token.ok_or_else(|| response.unreadable("`@odata.deltaLink`"))?;
                DeltaStep::End(changes(), token)
            }
            // Without either link the round cannot continue: it is incomplete.
            (None, None) => return Err(response.unreadable("`@odata.nextLink` or `@odata.deltaLink`")),
        };
        self.pages.go_on(page.next_link);
        Ok(Some(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_any_link_that_has_one() {
        let root = "https://graph.microsoft.com/v1.0/users/delta";
        let cases = [
            ("?$deltatoken=abc", Some("abc")),
            ("?$select=id&$deltaToken=a%2Bb%3D", Some("a+b=")),
            ("?%24deltatoken=abc&x=1", Some("abc")),
            ("?$deltatoken=", None),
            ("?$skiptoken=abc", None),
            ("?$deltatoken=%ff", None),
            ("", None),
        ];
        for (query, token) in cases {
            let found = DeltaToken::of_link(&format!("{root}{query}"));
            assert_eq!(found.as_ref().map(DeltaToken::as_str), token, "{query}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", DeltaToken::new("abc")), "DeltaToken([3 bytes])");
    }
}
