//! Schedules: work that comes by itself, however many workers there are and however often they restart.
//!
//! A schedule is a queue with room for one token. The token waits there for the interval, then the broker moves it into
//! a work queue. Whoever offers a token to a queue that has one is refused, so any number of workers may offer one at
//! any time: at most one fires in each interval.
//!
//! The queue is a classic one, because only there is the limit exact: two workers that offer at once to a quorum queue
//! may both succeed. Therefore it is not replicated, and a token may be lost with its node; it is offered again. For the
//! same reason no session waits for it: a queue whose node is down must not keep other work from starting.

use std::time::Duration;

use lapin::types::AMQPValue;

use super::{Binding, Queue, Topology, millis, table, text};

/// How much longer than its interval the queue of a schedule stays if no worker asks for it any more. A change of the
/// interval leaves the former queue behind.
const LEFT_BEHIND: Duration = Duration::from_secs(86_400);

/// Work that comes again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Names it among the schedules of its prefix.
    pub name: String,
    /// The work queue that its tokens go to, without the prefix.
    pub queue: String,
    /// How long a token waits. It is part of the queue's name: another interval is another queue.
    pub every: Duration,
}

impl Schedule {
    /// The full name of its queue.
    pub(crate) fn full_name(&self, topology: &Topology) -> String {
        let millis = self.every.as_millis();
        let every =
            if millis.is_multiple_of(1_000) { format!("{}s", millis / 1_000) } else { format!("{millis}ms") };
        topology.named(&format!("schedule.{}.{every}", self.name))
    }

    /// Its queue, and the way into it.
    pub(super) fn declared(&self, topology: &Topology) -> (Queue, Binding) {
        let name = self.full_name(topology);
        let expires = self.every.saturating_add(LEFT_BEHIND);
        let arguments: [(&str, AMQPValue); 7] = [
            ("x-queue-type", text("classic")),
            ("x-max-length", 1_i64.into()),
            ("x-overflow", text("reject-publish")),
            ("x-message-ttl", millis(self.every).into()),
            ("x-expires", millis(expires).into()),
            ("x-dead-letter-exchange", text(&topology.work())),
            ("x-dead-letter-routing-key", text(&topology.named(&self.queue))),
        ];
        let binding = Binding { queue: name.clone(), exchange: topology.work(), key: name.clone() };
        (Queue { name, arguments: table(arguments) }, binding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::topology;

    #[test]
    fn another_interval_is_another_queue() {
        let named = |every| {
            let schedule = Schedule { name: "contoso.users".to_owned(), queue: "orders".to_owned(), every };
            schedule.full_name(&topology())
        };
        assert_eq!(named(Duration::from_secs(300)), "gatehouse.schedule.contoso.users.300s");
        assert_eq!(named(Duration::from_millis(250)), "gatehouse.schedule.contoso.users.250ms");
    }
}
