//! The signature of a worker's own messages: HMAC-SHA-256 over the body, and over the origin if the message has one
//! (see [`Origin`](super::origin::Origin)). It tells what a worker wrote from what somebody else put into its exchange.

use std::fmt::{self, Write as _};

use ring::hmac;

use super::headers::{Headers, OwnHeaders, OwnName, Value};
use crate::Error;

/// The signature, in hexadecimal digits.
pub(crate) const SIGNATURE: OwnName = OwnName::new("gatehouse-signature");

/// A key shorter than this can be guessed.
const SHORTEST_KEY_BYTES: usize = 32;

/// The keys that workers and operators' tools share. The first one signs; a second one is only verified with, while
/// keys are changed.
#[derive(Clone)]
pub struct Keys {
    signing: hmac::Key,
    other: Option<hmac::Key>,
    accept_unsigned: bool,
}

impl Keys {
    /// Reads one or two keys, a line each. With `accept_unsigned` a message without a signature counts as signed, while
    /// workers without a key are replaced.
    ///
    /// # Errors
    /// When there is no key, there are more than two, or one is shorter than 32 bytes.
    pub fn parse(text: &str, accept_unsigned: bool) -> Result<Self, Error> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.iter().any(|line| line.len() < SHORTEST_KEY_BYTES) {
            return Err(Error::invalid(
                "a key has fewer than 32 characters; make one with `openssl rand -hex 32`",
            ));
        }
        let key = |line: &&str| hmac::Key::new(hmac::HMAC_SHA256, line.as_bytes());
        match lines.as_slice() {
            [signing] => Ok(Self { signing: key(signing), other: None, accept_unsigned }),
            [signing, other] => Ok(Self { signing: key(signing), other: Some(key(other)), accept_unsigned }),
            lines => Err(Error::invalid(format!(
                "there are {} keys; write one on a line, or two while you change keys: the first signs, both verify",
                lines.len()
            ))),
        }
    }

    /// Signs a message that leaves.
    pub(super) fn sign(&self, headers: &mut OwnHeaders, signed: [&[u8]; 2]) {
        let tag = hmac::sign(&self.signing, &signed.concat());
        let mut hex = String::with_capacity(2 * tag.as_ref().len());
        for byte in tag.as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        headers.put(SIGNATURE, Value::Text(hex));
    }

    /// Whether a message counts as signed.
    pub(super) fn accept(&self, headers: &Headers, signed: [&[u8]; 2]) -> bool {
        let Some(signature) = headers.text(SIGNATURE.as_str()) else {
            return self.accept_unsigned;
        };
        let Some(tag) = bytes_of(signature) else { return false };
        let signed = signed.concat();
        [Some(&self.signing), self.other.as_ref()]
            .into_iter()
            .flatten()
            .any(|key| hmac::verify(key, &signed, &tag).is_ok())
    }
}

impl Keys {
    /// Whether a message has a valid signature. One without has none, also while such messages count as signed.
    pub(super) fn vouch(&self, headers: &Headers, signed: [&[u8]; 2]) -> bool {
        headers.text(SIGNATURE.as_str()).is_some() && self.accept(headers, signed)
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Never shows a key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("accept_unsigned", &self.accept_unsigned).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, testing};

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn signed(key: &str, body: &[u8]) -> Message {
        let mut headers = OwnHeaders::default();
        Keys::parse(key, false).unwrap().sign(&mut headers, [b"", body]);
        Message { body: body.to_vec(), ..testing::arrived(&headers) }
    }

    fn accepts(keys: &str, message: &Message) -> bool {
        Keys::parse(keys, false).unwrap().accept(&message.headers, [b"", &message.body])
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        // RFC 4231, test case 2, has a shorter key; this value is from `openssl dgst -sha256 -hmac`.
        let message = signed(OLD, b"what do ya want for nothing?");
        assert_eq!(
            message.headers.text(SIGNATURE.as_str()),
            Some("137e6557c3c13a1ca5dc7e52a389a0f86be8cb4db4ae61c62396058b00acacd0")
        );
    }

    #[test]
    fn only_what_a_known_key_signed_is_accepted() {
        let message = signed(OLD, b"{}");
        assert!(accepts(OLD, &message));
        assert!(!accepts(NEW, &message));
        assert!(!accepts(OLD, &Message { body: b"{ }".to_vec(), ..message.clone() }));
        assert!(!accepts(OLD, &Message::default()));
        for nonsense in ["", "0", "zz", "äöü"] {
            let mut headers = OwnHeaders::default();
            headers.put(SIGNATURE, Value::Text(nonsense.to_owned()));
            assert!(!accepts(OLD, &testing::arrived(&headers)), "{nonsense}");
        }
    }

    #[test]
    fn keys_are_changed_without_losing_a_message() {
        let (before, after) = (format!("{OLD}\n{NEW}\n"), format!("{NEW}\n{OLD}\n"));
        for (writes, reads) in [(OLD, &before), (&before, &after), (&after, &before)] {
            assert!(accepts(reads, &signed(writes, b"{}")), "{writes} {reads}");
        }
    }

    #[test]
    fn while_workers_are_replaced_a_message_may_lack_a_signature_but_not_have_a_wrong_one() {
        let keys = Keys::parse(OLD, true).unwrap();
        let unsigned = Message::default();
        assert!(keys.accept(&unsigned.headers, [b"", &unsigned.body]));
        let forged = signed(NEW, b"{}");
        assert!(!keys.accept(&forged.headers, [b"", &forged.body]));
    }

    #[test]
    fn bad_keys_are_refused_and_never_shown() {
        for bad in ["", "hunter2", &format!("{OLD}\n{OLD}\n{OLD}")] {
            let error = Keys::parse(bad, true).unwrap_err();
            assert!(error.is_invalid() && !error.to_string().contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", Keys::parse(OLD, false).unwrap()).contains(OLD));
    }
}
