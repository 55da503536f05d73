//! Reads JSON that Graph writes in more than one way.

use serde::{Deserialize, Deserializer};

/// Reads a list that Graph also writes as `null`, for an object that may not be read.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
