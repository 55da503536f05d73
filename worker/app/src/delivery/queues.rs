//! Which queue takes which events: the one table from which the broker's topology is built.

use std::time::Duration;

use broker::WorkQueue;
use messages::EventKind;

/// The queue of requests to run a workflow for a person.
pub const WORKFLOWS: &str = "workflows";

/// The queue of requests to lock a person out at once, and to take runs out, which nothing else may delay.
pub const ACCESS: &str = "access";

/// The queue of requests to read a tenant.
pub const SYNC: &str = "sync";

/// A pass over a large tenant takes hours, all of which it holds its message.
const SYNC_HELD_FOR: Duration = Duration::from_secs(86_400);

/// The queue that takes events of this kind.
pub fn queue_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Onboarding | EventKind::Offboarding | EventKind::Change | EventKind::Restore => WORKFLOWS,
        EventKind::AccessRevoke | EventKind::Cancel => ACCESS,
        EventKind::Sync => SYNC,
    }
}

/// Every work queue with the routing keys it takes.
pub fn work_queues() -> Vec<WorkQueue> {
    let of = |name| EventKind::ALL.into_iter().filter(move |kind| queue_of(*kind) == name);
    let queue = |name| WorkQueue::new(name, of(name).map(EventKind::routing_key));
    vec![queue(WORKFLOWS), queue(ACCESS), queue(SYNC).held_for(SYNC_HELD_FOR)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_goes_to_a_queue_that_is_declared() {
        let queues = work_queues();
        for kind in EventKind::ALL {
            let takes =
                queues.iter().filter(|queue| queue.event_keys.iter().any(|key| key == kind.routing_key()));
            let names: Vec<_> = takes.map(|queue| queue.name.as_str()).collect();
            assert_eq!(names, [queue_of(kind)], "{kind:?}");
        }
    }
}
