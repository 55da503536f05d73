//! Which message crashes its workers.
//!
//! When a worker dies, everything it had in hand returns to the queue, and the broker counts one more delivery of each.
//! So the count alone does not tell a message that kills from its neighbours. A message that came back again and again
//! becomes a *suspect*: it is stored anew, which begins its count afresh, and is worked on alone. Who then comes back did
//! it itself, and is set aside in the end.

use super::delay::Verdict;
use crate::{Message, topology::WORK_DELIVERY_LIMIT};

/// So many returns make a message a suspect.
const SUSPECT_AFTER: i64 = 3;
/// A suspect is worked on so often.
const TRIES_ALONE: i64 = 4;

/// What the returns of a message require; nothing if they require nothing.
pub(crate) fn verdict(message: &Message) -> Option<Verdict> {
    match (message.returns(), message.suspicion()) {
        // One more return to the queue, and the broker would set it aside: without its origin.
        (returns, _) if returns >= WORK_DELIVERY_LIMIT => Some(Verdict::Crashing),
        (returns, 0) => (returns >= SUSPECT_AFTER).then_some(Verdict::Suspect(1)),
        (0, _) => None,
        (_, tries) if tries >= TRIES_ALONE => Some(Verdict::Crashing),
        (_, tries) => Some(Verdict::Suspect(tries.saturating_add(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::types::{AMQPValue, FieldTable};

    use crate::message::headers::Headers;

    #[test]
    fn only_who_comes_back_alone_is_set_aside() {
        let rows = [
            (0, 0, None),
            (2, 0, None),
            (3, 0, Some(Verdict::Suspect(1))),
            (0, 1, None),
            (0, 4, None),
            (1, 1, Some(Verdict::Suspect(2))),
            (1, 3, Some(Verdict::Suspect(4))),
            (1, 4, Some(Verdict::Crashing)),
            (20, 0, Some(Verdict::Crashing)),
        ];
        for (returns, suspicion, expected) in rows {
            let mut table = FieldTable::default();
            table.insert("x-delivery-count".into(), AMQPValue::LongLongInt(returns));
            table.insert("gatehouse-suspect".into(), AMQPValue::LongLongInt(suspicion));
            let headers = Headers::from_wire(Some(&table));
            let message = Message { headers, redelivered: returns > 0, ..Message::default() };
            assert_eq!(verdict(&message), expected, "{returns} {suspicion}");
        }
    }
}
