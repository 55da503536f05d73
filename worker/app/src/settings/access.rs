//! The settings of lock-outs.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::settings::error::ConfigError;

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    concurrency: NonZeroU16,
}

impl Access {
    /// Checks the number.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.concurrency.get() > 100 {
            return Err(ConfigError::Invalid("access.concurrency must be at most 100".to_owned()));
        }
        Ok(())
    }

    /// How many people are locked out at once.
    pub fn concurrency(&self) -> NonZeroU16 {
        self.concurrency
    }
}
