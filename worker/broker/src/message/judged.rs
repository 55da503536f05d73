//! Finds out who wrote a message that arrived.

use super::{Message, headers::Value, origin::Origin, signature::Keys};
use crate::{Error, Topology, dead_letters::letter};

/// Every header of the worker's own starts with this.
const OURS: &str = "gatehouse-";

impl Message {
    /// This message with its origin. Headers of the worker's own are removed unless a worker or an operator wrote them.
    #[must_use]
    pub(crate) fn judged(mut self, topology: &Topology, keys: Option<&Keys>) -> Self {
        let stated = Origin::stated(&self.headers);
        let is_work = self.exchange == topology.work();
        let is_letter = !is_work && self.exchange == topology.dead();
        // If the broker set the message aside, its headers are the publisher's. Workers send no `x-death`. A message
        // from the delay has one too, but comes through the work exchange.
        let is_brokers_letter = is_letter && self.headers.get("x-death").is_some();
        let is_signed = || keys.is_none_or(|keys| keys.accept(&self.headers, [&stated.signed(), &self.body]));
        if (is_work || is_letter) && !is_brokers_letter && is_signed() {
            Origin::remove(&mut self.headers);
            self.origin = stated;
        } else {
            // Why an unsigned letter was set aside is only shown.
            let is_shown = |name: &str| is_letter && name.starts_with(letter::PREFIX);
            self.headers.retain(|name| !name.starts_with(OURS) || is_shown(name));
            self.origin = if is_brokers_letter { self.published_before_death() } else { self.published() };
        }
        self
    }

    /// This message, a dead letter out of a file, with its origin. A file proves less than an exchange: without a valid
    /// signature no message in it is a worker's, and none of a publisher has what could give it rights.
    ///
    /// # Errors
    /// When it says that a worker wrote it and no signature proves that.
    pub(crate) fn imported(mut self, topology: &Topology, keys: Option<&Keys>) -> Result<Self, Error> {
        let stated = Origin::stated(&self.headers);
        if keys.is_some_and(|keys| keys.vouch(&self.headers, [&stated.signed(), &self.body])) {
            Origin::remove(&mut self.headers);
            self.origin = stated;
            return Ok(self);
        }
        let Origin::Publisher { exchange, routing_key, .. } = stated else {
            return Err(Error::invalid(
                "a worker wrote this message, and no signature proves that: export and import with worker.key_file set to \
                 the key of the workers, or publish its event again",
            ));
        };
        self.headers.retain(|name| !name.starts_with(OURS) || name.starts_with(letter::PREFIX));
        // To say that it came through the shared exchange gives it no right.
        let exchange = Some(exchange).filter(|exchange| *exchange == topology.events());
        let exchange = exchange.unwrap_or_else(|| topology.dead());
        self.origin = Origin::Publisher { exchange, routing_key, user: None };
        Ok(self)
    }

    /// The origin that the delivery states.
    fn published(&self) -> Origin {
        let (exchange, routing_key) = (self.exchange.clone(), self.routing_key.clone());
        Origin::Publisher { exchange, routing_key, user: self.user.clone() }
    }

    /// The origin that the broker states in its letter. A publisher can send an `x-death` too, so the exchange in it
    /// proves nothing and is only shown.
    fn published_before_death(&self) -> Origin {
        let newest = match self.headers.get("x-death") {
            Some(Value::List(deaths)) => deaths.first(),
            _ => None,
        };
        let Some(Value::Table(newest)) = newest else { return self.published() };
        let exchange = newest.get("exchange").and_then(Value::as_text).unwrap_or_default().to_owned();
        let routing_key = match newest.get("routing-keys") {
            Some(Value::List(keys)) => keys.first().and_then(Value::as_text).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        Origin::Publisher { exchange, routing_key, user: self.user.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::{REPLAYS, headers::OwnHeaders},
        testing,
    };

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn keys() -> Keys {
        Keys::parse(KEY, false).unwrap()
    }

    /// A message through this exchange, written with these keys, that claims to have been replayed twice.
    fn through(exchange: &str, origin: &Origin, written_with: Option<&Keys>) -> Message {
        let mut headers = OwnHeaders::default();
        headers.put(REPLAYS, Value::Int(2));
        origin.write(&mut headers, b"{}", written_with);
        let arrived = testing::arrived(&headers);
        let (body, user) = (b"{}".to_vec(), Some("hr".to_owned()));
        Message {
            exchange: exchange.to_owned(),
            routing_key: "order.placed".to_owned(),
            user,
            body,
            ..arrived
        }
    }

    fn judged(message: Message, keys: Option<&Keys>) -> (Origin, u32) {
        let judged = message.judged(&testing::topology(), keys);
        assert_eq!(judged.headers.get("gatehouse-origin-exchange"), None, "the origin is no header any more");
        (judged.origin.clone(), judged.replays())
    }

    fn published_to(exchange: &str) -> Origin {
        let (exchange, user) = (exchange.to_owned(), Some("hr".to_owned()));
        Origin::Publisher { exchange, routing_key: "order.placed".to_owned(), user }
    }

    #[test]
    fn only_the_work_exchange_makes_a_message_a_workers_own() {
        for exchange in ["gatehouse.events", "", "hr.events", "gatehouse.results", "gatehouse.delay.1s"] {
            let (origin, replays) = judged(through(exchange, &Origin::Worker, None), None);
            assert_eq!((origin, replays), (published_to(exchange), 0), "{exchange}");
        }
        for exchange in ["gatehouse.work", "gatehouse.dead"] {
            assert_eq!(judged(through(exchange, &Origin::Worker, None), None), (Origin::Worker, 2));
        }
    }

    #[test]
    fn with_keys_it_has_to_be_signed_as_well() {
        let (keys, other) = (keys(), Keys::parse("fedcba9876543210fedcba9876543210", false).unwrap());
        let work = "gatehouse.work";
        assert_eq!(judged(through(work, &Origin::Worker, Some(&keys)), Some(&keys)), (Origin::Worker, 2));
        for forged in [None, Some(&other)] {
            let (origin, replays) = judged(through(work, &Origin::Worker, forged), Some(&keys));
            assert_eq!((origin, replays), (published_to(work), 0));
        }
    }

    #[test]
    fn a_replay_keeps_the_origin_and_no_signature_moves_it() {
        let (keys, events) = (keys(), published_to("gatehouse.events"));
        for keys in [None, Some(&keys)] {
            let replayed = through("gatehouse.work", &events, keys);
            assert_eq!(judged(replayed, keys), (events.clone(), 2), "an operator counts the replays");
        }
        let mut cut = through("gatehouse.work", &events, Some(&keys));
        Origin::remove(&mut cut.headers);
        assert_eq!(
            judged(cut, Some(&keys)).0,
            published_to("gatehouse.work"),
            "the signature covers the origin"
        );
    }

    #[test]
    fn what_the_broker_set_aside_is_never_a_workers_own() {
        use lapin::types::{AMQPValue, FieldTable};
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut death = FieldTable::default();
        death.insert("exchange".into(), text("gatehouse.work"));
        death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![text("order.placed")].into()));
        let mut table = FieldTable::default();
        table.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
        table.insert(REPLAYS.as_str().into(), AMQPValue::LongInt(2));
        let headers = crate::Headers::from_wire(Some(&table));
        let user = Some("hr".to_owned());
        let message = Message { exchange: "gatehouse.dead".to_owned(), user, headers, ..Message::default() };
        assert_eq!(judged(message.clone(), None), (published_to("gatehouse.work"), 0));
        let back_from_delay = Message { exchange: "gatehouse.work".to_owned(), ..message };
        assert_eq!(judged(back_from_delay, None), (Origin::Worker, 2));
    }
}
