//! Pages: by the id of the last object shown, so that a change between two pages loses no object.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::http::request::Request;

/// Entra's page without `$top`.
const DEFAULT_PAGE: usize = 100;

/// The requested part of a list.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) size: usize,
    /// The last object of the page before this one.
    pub(crate) after: Option<Uuid>,
}

impl Window {
    /// Reads the window of a list whose pages hold at most `limit`.
    pub(crate) fn read(request: &Request, query: &Query, limit: usize) -> Result<Self, Refusal> {
        let after =
            query.skip_token.as_ref().map(|token| last_of(request, token).ok_or_else(expired)).transpose()?;
        Ok(Self { size: query.top.unwrap_or(DEFAULT_PAGE).min(limit), after })
    }

    /// The same window, of at most this many objects.
    pub(crate) fn at_most(self, size: usize) -> Self {
        Self { size: self.size.min(size), ..self }
    }

    /// The address of the page after this one, whose last object this is.
    pub(crate) fn next_link(&self, request: &Request, last: Uuid) -> String {
        next_link(request, last)
    }

    /// Those of these ids that come after the page before. A list in an order of its own cannot go on after an object
    /// that is no more in it.
    pub(crate) fn rest<'a>(&self, ids: &'a [Uuid], ordered: bool) -> Result<&'a [Uuid], Refusal> {
        let Some(after) = self.after else { return Ok(ids) };
        let start = match ordered {
            true => ids.iter().position(|id| *id == after).ok_or_else(expired)? + 1,
            false => ids.partition_point(|id| *id <= after),
        };
        Ok(ids.get(start..).unwrap_or_default())
    }

    /// Whether this is the first page.
    pub(crate) fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// Makes the page out of the objects after the last page's, in the order of their ids.
    pub(crate) fn page(
        &self,
        request: &Request,
        context: &str,
        objects: impl Iterator<Item = (Uuid, Value)>,
    ) -> Value {
        let mut objects = objects.peekable();
        let mut last = None;
        let mut value = Vec::new();
        while value.len() < self.size {
            let Some((id, object)) = objects.next() else {
                break;
            };
            last = Some(id);
            value.push(object);
        }
        let mut page = json!({ "@odata.context": metadata(request, context), "value": value });
        let more = last.filter(|_| objects.peek().is_some());
        if let (Some(last), Some(fields)) = (more, page.as_object_mut()) {
            let link = next_link(request, last);
            fields.insert("@odata.nextLink".to_owned(), json!(link));
        }
        page
    }
}

/// The bytes kept free before the objects of a page.
const ROOM: usize = 4_096;

/// A page whose objects are written one after the other, as bytes.
///
/// Graph writes the fields beside the objects before them, also the link to the next page, which follows from the last
/// object: they go into room kept free at the start.
#[derive(Debug)]
pub(crate) struct Page {
    bytes: Vec<u8>,
    objects: usize,
    /// What stands before the objects.
    head: String,
}

impl Page {
    pub(crate) fn begin(request: &Request, context: &str) -> Self {
        let head = format!("{{\"@odata.context\":{},", json!(metadata(request, context)));
        Self { bytes: vec![b' '; ROOM], objects: 0, head }
    }

    /// How many objects it has.
    pub(crate) fn len(&self) -> usize {
        self.objects
    }

    /// Adds an object, which `write` writes.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.objects > 0 {
            self.bytes.push(b',');
        }
        write(&mut self.bytes);
        self.objects += 1;
    }

    /// Adds a field beside the objects.
    pub(crate) fn field(&mut self, name: &str, value: &Value) {
        self.head.push_str(&format!("\"{name}\":{value},"));
    }

    pub(crate) fn end(mut self) -> Bytes {
        self.head.push_str("\"value\":[");
        self.bytes.extend_from_slice(b"]}");
        let head = self.head.as_bytes();
        let start = ROOM.saturating_sub(head.len());
        match self.bytes.get_mut(start..start + head.len()) {
            Some(room) if head.len() <= ROOM => {
                room.copy_from_slice(head);
                Bytes::from(self.bytes).slice(start..)
            }
            // A long query makes a longer link.
            _ => Bytes::from([head, self.bytes.get(ROOM..).unwrap_or_default()].concat()),
        }
    }
}

/// `@odata.context`.
pub(crate) fn metadata(request: &Request, context: &str) -> String {
    format!("{}/v1.0/$metadata#{context}", request.base())
}

/// The address of the next page: the request's own options and an opaque token.
fn next_link(request: &Request, last: Uuid) -> String {
    let options = request.query.split('&');
    let mut options: Vec<String> =
        options.filter(|option| !option.is_empty() && !is_skip_token(option)).map(str::to_owned).collect();
    let token = token_of(request, last);
    let token = utf8_percent_encode(&token, NON_ALPHANUMERIC);
    options.push(format!("$skiptoken={token}"));
    format!("{}{}?{}", request.base(), request.path, options.join("&"))
}

fn is_skip_token(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    name == "$skiptoken" || name.eq_ignore_ascii_case("%24skiptoken")
}

/// A token that is good for this path only.
fn token_of(request: &Request, last: Uuid) -> String {
    let mut bytes = last.into_bytes().to_vec();
    bytes.extend(place(request, last).into_bytes());
    // The header of an advanced query is not part of the link: the client has to send it again.
    bytes.push(u8::from(request.is_advanced()));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn last_of(request: &Request, token: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let last = Uuid::from_slice(bytes.get(..16)?).ok()?;
    let issued_at = Uuid::from_slice(bytes.get(16..32)?).ok()?;
    let was_advanced = bytes.get(32..)? == [1];
    let is_good = issued_at == place(request, last) && (!was_advanced || request.is_advanced());
    is_good.then_some(last)
}

fn place(request: &Request, last: Uuid) -> Uuid {
    Uuid::new_v5(&last, request.path.as_bytes())
}

fn expired() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "Directory_ExpiredPageToken",
        "The specified page token value has expired and can no longer be included in your request.",
    )
}
