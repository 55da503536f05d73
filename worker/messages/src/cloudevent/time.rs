//! Times as the schemas mean them.

use jiff::Timestamp;
use jiff::civil::Date;

/// Reads RFC 3339, and nothing more lenient: every consumer of the schema must read the same instant.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits =
        |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    let date = digits(0, 4) && is(4, b"-") && digits(5, 7) && is(7, b"-") && digits(8, 10) && is(10, b"Tt");
    let time = digits(11, 13) && is(13, b":") && digits(14, 16) && is(16, b":") && digits(17, 19);
    let offset = match bytes.last()? {
        b'Z' | b'z' => bytes.len() - 1,
        _ => bytes.len().checked_sub(6)?,
    };
    let zone = offset == bytes.len() - 1
        || (is(offset, b"+-")
            && digits(offset + 1, offset + 3)
            && is(offset + 3, b":")
            && digits(offset + 4, offset + 6));
    let fraction = offset == 19 || (is(19, b".") && offset > 20 && digits(20, offset));
    if date && time && zone && fraction { text.parse().ok() } else { None }
}

/// Reads a date, `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let is_right =
        |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    if text.len() == 10 && text.bytes().enumerate().all(is_right) { text.parse().ok() } else { None }
}
