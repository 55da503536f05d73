//! What RabbitMQ's management API shows of the broker and AMQP does not: policies on our queues, alarms, and queues that
//! nobody needs any more. It only reads.

mod http;
mod queues;

use lapin::tcp::OwnedTLSConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use self::{
    http::Place,
    queues::{Queue, leftovers},
};
use crate::{Error, Inventory, Settings};

/// Of so many files in a hundred that a node may open, it soon can take no connection.
const NEARLY_ALL: u64 = 90;

/// The management API of a broker.
pub struct Management {
    place: Place,
    settings: Settings,
}

/// What the API showed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// What keeps the broker from its work, or loses messages: a sentence each.
    pub problems: Vec<String>,
    /// What is worth knowing, and what could not be seen.
    pub notes: Vec<String>,
}

/// A node of the broker. Newer versions of RabbitMQ do not say how many files it has open.
#[derive(Debug, Deserialize)]
struct Node {
    name: String,
    #[serde(default)]
    mem_alarm: bool,
    #[serde(default)]
    disk_free_alarm: bool,
    fd_used: Option<u64>,
    fd_total: Option<u64>,
}

impl Management {
    /// The API at this address, asked as the user of the broker's own address unless this one names another.
    ///
    /// # Errors
    /// When an address is not valid.
    pub fn new(url: &SecretString, settings: &Settings) -> Result<Self, Error> {
        let (user, password) = settings.credentials()?;
        Ok(Self { place: Place::new(url)?.or_user(user, password), settings: settings.clone() })
    }

    /// The host, if a password would cross a network to it unencrypted.
    #[must_use]
    pub fn unencrypted_host(&self) -> Option<&str> {
        self.place.unencrypted_host()
    }

    /// Looks at the queues of the inventory, and at the nodes.
    ///
    /// # Errors
    /// When the API does not answer, or does not know the user.
    pub async fn inspect(&self, inventory: &Inventory) -> Result<Inspection, Error> {
        let tls = self.settings.tls.config();
        let vhost = self.settings.vhost()?;
        let path = format!(
            "/api/queues/{}?columns=name,policy,operator_policy,effective_policy_definition,messages,consumers",
            utf8_percent_encode(&vhost, NON_ALPHANUMERIC)
        );
        if self.ask("/api/whoami", &tls).await?.is_none() {
            return Err(Error::configuration(format!(
                "broker.management_url: RabbitMQ refuses user `{user}`; check the password, and give the user the tag with \
                 `rabbitmqctl set_user_tags {user} monitoring`",
                user = self.place.user()
            )));
        }
        let mut found = Inspection::default();
        match self.ask(&path, &tls).await? {
            Some(queues) => {
                let queues: Vec<Queue> = serde_json::from_value(queues).map_err(unreadable)?;
                for queue in &queues {
                    let Some(arguments) = inventory.arguments(&queue.name) else { continue };
                    queue.judge(arguments, &mut found);
                }
                found.notes.extend(leftovers(&queues, &self.settings.prefix, inventory));
            }
            None => found.notes.push(format!(
                "policies were not seen: user `{}` may not see the vhost `{vhost}`; give it a permission there or the tag \
                 `monitoring`",
                self.place.user()
            )),
        }
        match self.ask("/api/nodes", &tls).await? {
            Some(nodes) => {
                let nodes: Vec<Node> = serde_json::from_value(nodes).map_err(unreadable)?;
                found.problems.extend(nodes.iter().flat_map(Node::problems));
            }
            None => found.notes.push(format!(
                "alarms of the nodes were not seen: user `{user}` needs the tag `monitoring`, as \
                 `rabbitmqctl set_user_tags {user} monitoring` gives it",
                user = self.place.user()
            )),
        }
        Ok(found)
    }

    async fn ask(&self, path: &str, tls: &OwnedTLSConfig) -> Result<Option<serde_json::Value>, Error> {
        self.place.ask(path, tls, self.settings.connect_timeout).await
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::configuration(format!(
        "broker.management_url: an answer is not as RabbitMQ documents it ({error}); check whether something else answers there"
    ))
}

impl Node {
    fn problems(&self) -> Vec<String> {
        let Self { name, .. } = self;
        let mut problems = Vec::new();
        if self.mem_alarm {
            problems.push(format!(
                "node {name} has a memory alarm and takes no messages; give it memory, or let workers empty its queues"
            ));
        }
        if self.disk_free_alarm {
            problems
                .push(format!("node {name} has a disk alarm and takes no messages; make room on its disk"));
        }
        if let (Some(used), Some(total)) = (self.fd_used, self.fd_total)
            && total > 0
            && used.saturating_mul(100) >= total.saturating_mul(NEARLY_ALL)
        {
            problems.push(format!(
                "node {name} has {used} of {total} files open; raise its limit, or close connections that nobody needs"
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_its_alarms_and_may_say_nothing_of_its_files() {
        let node = |text: &str| serde_json::from_str::<Node>(text).unwrap().problems();
        assert_eq!(node(r#"{"name":"a","mem_alarm":false,"fd_used":89,"fd_total":100}"#), [""; 0]);
        assert_eq!(node(r#"{"name":"a","fd_total":0,"fd_used":0}"#), [""; 0]);
        let all = node(r#"{"name":"a","mem_alarm":true,"disk_free_alarm":true,"fd_used":90,"fd_total":100}"#);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].contains("memory alarm") && all[1].contains("disk alarm"), "{all:?}");
        assert!(all[2].contains("90 of 100 files"), "{all:?}");
    }
}
