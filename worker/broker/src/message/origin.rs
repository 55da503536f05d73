//! Who wrote a message, as far as the broker vouches for it.
//!
//! A message is a worker's own only if it came through the work exchange, to which no publisher may write, and is signed
//! where there are keys. Nothing else counts: not its content type, and none of its headers. A message that somebody
//! else wrote keeps its origin when it is set aside, so that a replay, which goes through the work exchange, never
//! makes it a worker's own.

use super::{
    headers::{Headers, OwnHeaders, OwnName, Value},
    signature::Keys,
};

const EXCHANGE: OwnName = OwnName::new("gatehouse-origin-exchange");
const ROUTING_KEY: OwnName = OwnName::new("gatehouse-origin-routing-key");
const USER: OwnName = OwnName::new("gatehouse-origin-user");

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A worker.
    Worker,
    /// Anybody who may publish.
    Publisher {
        /// The exchange it was published to.
        exchange: String,
        /// The routing key it was published with.
        routing_key: String,
        /// The broker user who published it, if the message says so: the broker checks that it says the truth.
        user: Option<String>,
    },
}

/// Nobody in particular.
impl Default for Origin {
    fn default() -> Self {
        Self::Publisher { exchange: String::new(), routing_key: String::new(), user: None }
    }
}

impl Origin {
    /// What a signature covers besides the body.
    pub(super) fn signed(&self) -> Vec<u8> {
        match self {
            Self::Worker => Vec::new(),
            Self::Publisher { exchange, routing_key, user } => {
                let user = user.as_deref().unwrap_or_default();
                format!("{exchange}\0{routing_key}\0{user}\0").into_bytes()
            }
        }
    }

    /// Writes the origin into the headers of a message that leaves, and signs both it and the body.
    pub(crate) fn write(&self, headers: &mut OwnHeaders, body: &[u8], keys: Option<&Keys>) {
        if let Self::Publisher { exchange, routing_key, user } = self {
            headers.put(EXCHANGE, Value::Text(exchange.clone()));
            headers.put(ROUTING_KEY, Value::Text(routing_key.clone()));
            if let Some(user) = user {
                headers.put(USER, Value::Text(user.clone()));
            }
        }
        if let Some(keys) = keys {
            keys.sign(headers, [&self.signed(), body]);
        }
    }

    /// The origin that a worker's or an operator's copy states.
    pub(super) fn stated(headers: &Headers) -> Self {
        let text = |name: OwnName| headers.text(name.as_str()).map(str::to_owned);
        text(EXCHANGE).map_or(Self::Worker, |exchange| Self::Publisher {
            exchange,
            routing_key: text(ROUTING_KEY).unwrap_or_default(),
            user: text(USER),
        })
    }

    /// Removes what states an origin.
    pub(super) fn remove(headers: &mut Headers) {
        for name in [EXCHANGE, ROUTING_KEY, USER] {
            headers.remove(name);
        }
    }
}
