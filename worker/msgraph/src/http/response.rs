//! Answers: reads bodies up to a limit and decodes them; a decoding error names the field.

use bytes::Bytes;
use secrecy::SecretString;
use serde::Deserialize;

use crate::error::Error;
use crate::error::answer::Answer;
use crate::error::context::Context;
use crate::http::links::LinkWatch;

/// An error's body has a few hundred bytes. Of a longer one only the status counts.
pub(crate) const MAX_REFUSAL_BYTES: usize = 256 * 1024;

/// A success.
pub(crate) struct Response {
    pub status: u16,
    body: Bytes,
    /// Where to monitor a long-running job. The address can grant access by itself.
    location: Option<SecretString>,
    /// With Graph's id of the request, if it sent one.
    context: Context,
}

impl Response {
    pub(crate) fn new(head: Answer, body: Bytes, context: &Context) -> Self {
        let mut context = context.clone();
        context.request_id = head.request_id.unwrap_or(context.request_id);
        Self { status: head.status.unwrap_or_default(), body, location: head.location, context }
    }

    pub(crate) fn location(&self) -> Option<&SecretString> {
        self.location.as_ref()
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.context.request_id
    }

    /// The error of an answer that lacks something at this place.
    pub(crate) fn unreadable(&self, at: &str) -> Error {
        Error::decode(at, &self.context)
    }

    /// The error of an answer that has no list where one was asked for.
    pub(crate) fn without_list(&self) -> Error {
        Error::without_list(&self.context)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes the body out.
    pub(crate) fn take_body(&mut self) -> Bytes {
        std::mem::take(&mut self.body)
    }

    /// Reads the body as JSON that borrows from it. Text is checked once for all of it, which costs a quarter less than
    /// string by string. Knowing the place of a mistake costs time, so only a mistake pays for it.
    pub(crate) fn borrowed<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let text = std::str::from_utf8(&self.body).ok();
        text.and_then(|text| serde_json::from_str(text).ok()).map_or_else(|| self.json(), Ok)
    }

    /// Reads the body as JSON. The error has the path to the field and never a value, because values name people.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        // To keep the path costs time: only a body that cannot be read is read with it.
        serde_json::from_slice(&self.body).or_else(|_| self.json_with_path())
    }

    fn json_with_path<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let inner = error.inner();
            let at = format!("`{}` (line {}, column {})", error.path(), inner.line(), inner.column());
            Error::decode(at, &self.context)
        })?;
        json.end().map_err(|_| Error::decode("its end: more data follows", &self.context))?;
        Ok(value)
    }
}

/// Reads a body of at most `limit` bytes. Lets `watch` look at it while it arrives.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
    context: &Context,
    watch: Option<&LinkWatch>,
) -> Result<Bytes, Error> {
    let announced = response.content_length().unwrap_or_default();
    if announced > limit as u64 {
        return Err(Error::too_large(limit, context));
    }
    let mut body = watch.map(LinkWatch::buffer).unwrap_or_default();
    body.reserve(usize::try_from(announced).unwrap_or_default());
    let mut watch = watch;
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::transport(error, context))? {
        if body.len() + chunk.len() > limit {
            return Err(Error::too_large(limit, context));
        }
        body.extend_from_slice(&chunk);
        watch = watch.filter(|watch| watch.look(&body));
    }
    Ok(body.freeze())
}
