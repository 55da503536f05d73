//! The broker's address, the work queues, and the limits.

use std::{fmt, num::NonZeroU16, time::Duration};

use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Error, Keys, Retention, Topology, WorkQueue,
    address::{Tls, addresses, unencrypted_host},
};

/// What a connection, a consumer or a command-line tool needs to know about the broker.
#[derive(Clone)]
pub struct Settings {
    /// `amqp://user:password@host:port/vhost`, or `amqps://`; holds a password, so it is never printed. Several, with
    /// commas between them, are the nodes of one cluster.
    pub url: SecretString,
    /// Whom to trust and what to show on the way to an `amqps://` address.
    pub tls: Tls,
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
            tls: Tls::default(),
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
        Ok(self.first()?.authority.userinfo.username)
    }

    /// The user who connects, and the password.
    ///
    /// # Errors
    /// When the address is not valid.
    pub(crate) fn credentials(&self) -> Result<(String, SecretString), Error> {
        let user = self.first()?.authority.userinfo;
        Ok((user.username, user.password.into()))
    }

    /// The virtual host.
    ///
    /// # Errors
    /// When the address is not valid.
    pub(crate) fn vhost(&self) -> Result<String, Error> {
        Ok(self.first()?.vhost)
    }

    /// The first host to which passwords and people would cross a network unencrypted.
    ///
    /// # Errors
    /// When the address is not valid.
    pub fn unencrypted_host(&self) -> Result<Option<String>, Error> {
        Ok(unencrypted_host(self.addresses()?))
    }

    /// Each address in lapin's form: at least one.
    pub(crate) fn addresses(&self) -> Result<Vec<AMQPUri>, Error> {
        let mut addresses = addresses(self.url.expose_secret())?;
        for address in &mut addresses {
            address.query.heartbeat = Some(u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX));
        }
        Ok(addresses)
    }

    /// The first address: they agree in all but the node.
    fn first(&self) -> Result<AMQPUri, Error> {
        let first = self.addresses()?.into_iter().next();
        first.ok_or_else(|| Error::invalid("the broker has no address"))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &"[secret]")
            .field("certificate", &self.tls.certificate.is_some())
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
            let error = settings(bad).addresses().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_heartbeat_of_the_settings_wins_over_the_default_of_a_minute() {
        let addresses = settings("amqp://a,amqp://b").addresses().unwrap();
        assert!(addresses.iter().all(|address| address.query.heartbeat == Some(15)));
    }
}
