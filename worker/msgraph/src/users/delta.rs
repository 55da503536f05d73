//! The changes of a tenant's people since the last round.
//!
//! A round ends with a token, from which the next round continues; this client stores none. A person can appear several
//! times in a round, in any order, and again in the next.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::user::with_id;
use crate::error::Error;
use crate::http::client::Reader;
use crate::http::read_ahead::{Page, PagesAhead};
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

/// One step of a round.
pub enum DeltaStep {
    /// Some entries, or none; more steps follow.
    Page(Page),
    /// The last entries, and the token of the next round.
    End(Page, DeltaToken),
    /// The token has expired, or Graph lost its state. The round is over: start again without a token, and treat
    /// everyone missing from that round as deleted.
    Resync,
}

/// A round of changes, returned page by page and read ahead.
pub struct UsersDelta {
    pages: PagesAhead,
}

/// A delta has no options but these (Microsoft Graph documentation, "user: delta", 2025): Graph refuses `$expand`, and
/// adds who manages a person to `manager@delta` if `manager` is selected.
fn delta() -> Result<Query, Error> {
    Query::new(&["users", "delta"])
}

impl Reader<'_> {
    /// The people who changed since the round that ended with this token; without a token everyone, with the properties
    /// in `select` and the id. With a token the properties are those that the first round selected.
    ///
    /// An entry is a person, or has `@removed` with a reason: `changed` is in the deleted items, `deleted` is purged
    /// (Microsoft Graph documentation, "Delta query", 2022).
    ///
    /// # Errors
    ///
    /// An empty or overlong token, before anything is sent.
    pub fn users_delta(self, select: &[&str], since: Option<&DeltaToken>) -> Result<UsersDelta, Error> {
        let query = match since {
            None => delta()?.select(&with_id(select)),
            Some(DeltaToken(token)) if (1..=MAX_TOKEN_BYTES).contains(&token.len()) => {
                delta()?.option("$deltatoken", token)
            }
            Some(_) => {
                return Err(Error::internal("the delta token is empty or too long; start without one"));
            }
        };
        Ok(UsersDelta { pages: PagesAhead::of(self, query) })
    }

    /// The token of a round that begins now, without the people there are.
    ///
    /// # Errors
    ///
    /// Graph answers with people instead of a token.
    pub async fn users_delta_from_now(self, select: &[&str]) -> Result<DeltaToken, Error> {
        let query = delta()?.select(&with_id(select)).option("$deltatoken", "latest");
        let mut round = UsersDelta { pages: PagesAhead::of(self, query) };
        loop {
            match round.next().await? {
                Some(DeltaStep::End(_, token)) => return Ok(token),
                Some(DeltaStep::Page(_)) => {}
                Some(DeltaStep::Resync) | None => {
                    return Err(Error::internal("Graph gives no token for changes from now on"));
                }
            }
        }
    }
}

impl UsersDelta {
    /// The next step; `None` after the end. After an error the caller can request the same step again.
    pub async fn next(&mut self) -> Result<Option<DeltaStep>, Error> {
        match self.pages.next_if(|page| token_of(page).map(|_| ())).await {
            Ok(Some(page)) => Ok(Some(match token_of(&page)? {
                None => DeltaStep::Page(page),
                Some(token) => DeltaStep::End(page, token),
            })),
            Ok(None) => Ok(None),
            Err(error) if error.is_resync_required() => {
                self.pages.end();
                Ok(Some(DeltaStep::Resync))
            }
            Err(error) => Err(error),
        }
    }
}

/// The token at the end of a round; `None` if another page follows. Without either link the round is incomplete.
fn token_of(page: &Page) -> Result<Option<DeltaToken>, Error> {
    if page.links.next.is_some() {
        return Ok(None);
    }
    let link = page.links.delta.as_deref();
    let link = link.ok_or_else(|| page.unreadable("`@odata.nextLink` or `@odata.deltaLink`"))?;
    DeltaToken::of_link(link).map(Some).ok_or_else(|| page.unreadable("`@odata.deltaLink`"))
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
