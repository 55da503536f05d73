//! The settings of the brake.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use workflow::Delay;

use super::error::ConfigError;

const WINDOW: Duration = Duration::from_secs(86_400);
const FIRST_DELAY: Duration = Duration::from_secs(60);
const MAX_DELAY: Duration = Duration::from_secs(900);
/// The ledger remembers whom it admitted for much longer, but nobody counts leavers by the year.
const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 86_400);

/// How many leavers of a tenant may begin within a time. See `config.default.toml`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brake {
    limit: Limit,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Delay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_delay: Option<Delay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_delay: Option<Delay>,
}

/// How many leavers may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// A share of the tenant's people.
    #[default]
    Auto,
    /// So many.
    Of(u32),
    /// Everybody.
    Off,
}

impl Brake {
    /// How many leavers may begin.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Within which time.
    pub fn window(&self) -> Duration {
        self.window.map_or(WINDOW, Delay::duration)
    }

    /// How long a run that is held waits before it asks again: the first time, and at most.
    pub fn delays(&self) -> (Duration, Duration) {
        let [first, most] = [(self.first_delay, FIRST_DELAY), (self.max_delay, MAX_DELAY)]
            .map(|(delay, default)| delay.map_or(default, Delay::duration));
        (first, most)
    }

    /// Checks what the brake of the tenant with this name says.
    pub(super) fn check(&self, tenant: &str) -> Result<(), ConfigError> {
        let invalid = |text: &str| Err(ConfigError::Invalid(format!("tenants.{tenant}.brake.{text}")));
        let (first, most) = self.delays();
        if self.window() > LONGEST_WINDOW {
            return invalid("window must be at most 31d");
        }
        if first > most {
            return invalid("first_delay must not be longer than max_delay (15m)");
        }
        // The alert looks back for twenty minutes.
        if most > MAX_DELAY {
            return invalid("max_delay must be at most 15m");
        }
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Of(number) => write!(f, "{number}"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(number) => serializer.serialize_u32(*number),
            Self::Auto | Self::Off => serializer.collect_str(self),
        }
    }
}

/// A number or a word in a file; a text in a variable of the environment.
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(u32),
            Text(String),
        }
        let text = match Given::deserialize(deserializer) {
            Ok(Given::Number(number)) => return Ok(Self::Of(number)),
            Ok(Given::Text(text)) => text,
            Err(_) => String::new(),
        };
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            number => number
                .parse()
                .map(Self::Of)
                .map_err(|_| serde::de::Error::custom("a limit of the brake is a number, `auto` or `off`")),
        }
    }
}
