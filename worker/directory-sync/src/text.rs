//! Text and properties as they stand in a page.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// A text that borrows from the page if it stands there without escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// A text that stands in the page as it is.
    pub(crate) fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_cow(self) -> Cow<'a, str> {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrow)
    }
}

/// A property that a page may leave out. In a round of changes an absent one says nothing, and `null` says that it was
/// cleared (Microsoft Graph documentation, "Delta query", 2022).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Property<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<T> Property<T> {
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Property<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Is))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let is_borrowed = |json: &str| {
            let Text(text) = serde_json::from_str(json).unwrap();
            matches!(text, Cow::Borrowed(_))
        };
        assert!(is_borrowed(r#""Ada""#) && is_borrowed(r#""Zoë""#));
        assert!(!is_borrowed(r#""Zo\u00eb""#));
    }

    #[test]
    fn absent_and_null_are_told_apart() {
        #[derive(serde::Deserialize)]
        struct Person {
            #[serde(default)]
            mail: Property<u8>,
        }
        let mail = |json: &str| serde_json::from_str::<Person>(json).unwrap().mail;
        assert_eq!(mail("{}"), Property::Absent);
        assert_eq!(mail(r#"{"mail":null}"#), Property::Null);
        assert_eq!(mail(r#"{"mail":1}"#), Property::Is(1));
    }
}
