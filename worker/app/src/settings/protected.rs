//! The settings of protected people.

use actions::ProtectedPeople;
use serde::{Deserialize, Deserializer, Serialize};

use crate::settings::error::ConfigError;

/// Whom no run changes. See `config.default.toml`. A tenant replaces the lists that it gives.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protected {
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    people: Option<Vec<String>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
}

impl Protected {
    /// Who is protected in the tenant with this name and these lists of its own.
    ///
    /// # Errors
    ///
    /// A name that cannot be one.
    pub fn people(&self, tenant: &str, own: &Self) -> Result<ProtectedPeople, ConfigError> {
        let list = |own: &Option<Vec<String>>, all: &Option<Vec<String>>| {
            own.as_ref().or(all.as_ref()).cloned().unwrap_or_default()
        };
        let [people, groups, roles] =
            [list(&own.people, &self.people), list(&own.groups, &self.groups), list(&own.roles, &self.roles)];
        ProtectedPeople::new(&people, &groups, &roles)
            .map_err(|text| ConfigError::Invalid(format!("protected (tenant {tenant}): {text}")))
    }
}

/// A list in a file, or names separated by commas in a variable of the environment: names have spaces.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    Ok(Some(match Given::deserialize(deserializer)? {
        Given::List(list) => list,
        Given::Text(text) => {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
    }))
}
