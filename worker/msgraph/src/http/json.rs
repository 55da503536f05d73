//! How Graph writes JSON where it differs from what is documented.

use serde::{Deserialize, Deserializer};

/// A list that Graph also writes as `null`, for an object we may not read.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
