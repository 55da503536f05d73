//! Finds the links of a page, if possible while the page still arrives.
//!
//! Graph writes the link to the next page before the objects. So the next page can be requested long before this one
//! is complete. A link after the objects is found too, but only when the page is complete.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::oneshot;

/// No link is longer than this by far. A page that has no link so far in is searched when it is complete.
const LONGEST_HEAD: usize = 64 * 1024;

/// The links of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub next: Option<String>,
    /// Where the next round of changes begins; only the last page of a round has it.
    pub delta: Option<String>,
}

/// What the beginning of a page says about its next one.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    /// More bytes are needed.
    Incomplete,
    Next(String),
    /// The objects come first, or this is no page.
    Silent,
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, rename = "@odata.nextLink")]
    next: Option<Text<'a>>,
    #[serde(borrow, rename = "@odata.deltaLink")]
    delta: Option<Text<'a>>,
    #[serde(rename = "value")]
    _objects: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Links {
    /// The links of a complete page. A body that is no JSON has none: its decoding says what is wrong.
    pub(crate) fn of(body: &[u8]) -> Self {
        if let Head::Next(next) = head(body) {
            return Self { next: Some(next), delta: None };
        }
        let owned = |text: Option<Text<'_>>| text.map(|Text(text)| text.into_owned());
        serde_json::from_slice(body)
            .map(|Whole { next, delta, .. }| Self { next: owned(next), delta: owned(delta) })
            .unwrap_or_default()
    }
}

/// Reads the names and plain values at the beginning of an object, up to its first list or object.
fn head(body: &[u8]) -> Head {
    let mut rest = match skip(body, b" \t\r\n") {
        [] => return Head::Incomplete,
        [b'{', rest @ ..] => rest,
        _ => return Head::Silent,
    };
    loop {
        rest = skip(rest, b" \t\r\n,");
        let Some((name, after)) = string(rest) else {
            return if rest.first().is_none_or(|byte| *byte == b'"') {
                Head::Incomplete
            } else {
                Head::Silent
            };
        };
        rest = skip(after, b" \t\r\n:");
        match rest {
            [] => return Head::Incomplete,
            [b'"', ..] => {
                let Some((value, after)) = string(rest) else { return Head::Incomplete };
                if name == br#""@odata.nextLink""# {
                    return serde_json::from_slice(value).map_or(Head::Silent, Head::Next);
                }
                rest = after;
            }
            [b'[' | b'{', ..] => return Head::Silent,
            _ => match rest.iter().position(|byte| matches!(byte, b',' | b'}')) {
                None => return Head::Incomplete,
                Some(end) => rest = rest.split_at(end).1,
            },
        }
    }
}

fn skip<'a>(bytes: &'a [u8], these: &[u8]) -> &'a [u8] {
    let start = bytes.iter().position(|byte| !these.contains(byte)).unwrap_or(bytes.len());
    bytes.split_at(start).1
}

/// A string in its quotes, and what follows; `None` if it is incomplete or no string.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = bytes.strip_prefix(b"\"")?;
    let mut escaped = false;
    for (at, byte) in inside.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(bytes.split_at(at + 2)),
            _ => {}
        }
    }
    None
}

/// The memory of pages that were read, for pages to come: most pages of a listing have the same size, and to ask the
/// system for a megabyte anew costs a tenth of the time of a listing.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<BytesMut>>>);

impl Buffers {
    fn take(&self) -> BytesMut {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes back what nobody reads any more.
    pub(crate) fn give_back(&self, body: Bytes) {
        if let Ok(mut buffer) = body.try_into_mut() {
            buffer.clear();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}

/// Announces the link to the next page as soon as it is known.
#[derive(Clone)]
pub(crate) struct LinkWatch {
    announce: Arc<Mutex<Option<oneshot::Sender<Option<String>>>>>,
    buffers: Buffers,
}

impl LinkWatch {
    pub(crate) fn new(buffers: Buffers) -> (Self, oneshot::Receiver<Option<String>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { announce: Arc::new(Mutex::new(Some(sender))), buffers }, receiver)
    }

    /// Room for the page.
    pub(crate) fn buffer(&self) -> BytesMut {
        self.buffers.take()
    }

    /// Looks at the beginning of a page that still arrives. Returns whether it has to look again.
    pub(crate) fn look(&self, so_far: &[u8]) -> bool {
        match head(so_far) {
            Head::Incomplete => so_far.len() < LONGEST_HEAD,
            Head::Silent => false,
            Head::Next(link) => {
                self.tell(Some(link));
                false
            }
        }
    }

    /// Announces the link, or that there is none. Only the first announcement counts.
    pub(crate) fn tell(&self, link: Option<String>) {
        let sender = self.announce.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // The listing may have been dropped.
            let _ = sender.send(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"@odata.context":"c\"{[","@odata.count":3,"@odata.nextLink":"https:\/\/a?$skiptoken=\u0062","value":[{"@odata.nextLink":"no"}]}"#;

    #[test]
    fn a_link_before_the_objects_is_found_as_soon_as_it_is_there() {
        let end = PAGE.find(r#","value""#).unwrap();
        for length in 0..PAGE.len() {
            let expected =
                if length < end { Head::Incomplete } else { Head::Next("https://a?$skiptoken=b".to_owned()) };
            assert_eq!(head(&PAGE.as_bytes()[..length]), expected, "{length}");
        }
    }

    #[test]
    fn a_link_after_the_objects_is_found_at_the_end() {
        let page = r#"{"value":[{"x@odata.nextLink":"no","@odata.nextLink":"no"}],"@odata.nextLink":"yes"}"#;
        assert_eq!(head(page.as_bytes()), Head::Silent);
        assert_eq!(Links::of(page.as_bytes()), Links { next: Some("yes".to_owned()), delta: None });
    }

    #[test]
    fn the_last_page_has_none_and_the_last_of_a_round_has_the_other() {
        assert_eq!(Links::of(br#"{"value":[]}"#), Links::default());
        let round = br#"{"@odata.deltaLink":"d","value":[]}"#;
        assert_eq!(Links::of(round), Links { next: None, delta: Some("d".to_owned()) });
        assert_eq!(Links::of(PAGE.as_bytes()).next.as_deref(), Some("https://a?$skiptoken=b"));
    }

    #[test]
    fn what_is_no_page_has_no_link() {
        for body in ["", "[", "null", "<html>", r#"{"a"#, r#"{1:2}"#, "{}", r#"{"a":1}"#] {
            assert_eq!(Links::of(body.as_bytes()), Links::default(), "{body}");
        }
    }
}
