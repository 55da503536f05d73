//! Lists in settings.

use serde::{Deserialize, Deserializer};

/// A list in a file, or words in a variable of the environment.
pub fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::List(list) => list,
        Given::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
    })
}
