//! The version that a broker names in its greeting. lapin reads the greeting and does not hand it on.

use std::sync::{Arc, OnceLock};

use crate::Error;

/// Since RabbitMQ 3.10 a quorum queue dead-letters at least once, on which every delay relies.
const LEAST: (u32, u32) = (3, 10);
/// The version stands at the beginning of the greeting.
const LIMIT_BYTES: usize = 4096;

/// Reads the first bytes from the broker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    begun: Vec<u8>,
    version: Arc<OnceLock<String>>,
}

impl Greeting {
    /// Takes bytes as they come, in pieces of any size; ignores all that follow the greeting.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if self.version.get().is_some() || self.begun.len() > LIMIT_BYTES {
            return;
        }
        self.begun.extend_from_slice(bytes);
        if text_after(&self.begun, b"\x07productS").is_some_and(|product| product == "RabbitMQ")
            && let Some(version) = text_after(&self.begun, b"\x07versionS")
        {
            let _ = self.version.set(version);
        }
    }

    /// The version, if the broker is a RabbitMQ and names one.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.get().map(String::as_str)
    }

    /// Fails if the broker is a RabbitMQ that is too old.
    ///
    /// # Errors
    /// Says which version it is, and which is needed.
    pub(crate) fn accept(&self) -> Result<(), Error> {
        let (major, minor) = LEAST;
        match self.version() {
            Some(version) if is_before(version, LEAST) => Err(Error::configuration(format!(
                "the broker is RabbitMQ {version}, and Gatehouse needs {major}.{minor} or later; upgrade it, or name another broker"
            ))),
            _ => Ok(()),
        }
    }
}

/// The text that follows a name in a table of AMQP: its length in four bytes, then the text. Short ones alone.
fn text_after(bytes: &[u8], name: &[u8]) -> Option<String> {
    let at = bytes.windows(name.len()).position(|window| window == name)?;
    let rest = bytes.get(at.checked_add(name.len())?..)?;
    let (&[0, 0, 0, length], text) = rest.split_first_chunk()? else { return None };
    Some(String::from_utf8_lossy(text.get(..length.into())?).into_owned())
}

/// Whether a version such as `3.9.13` or `4.1.0-rc.1` is before one of two numbers. One that cannot be read is not.
fn is_before(version: &str, least: (u32, u32)) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < least,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(product: &str, version: &str) -> Vec<u8> {
        let text = |text: &str| [&[0, 0, 0, text.len() as u8], text.as_bytes()].concat();
        let parts: [&[u8]; 6] = [
            b"\x01\0\0\0\0\x01\xf6\0\x0a\0\x0a\0\x09\0\0\x01\xd1\x08platformS\0\0\0\x03OTP",
            b"\x07productS",
            &text(product),
            b"\x07versionS",
            &text(version),
            b"\xce",
        ];
        parts.concat()
    }

    fn refusal(product: &str, version: &str) -> Option<String> {
        let mut read = Greeting::default();
        // One byte at a time, as a slow network brings them.
        greeting(product, version).iter().for_each(|byte| read.read(&[*byte]));
        read.accept().err().map(|error| error.to_string())
    }

    #[test]
    fn a_rabbitmq_that_is_too_old_is_named_with_its_version() {
        for version in ["3.9.13", "3.8.2", "2.10.0", "3.9.0-rc.1"] {
            let said = refusal("RabbitMQ", version).unwrap();
            assert!(said.contains(version) && said.contains("3.10 or later"), "{said}");
        }
    }

    #[test]
    fn a_later_one_and_one_that_does_not_say_are_accepted() {
        for version in ["3.10.0", "3.13.7", "4.0.1", "4.3.0-rc.1", "", "x"] {
            assert_eq!(refusal("RabbitMQ", version), None, "{version}");
        }
        assert_eq!(refusal("LavinMQ", "2.0.1"), None);
        assert!(Greeting::default().accept().is_ok());
    }
}
