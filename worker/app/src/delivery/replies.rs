//! Where copies of results may go: a publisher names a queue in `reply_to`, and the operator says which are allowed.
//!
//! Without that every publisher could have the worker write into any queue of the virtual host.

use broker::Message;

use crate::settings::error::ConfigError;

/// The queues that events may name in `reply_to`.
#[derive(Clone, Debug, Default)]
pub struct AllowedReplies(Vec<String>);

/// Where copies of the results of one message go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copies {
    /// The event asks for none.
    None,
    /// To this queue.
    To {
        /// Its name.
        queue: String,
        /// The `correlation_id` of the publisher's message, by which the publisher recognizes the answer.
        correlation_id: Option<String>,
    },
    /// Nowhere: the queue that the event names is not allowed.
    Refused,
}

impl AllowedReplies {
    /// Reads patterns: the name of a queue, or its beginning followed by `*`.
    ///
    /// # Errors
    ///
    /// When a pattern is empty or has a `*` before its end.
    pub fn parse(patterns: &[String]) -> Result<Self, ConfigError> {
        let is_bad = |pattern: &&String| {
            pattern.is_empty() || pattern.strip_suffix('*').unwrap_or(pattern).contains('*')
        };
        match patterns.iter().find(is_bad) {
            None => Ok(Self(patterns.to_vec())),
            Some(pattern) => Err(ConfigError::Invalid(format!(
                "worker.reply_to: `{pattern}` is no pattern; write the name of a queue, or its beginning followed by *"
            ))),
        }
    }

    /// Where copies of the results of this message go.
    pub fn copies(&self, message: &Message) -> Copies {
        match message.properties.reply_to.as_deref().filter(|queue| !queue.is_empty()) {
            None => Copies::None,
            Some(queue) if self.0.iter().any(|pattern| matches(pattern, queue)) => {
                let correlation_id = message.asked_as().map(ToOwned::to_owned);
                Copies::To { queue: queue.to_owned(), correlation_id }
            }
            Some(_) => Copies::Refused,
        }
    }
}

fn matches(pattern: &str, queue: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => queue.starts_with(start),
        None => queue == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker::Properties;

    fn allowed(patterns: &[&str]) -> Result<AllowedReplies, String> {
        let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        AllowedReplies::parse(&patterns).map_err(|error| error.to_string())
    }

    #[test]
    fn copies_go_to_allowed_queues_only() {
        let allowed = allowed(&["amq.rabbitmq.reply-to.*", "gatehouse.replies.*", "hr"]).unwrap();
        let copies = |queue: &str| {
            let properties = Properties {
                reply_to: Some(queue.to_owned()),
                correlation_id: Some("ticket-7".to_owned()),
                ..Properties::default()
            };
            allowed.copies(&Message { properties, ..Message::default() })
        };
        for queue in ["amq.rabbitmq.reply-to.g1h2", "gatehouse.replies.hr", "hr"] {
            let correlation_id = Some("ticket-7".to_owned());
            assert_eq!(copies(queue), Copies::To { queue: queue.to_owned(), correlation_id });
        }
        for queue in ["payroll", "hr2", "gatehouse.replies", "gatehouse.workflows"] {
            assert_eq!(copies(queue), Copies::Refused, "{queue}");
        }
        assert_eq!(copies(""), Copies::None);
        assert_eq!(allowed.copies(&Message::default()), Copies::None);
    }

    #[test]
    fn a_pattern_that_would_not_do_what_it_says_is_refused() {
        for pattern in ["", "*.hr", "a**"] {
            assert!(allowed(&[pattern]).unwrap_err().contains("worker.reply_to"), "{pattern}");
        }
        assert!(allowed(&["*"]).is_ok());
    }
}
