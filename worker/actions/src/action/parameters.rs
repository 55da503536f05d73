//! How parameters are read where serde's own way is not ours.

use serde::de::{Deserialize, Deserializer};

/// Reads a list that means everything where it is left out. An expression that turned out empty is no such list: an
/// empty one means nothing, and one that is null is a mistake.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Vec::deserialize(deserializer).map(Some)
}
