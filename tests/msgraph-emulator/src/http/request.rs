//! A request as the emulator reads it: method, decoded path segments, query options, headers, body.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, body::Incoming};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::http::refusal::Refusal;
use crate::random::unguessable;

/// Graph's own limit for a request body is 4 MiB.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// And for a file's content ("Upload or replace the contents of a driveItem", 2025).
const LARGEST_FILE: usize = 250 * 1024 * 1024;

/// One request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path as sent, percent-encoding and all, but with single slashes.
    pub(crate) path: String,
    /// The query as sent, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The id the emulator gives the request.
    pub(crate) request_id: String,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
    /// Whether it came to the host of report files.
    pub(crate) for_files: bool,
    /// The id of the batch it is a part of.
    pub(crate) batch: Option<String>,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) secure: bool,
    pub(crate) for_files: bool,
}

/// The error of a request that could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The client went away in the middle of its body.
    Gone,
    /// The body is larger than Graph accepts.
    TooLarge,
}

impl Request {
    /// Reads the head and the whole body.
    pub(crate) async fn read(
        incoming: hyper::Request<Incoming>,
        Arrival { secure, for_files }: Arrival,
    ) -> Result<Self, (Unreadable, Self)> {
        let (head, body) = incoming.into_parts();
        let mut request = Self {
            method: head.method,
            path: single_slashes(head.uri.path()),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body: Bytes::new(),
            request_id: unguessable().to_string(),
            secure,
            for_files,
            batch: None,
        };
        let is_content = request.method == Method::PUT && request.path.ends_with("/content");
        let limit = if is_content { LARGEST_FILE } else { LARGEST_BODY };
        match Limited::new(body, limit).collect().await {
            Ok(collected) => {
                request.body = collected.to_bytes();
                Ok(request)
            }
            Err(error) if error.is::<LengthLimitError>() => Err((Unreadable::TooLarge, request)),
            Err(_) => Err((Unreadable::Gone, request)),
        }
    }

    /// Whether it does not say how long its body is, nor sends it in chunks. The server before Graph refuses such a
    /// POST, also one without a body (microsoft-graph-docs 2262, graph-rs-sdk 524; seen 2026). That PUT and PATCH are
    /// refused as well is our reading.
    pub(crate) fn lacks_length(&self) -> bool {
        let takes_a_body = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        let says = |name| self.headers.contains_key(name);
        takes_a_body && !says(CONTENT_LENGTH) && !says(TRANSFER_ENCODING)
    }

    /// Everything but reads counts as a write.
    pub(crate) fn is_write(&self) -> bool {
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        !(reads || self.is_exchange_admin() && self.gets())
    }

    /// Whether the body contains this text.
    pub(crate) fn holds(&self, part: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(part)
    }

    /// Whether the request is for Exchange's administration.
    pub(crate) fn is_exchange_admin(&self) -> bool {
        self.path.starts_with("/adminapi/")
    }

    /// Whether a cmdlet only reads: all of them are posted.
    fn gets(&self) -> bool {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let name = body.as_ref().and_then(|body| body.pointer("/CmdletInput/CmdletName"));
        name.and_then(Value::as_str).is_some_and(|name| name.starts_with("Get-"))
    }

    /// Whether the request is one to sign in rather than for Graph.
    pub(crate) fn is_token_request(&self) -> bool {
        self.path.ends_with("/oauth2/v2.0/token") || self.is_device_code_request() || self.is_discovery()
    }

    /// Whether the request asks where to sign in.
    pub(crate) fn is_discovery(&self) -> bool {
        self.path.ends_with("/v2.0/.well-known/openid-configuration")
    }

    /// Whether the request is a device's, for a code.
    pub(crate) fn is_device_code_request(&self) -> bool {
        self.path.ends_with("/oauth2/v2.0/devicecode")
    }

    /// Whether the request is a batch of others.
    pub(crate) fn is_batch(&self) -> bool {
        self.batch.is_none()
            && self.method == Method::POST
            && matches!(self.path.as_str(), "/v1.0/$batch" | "/v1.0/%24batch")
    }

    /// Whether the request assigns licences.
    pub(crate) fn is_license_call(&self) -> bool {
        self.method == Method::POST && self.path.ends_with("/assignLicense")
    }

    /// Everything in the request that may name a user: keys in the path, a filter's value, and
    /// the texts of the body, of an address its last segment.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = self.segments().unwrap_or_default();
        let options = self.options().unwrap_or_default();
        let literals = options.iter().filter_map(|(_, value)| value.split('\'').nth(1));
        names.extend(literals.map(str::to_owned));
        let mut values: Vec<Value> = serde_json::from_slice(&self.body).into_iter().collect();
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) => names.extend(text.rsplit('/').next().map(str::to_owned)),
                Value::Array(items) => values.extend(items),
                Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        names
    }

    /// The application that the request's token names.
    pub(crate) fn application(&self) -> Option<String> {
        Some(self.claims()?.get("appid")?.as_str()?.to_owned())
    }

    /// The permissions that the request's token names.
    pub(crate) fn roles(&self) -> Vec<String> {
        let Some(claims) = self.claims() else { return Vec::new() };
        if let Some(scopes) = claims.get("scp").and_then(Value::as_str) {
            return scopes.split_whitespace().map(str::to_owned).collect();
        }
        let roles = claims.get("roles").and_then(|roles| serde_json::from_value(roles.clone()).ok());
        roles.unwrap_or_default()
    }

    /// The claims of the request's token, unchecked; `auth` checks them.
    fn claims(&self) -> Option<Value> {
        let claims = self.header("authorization")?.split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// A header's text, if it has one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The id the client gave the request, or else the emulator's.
    pub(crate) fn client_request_id(&self) -> &str {
        self.header("client-request-id").unwrap_or(&self.request_id)
    }

    /// Whether the client asked for advanced queries.
    pub(crate) fn is_advanced(&self) -> bool {
        self.header("ConsistencyLevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// The root of the addresses in answers, as the client spells it.
    pub(crate) fn base(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.header("host").unwrap_or("localhost"))
    }

    /// The decoded segments of the path; `users('x')` counts as two.
    pub(crate) fn segments(&self) -> Result<Vec<String>, Refusal> {
        segments_of(&self.path)
    }

    /// The query options in the order sent, decoded.
    pub(crate) fn options(&self) -> Result<Vec<(String, String)>, Refusal> {
        pairs(&self.query).ok_or_else(|| Refusal::malformed("The query string is not UTF-8."))
    }

    /// The JSON object in the body, without the types that SDKs write beside the properties of an object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        let mut object = self.typed_object()?;
        untype(&mut object)?;
        Ok(object)
    }

    /// The JSON object in the body, which changes at least one property.
    pub(crate) fn changes(&self) -> Result<Map<String, Value>, Refusal> {
        let changes = self.object()?;
        if changes.is_empty() {
            return Err(Refusal::malformed("Empty Payload. JSON content expected."));
        }
        Ok(changes)
    }

    /// The JSON object in the body as it was sent.
    pub(crate) fn typed_object(&self) -> Result<Map<String, Value>, Refusal> {
        let is_json = self
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) if is_json => Ok(object),
            _ => Err(Refusal::malformed(
                "Unable to read JSON request payload. Please ensure Content-Type header is set \
                 and payload is of valid JSON format.",
            )),
        }
    }

    /// Refuses a body if Graph's action takes none; `{}` counts as none.
    pub(crate) fn no_body(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Ok(());
        }
        match self.object()?.keys().next() {
            None => Ok(()),
            Some(name) => Err(Refusal::malformed(format!(
                "The parameter '{name}' in the request payload is not a valid parameter for the \
                 operation."
            ))),
        }
    }
}

/// Removes the annotation `@odata.type` here and below, unless it names something that is no type of Graph.
fn untype(object: &mut Map<String, Value>) -> Result<(), Refusal> {
    if let Some(kind) = object.remove("@odata.type") {
        let name = kind.as_str().map(|name| name.trim_start_matches('#'));
        let known = ["microsoft.graph.", "Collection(", "graph."];
        if !name.is_some_and(|name| known.iter().any(|start| name.starts_with(start))) {
            return Err(Refusal::malformed(format!(
                "A type named {kind} could not be resolved by the model. When a model is available, each type name must \
                 resolve to a valid type."
            )));
        }
    }
    for value in object.values_mut() {
        match value {
            Value::Object(fields) => untype(fields)?,
            Value::Array(items) => {
                let objects = items.iter_mut().filter_map(Value::as_object_mut);
                objects.into_iter().try_for_each(untype)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A path in which doubled slashes count once. Graph takes them, and Microsoft's SDK for Python writes
/// `/v1.0//users` (msgraph-sdk 1.65, 2026: its base address ends in a slash, its paths begin with one).
pub(crate) fn single_slashes(path: &str) -> String {
    let mut single = path.to_owned();
    while single.contains("//") {
        single = single.replace("//", "/");
    }
    single
}

/// Splits and decodes a path.
pub(crate) fn segments_of(path: &str) -> Result<Vec<String>, Refusal> {
    let mut segments = Vec::new();
    for raw in path.trim_start_matches('/').split('/') {
        let decoded = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| Refusal::malformed("The path is not UTF-8."))?;
        match decoded.strip_suffix("')").and_then(|s| s.split_once("('")) {
            Some((name, key)) => {
                segments.push(name.to_owned());
                segments.push(key.replace("''", "'"));
            }
            // An item and a path below it, which SDKs encode as the one key they take it for ("Upload large files using
            // the Microsoft Graph SDKs", 2024: `items/root%3A%2Fnotes.txt%3A/…`).
            None if decoded.contains(":/") => segments.extend(decoded.split('/').map(str::to_owned)),
            None => segments.push(decoded.into_owned()),
        }
    }
    Ok(segments)
}

/// The pairs of a query string or a form, `+` read as a space.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let decode = |raw: &str| {
        let spaced = raw.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_and_percent_signs_are_read() {
        assert_eq!(
            segments_of("/v1.0/users('ada%23EXT%23@contoso.example')/manager").unwrap(),
            ["v1.0", "users", "ada#EXT#@contoso.example", "manager"]
        );
        assert_eq!(
            segments_of("/v1.0/drives/d/items/root%3A%2Fnotes.txt%3A/content").unwrap(),
            ["v1.0", "drives", "d", "items", "root:", "notes.txt:", "content"]
        );
        assert_eq!(single_slashes("/v1.0//users///x"), "/v1.0/users/x");
        assert_eq!(segments_of("/v1.0/users/o''brien").unwrap(), ["v1.0", "users", "o''brien"]);
        assert!(segments_of("/v1.0/users/%ff").is_err());
    }

    #[test]
    fn forms_are_decoded() {
        assert_eq!(
            pairs("a=1%2B1&b=x+y&c").unwrap(),
            [("a".into(), "1+1".into()), ("b".into(), "x y".into()), ("c".into(), String::new())]
        );
    }
}
