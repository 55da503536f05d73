//! A worker's share of Microsoft's limits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much of Microsoft's limits a worker may use. See `config.default.toml`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitsShare {
    /// What the number of workers leaves to each.
    Auto,
    /// Always so much.
    Fixed(f64),
}

impl LimitsShare {
    /// The share of a process that nobody has counted: all, where the share follows the number of workers.
    pub(super) fn at_first(self) -> f64 {
        match self {
            Self::Auto => 1.0,
            Self::Fixed(share) => share,
        }
    }

    /// Whether the share may be used; more than the whole only with `most`.
    pub(super) fn is_within(self, most: f64) -> bool {
        match self {
            Self::Auto => true,
            Self::Fixed(share) => share > 0.0 && share <= most,
        }
    }
}

impl Serialize for LimitsShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fixed(share) => serializer.serialize_f64(*share),
        }
    }
}

/// A number or a word in a file; a text in a variable of the environment.
impl<'de> Deserialize<'de> for LimitsShare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(f64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Number(share) => Ok(Self::Fixed(share)),
            Given::Text(text) if text.trim() == "auto" => Ok(Self::Auto),
            Given::Text(text) => text.trim().parse().map(Self::Fixed).map_err(|_| {
                serde::de::Error::custom(format!(
                    "graph.limits_share is `{text}`; give `auto` or a number above 0 and at most 1"
                ))
            }),
        }
    }
}
