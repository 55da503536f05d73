//! The settings of one publisher.

use messages::EventKind;
use serde::{Deserialize, Serialize};

use crate::delivery::publishers::Rights;
use crate::settings::error::ConfigError;
use crate::settings::words::words;

/// Who publishes, and what it may ask for. See `config.default.toml`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publisher {
    user: String,
    exchange: bool,
    #[serde(deserialize_with = "words")]
    tenants: Vec<String>,
    #[serde(deserialize_with = "words")]
    types: Vec<String>,
    #[serde(deserialize_with = "words")]
    workflows: Vec<String>,
    #[serde(deserialize_with = "words")]
    sources: Vec<String>,
}

impl Publisher {
    /// Whether it has an exchange of its own.
    pub fn has_exchange(&self) -> bool {
        self.exchange
    }

    /// What the publisher with this name may ask for.
    ///
    /// # Errors
    ///
    /// When it is told by nothing or by two things, or names a type or a tenant that does not exist.
    pub fn rights<'a>(
        &self,
        name: &str,
        tenants: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Rights, ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(format!("publishers.{name}{text}")));
        if self.user.is_empty() != self.exchange {
            return invalid(
                " needs either `user`, its user in the broker, or `exchange = true` for an exchange of its own"
                    .to_owned(),
            );
        }
        let known = EventKind::ALL.map(EventKind::routing_key);
        if let Some(unknown) = self.types.iter().find(|name| !known.contains(&name.as_str())) {
            return invalid(format!(".types: there is no event `{unknown}`; use {}", known.join(", ")));
        }
        let is_tenant = |name: &String| tenants.clone().any(|tenant| tenant == name);
        if let Some(unknown) = self.tenants.iter().find(|name| !is_tenant(name)) {
            return invalid(format!(".tenants: there is no tenant `{unknown}` in the settings"));
        }
        let lists = [("workflows", &self.workflows), ("sources", &self.sources)];
        for (list, patterns) in lists {
            let is_bad = |pattern: &&String| pattern.strip_suffix('*').unwrap_or(pattern).contains('*');
            if let Some(pattern) = patterns.iter().find(is_bad) {
                return invalid(format!(
                    ".{list}: `{pattern}` is no pattern; write a name, or its beginning followed by *"
                ));
            }
        }
        let (tenants, types) = (self.tenants.clone(), self.types.clone());
        let (workflows, sources) = (self.workflows.clone(), self.sources.clone());
        let user = Some(self.user.clone()).filter(|user| !user.is_empty());
        Ok(Rights { user, tenants, types, workflows, sources })
    }
}
