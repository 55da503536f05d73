//! A dead letter as one line of JSON: it can be kept outside the broker, and come back.
//!
//! **Guarantee**: what comes back is never trusted more than what left. A line states who wrote its message, and is
//! signed where there is a key, as a replay is. Without a valid signature a line proves nothing: a message that it says is a
//! worker's is refused, and one of a publisher comes back without the user and the exchange that would give it rights.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, value::RawValue};

use super::{DeadLetters, Filter};
use crate::{
    Entry, Error, Headers, Message, Outgoing, Settings, Topology,
    message::{json, signature::Keys},
};

/// The form of a line. Another one is refused.
const VERSION: u8 = 1;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: u8,
    /// Only shown: it follows from the rest.
    id: String,
    /// The work queue it belongs to.
    queue: String,
    properties: Map<String, Json>,
    headers: Map<String, Json>,
    /// The body, byte for byte, if it is JSON on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
    /// Any other body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A dead letter that is to come back.
#[derive(Debug)]
pub struct Portable {
    queue: String,
    entry: Entry,
    outgoing: Outgoing,
}

impl DeadLetters {
    /// A dead letter as a line of JSON, without its end.
    ///
    /// # Errors
    /// When it is of no work queue: a message that no queue was bound for can be published again.
    pub fn line_of(&self, entry: &Entry, message: &Message) -> Result<String, Error> {
        let queue = match self.queue.strip_suffix(".dlq") {
            Some(queue) if !self.unrouted => queue.to_owned(),
            _ => return Err(Error::invalid("only dead letters of a work queue can be exported")),
        };
        let dead = Outgoing::dead(queue.as_str(), &entry.letter, message);
        let encoded = dead.encode(&self.topology, self.keys.as_ref(), Timestamp::now())?;
        let headers = Headers::from_wire(encoded.properties.headers().as_ref());
        let text = std::str::from_utf8(&message.body).ok().filter(|text| !text.contains(['\n', '\r']));
        // Read from a text it is kept byte for byte, but for spaces around it.
        let body = text.and_then(|text| serde_json::from_str::<Box<RawValue>>(text).ok());
        let body = body.filter(|body| Some(body.get()) == text);
        let line = Line {
            version: VERSION,
            id: entry.id.clone(),
            queue,
            properties: json::of_properties(&message.properties),
            headers: json::of_headers(&headers),
            body_base64: body.is_none().then(|| STANDARD.encode(&message.body)),
            body,
        };
        serde_json::to_string(&line).map_err(|error| Error::invalid(format!("cannot be written: {error}")))
    }

    /// What names each dead letter that is there: those of a file that are among them are not added again.
    ///
    /// # Errors
    /// When the broker refuses or the connection is lost.
    pub async fn names(&self) -> Result<HashSet<String>, Error> {
        let letters = self.list_with(&Filter::default(), |entry, _| entry.digest.clone()).await?;
        // A list shows an id that several have with the digest already.
        let name = |(entry, digest): (Entry, String)| match entry.id.strip_suffix(&format!("~{digest}")) {
            Some(_) => entry.id,
            None => entry.full_id(),
        };
        Ok(letters.into_iter().map(name).collect())
    }

    /// Stores a dead letter, and then what `announce` makes of it.
    ///
    /// # Errors
    /// When one of them could not be stored.
    pub async fn add(
        &self,
        letter: &Portable,
        announce: impl Fn(&Entry, &Outgoing) -> Option<Outgoing>,
    ) -> Result<(), Error> {
        self.publisher.publish(&letter.outgoing).await?;
        match announce(&letter.entry, &letter.outgoing) {
            Some(announcement) => self.publisher.publish(&announcement).await,
            None => Ok(()),
        }
    }
}

impl Portable {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is none, its queue is unknown, or it says that a worker wrote it and no signature proves that.
    pub fn read(line: &str, settings: &Settings) -> Result<Self, Error> {
        Self::of(line, &settings.topology()?, settings.keys.as_ref())
    }

    fn of(line: &str, topology: &Topology, keys: Option<&Keys>) -> Result<Self, Error> {
        let line: Line =
            serde_json::from_str(line).map_err(|error| Error::invalid(format!("no dead letter: {error}")))?;
        if line.version != VERSION {
            return Err(Error::invalid(format!("its version is {}, and must be {VERSION}", line.version)));
        }
        let queue = topology.work_queue(&line.queue)?;
        let body = match (&line.body, &line.body_base64) {
            (Some(body), None) => Some(body.get().as_bytes().to_vec()),
            (None, Some(encoded)) => STANDARD.decode(encoded).ok(),
            _ => None,
        };
        let body = body.ok_or_else(|| Error::invalid("it has no body that can be read"))?;
        let headers =
            json::to_headers(&line.headers).ok_or_else(|| Error::invalid("its headers are none"))?;
        let properties =
            json::to_properties(&line.properties).ok_or_else(|| Error::invalid("its properties are none"))?;
        let (exchange, routing_key) = (topology.dead(), queue.clone());
        let message = Message { body, properties, headers, exchange, routing_key, ..Message::default() };
        let message = message.imported(topology, keys)?;
        let entry = Entry::new(&message, false);
        let outgoing = Outgoing::dead(queue.as_str(), &entry.letter, &message);
        // Everything about it that could be refused is refused now, before anything is stored.
        outgoing.encode(topology, keys, Timestamp::now())?;
        Ok(Self { queue, entry, outgoing })
    }

    /// The work queue that it belongs to.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// What names it among all dead letters, see [`DeadLetters::names`].
    #[must_use]
    pub fn name(&self) -> String {
        self.entry.full_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeadLetter, Origin, Properties, testing};

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn keys(key: &str, accept_unsigned: bool) -> Keys {
        Keys::parse(key, accept_unsigned).unwrap()
    }

    /// The line of a message, as it is exported with these keys.
    fn line(origin: Origin, body: &[u8], keys: Option<&Keys>) -> String {
        let properties = Properties { message_id: Some("m-1".to_owned()), ..Properties::default() };
        let message = Message { body: body.to_vec(), properties, origin, ..Message::default() };
        let letter = DeadLetter { replays: 2, ..DeadLetter::new("no_seat", "buy one") };
        let dead = Outgoing::dead("orders", &letter, &message);
        let encoded = dead.encode(&testing::topology(), keys, Timestamp::now()).unwrap();
        let headers = Headers::from_wire(encoded.properties.headers().as_ref());
        let line = Line {
            version: VERSION,
            id: "m-1".to_owned(),
            queue: "gatehouse.orders".to_owned(),
            properties: json::of_properties(&message.properties),
            headers: json::of_headers(&headers),
            body: None,
            body_base64: Some(STANDARD.encode(body)),
        };
        serde_json::to_string(&line).unwrap()
    }

    fn back(line: &str, keys: Option<&Keys>) -> Result<(Origin, u32, String), String> {
        let read = Portable::of(line, &testing::topology(), keys).map_err(|error| error.to_string())?;
        Ok((read.entry.origin, read.entry.letter.replays, read.entry.letter.class))
    }

    fn publisher(exchange: &str, user: Option<&str>) -> Origin {
        let (exchange, user) = (exchange.to_owned(), user.map(str::to_owned));
        Origin::Publisher { exchange, routing_key: "order.placed".to_owned(), user }
    }

    #[test]
    fn what_the_key_vouches_for_comes_back_as_it_was() {
        let keys = keys(KEY, false);
        for origin in [Origin::Worker, publisher("gatehouse.from.hr", Some("hr"))] {
            let line = line(origin.clone(), b"{}", Some(&keys));
            assert_eq!(back(&line, Some(&keys)), Ok((origin, 2, "no_seat".to_owned())));
        }
    }

    #[test]
    fn without_a_valid_signature_nothing_is_a_workers() {
        let (key, other) = (keys(KEY, false), keys("fedcba9876543210fedcba9876543210", false));
        let lenient = keys(KEY, true);
        let signed = line(Origin::Worker, b"{}", Some(&key));
        let unsigned = line(Origin::Worker, b"{}", None);
        let changed = line(Origin::Worker, b"{}", Some(&key)).replace("e30=", "e30K");
        for (line, keys) in [
            (&signed, None),
            (&signed, Some(&other)),
            (&unsigned, None),
            (&unsigned, Some(&key)),
            (&unsigned, Some(&lenient)),
            (&changed, Some(&key)),
        ] {
            let refused = back(line, keys).unwrap_err();
            assert!(refused.contains("worker.key_file"), "{refused}");
        }
    }

    #[test]
    fn without_a_valid_signature_a_publisher_has_no_rights_and_no_origin_can_be_cut_off() {
        let key = keys(KEY, false);
        for (stated, comes_back_to) in [
            (publisher("gatehouse.events", Some("hr")), "gatehouse.events"),
            (publisher("gatehouse.from.hr", None), "gatehouse.dead"),
            (publisher("gatehouse.work", Some("hr")), "gatehouse.dead"),
        ] {
            for keys in [None, Some(&key)] {
                let (origin, replays, class) = back(&line(stated.clone(), b"{}", None), keys).unwrap();
                assert_eq!(origin, publisher(comes_back_to, None));
                // Why it was set aside is only shown; how often it was replayed, nobody says any more.
                assert_eq!((replays, class.as_str()), (0, "no_seat"));
            }
        }
        let signed = line(publisher("gatehouse.events", Some("hr")), b"{}", Some(&key));
        let mut cut: Json = serde_json::from_str(&signed).unwrap();
        cut["headers"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("gatehouse-origin"));
        assert!(back(&cut.to_string(), Some(&key)).is_err(), "the signature covers the origin");
    }

    #[test]
    fn a_broken_line_says_what_is_wrong() {
        let good = line(publisher("gatehouse.events", None), b"{}", None);
        for (broken, says) in [
            ("", "no dead letter"),
            ("{}", "missing field"),
            (&good[..good.len() / 2], "EOF"),
            (&good.replace("\"version\":1", "\"version\":9"), "version is 9"),
            (&good.replace("gatehouse.orders\"", "gatehouse.nowhere\""), "there is no work queue"),
            (&good.replace("e30=", "?"), "no body"),
            (&good.replace("\"body_base64\"", "\"body_text\""), "unknown field"),
        ] {
            let refused = back(broken, None).unwrap_err();
            assert!(refused.contains(says), "{says}: {refused}");
        }
    }
}
