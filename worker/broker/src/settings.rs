//! The broker's address, the work queues, and the limits.

use std::{fmt, net::IpAddr, num::NonZeroU16, time::Duration};

use lapin::uri::AMQPScheme;
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Keys, Retention, Topology, WorkQueue};

/// What a connection, a consumer or a command-line tool needs to know about the broker.
#[derive(Clone)]
pub struct Settings {
    /// `amqp://user:password@host:port/vhost`, or `amqps://`; holds a password, so it is never printed.
    pub url: SecretString,
    /// The first part of every exchange and queue name.
    pub prefix: String,
    /// The work queues. The exchanges, the delay and the history exist without them.
    pub work_queues: Vec<WorkQueue>,
    /// Publishers that have an exchange of their own for events.
    pub publishers: Vec<String>,
    /// The name of this process in the broker's list of connections.
    pub process: String,
    /// How many deliveries are held and how many handlers run at once. It is one number, because the
    /// broker also counts a delivery when a message that was only prefetched goes back.
    pub prefetch: NonZeroU16,
    /// How many publishes run at once in a session; each has a channel of its own.
    pub publishes: NonZeroU16,
    /// A connection silent for this long is dead; it takes about twice as long to notice.
    pub heartbeat: Duration,
    /// Limit for opening a session, from the first packet until it is ready.
    pub connect_timeout: Duration,
    /// Limit for one publish with its confirm; it pauses while the broker blocks publishers.
    pub publish_timeout: Duration,
    /// How long a shutdown waits for running handlers.
    pub grace: Duration,
    /// Whether to declare missing exchanges and queues (needs the configure permission) or only to check them.
    pub declare: bool,
    /// How much of the history is kept, if it does not exist yet: one that exists stays as it is.
    pub history_kept: Retention,
    /// The same of what runs took away.
    pub snapshots_kept: Retention,
    /// Sign and verify the messages between workers. Without keys only the exchange tells them from others.
    pub keys: Option<Keys>,
}

impl Settings {
    /// Settings with the defaults for everything but the address and the work queues.
    #[must_use]
    pub fn new(url: SecretString, work_queues: Vec<WorkQueue>) -> Self {
        Self {
            url,
            prefix: "gatehouse".to_owned(),
            work_queues,
            publishers: Vec::new(),
            process: "gatehouse".to_owned(),
            prefetch: NonZeroU16::MIN.saturating_add(31),
            publishes: NonZeroU16::MIN.saturating_add(31),
            heartbeat: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(15),
            publish_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            declare: true,
            history_kept: Retention::HISTORY,
            snapshots_kept: Retention::SNAPSHOTS,
            keys: None,
        }
    }

    /// The names and arguments of every exchange and queue under these settings.
    ///
    /// # Errors
    /// When the prefix or a work queue's name cannot be part of an AMQP name.
    pub fn topology(&self) -> Result<Topology, Error> {
        let topology = Topology::new(&self.prefix, self.work_queues.clone())?;
        Ok(topology.with_publishers(&self.publishers)?.keeping(self.history_kept, self.snapshots_kept))
    }

    /// The user who connects, for whoever compares it with that of a message.
    ///
    /// # Errors
    /// When the address is not valid.
    pub fn user(&self) -> Result<String, Error> {
        Ok(self.uri()?.authority.userinfo.username)
    }

    /// The host, if passwords and people would cross a network to it unencrypted.
    ///
    /// # Errors
    /// When the address is not valid.
    pub fn unencrypted_host(&self) -> Result<Option<String>, Error> {
        let uri = self.uri()?;
        let host = uri.authority.host;
        let is_here =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        Ok(Some(host).filter(|_| uri.scheme == AMQPScheme::AMQP && !is_here))
    }

    /// The address in lapin's form. The parser's own error quotes the address, so it is replaced.
    pub(crate) fn uri(&self) -> Result<lapin::uri::AMQPUri, Error> {
        let text = self.url.expose_secret();
        let mut uri: lapin::uri::AMQPUri = text.parse().map_err(|_| {
            Error::invalid(
                "the broker's address is not valid; write amqp://user:password@host:5672/%2f, and percent-encode \
                 special characters in the password",
            )
        })?;
        if let Some(literal) = ipv6_literal(text) {
            // amq-protocol-uri 10.6.3 reads the host with `Url::domain`, which is empty for an IPv6
            // literal, and then silently connects to localhost (seen 2026-11-21).
            uri.authority.host = literal.to_owned();
        }
        uri.query.heartbeat = Some(u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX));
        Ok(uri)
    }
}

fn ipv6_literal(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_prefix('[')?.split_once(']').map(|(literal, _)| literal)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &"[secret]")
            .field("prefix", &self.prefix)
            .field("work_queues", &self.work_queues)
            .field("publishers", &self.publishers)
            .field("process", &self.process)
            .field("prefetch", &self.prefetch)
            .field("publishes", &self.publishes)
            .field("heartbeat", &self.heartbeat)
            .field("connect_timeout", &self.connect_timeout)
            .field("publish_timeout", &self.publish_timeout)
            .field("grace", &self.grace)
            .field("declare", &self.declare)
            .field("history_kept", &self.history_kept)
            .field("snapshots_kept", &self.snapshots_kept)
            .field("keys", &self.keys)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings::new(url.to_owned().into(), Vec::new())
    }

    #[test]
    fn the_password_is_in_no_debug_text_and_no_error() {
        let good = settings("amqp://worker:hunter2@localhost");
        assert!(!format!("{good:?}").contains("hunter2"));
        for bad in ["http://worker:hunter2@localhost", "worker:hunter2@", "amqp:hunter2", ""] {
            let error = settings(bad).uri().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn an_ipv6_literal_is_the_host_and_not_localhost() {
        let uri = settings("amqp://u:p@[2001:db8::1]:5673/%2f").uri().unwrap();
        assert_eq!((uri.authority.host.as_str(), uri.authority.port), ("2001:db8::1", 5673));
        assert_eq!(settings("amqp://10.0.0.7").uri().unwrap().authority.host, "10.0.0.7");
    }

    #[test]
    fn only_an_unencrypted_way_to_another_machine_is_open_to_others() {
        let host = |url: &str| settings(url).unencrypted_host().unwrap();
        for here in [
            "amqp://127.0.0.1",
            "amqp://u:p@localhost:5673",
            "amqp://[::1]",
            "amqps://rabbit.contoso.example",
        ] {
            assert_eq!(host(here), None, "{here}");
        }
        assert_eq!(host("amqp://u:p@rabbit.contoso.example/%2f").as_deref(), Some("rabbit.contoso.example"));
        assert_eq!(host("amqp://10.0.0.7").as_deref(), Some("10.0.0.7"));
    }

    #[test]
    fn the_heartbeat_of_the_settings_wins_over_the_default_of_a_minute() {
        assert_eq!(settings("amqp://localhost").uri().unwrap().query.heartbeat, Some(15));
    }
}
