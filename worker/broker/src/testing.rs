//! What the unit tests of this crate share.

use crate::{Headers, Message, OwnHeaders, Topology, WorkQueue};

/// A topology with one work queue, `gatehouse.orders`.
pub(crate) fn topology() -> Topology {
    let orders = WorkQueue::new("orders", ["order.placed", "order.cancelled"]);
    Topology::new("gatehouse", vec![orders]).unwrap()
}

/// A message that arrived with these headers.
pub(crate) fn arrived(headers: &OwnHeaders) -> Message {
    let table = headers.to_wire().unwrap();
    Message { headers: Headers::from_wire(Some(&table)), ..Message::default() }
}
