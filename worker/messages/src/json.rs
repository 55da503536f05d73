//! Bytes to JSON, with the reason when they are none.

use serde_json::Value;

use crate::Reason;

/// Parses a message body: UTF-8, with or without a byte order mark (PowerShell writes one), holding one JSON value.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Reason> {
    let text = std::str::from_utf8(body).map_err(|_| Reason::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The error's own text is dropped on purpose: it may quote the body.
    serde_json::from_str(text).map_err(|error| Reason::NotJson { line: error.line(), column: error.column() })
}
