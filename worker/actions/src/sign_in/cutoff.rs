//! Whether a lock-out has to act: whether what it ends is older than its cut-off.

use jiff::{SignedDuration, Timestamp};

use crate::View;

/// How far the worker's clock and Graph's may be apart. Within it a lock-out acts once more, which does no harm; a
/// session that stays would.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);

/// What sessions and passwords must be younger than to stay.
#[derive(Clone, Copy, Debug)]
pub struct Cutoff(Timestamp);

impl Cutoff {
    /// The time that the workflow gives, of which the future counts as now. Otherwise when the step became due. The
    /// event's own time is no default: it can be long past, or as the publisher likes.
    pub fn of(given: Option<Timestamp>, graph: View<'_>) -> Self {
        Self::at(given, graph.due_since(), Timestamp::now())
    }

    pub(super) fn at(given: Option<Timestamp>, due_since: Timestamp, now: Timestamp) -> Self {
        let due = || due_since.checked_add(CLOCKS_APART).unwrap_or(Timestamp::MAX);
        Self(given.map_or_else(due, |given| given.min(now)))
    }

    /// Whether it was surely done after the cut-off. Graph cuts off the fraction of a second, so that a moment of the
    /// same second can lie before.
    pub fn is_before(self, done: Option<Timestamp>) -> bool {
        done.is_some_and(|done| done >= self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_older_than_the_event_does_not_count_as_done() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (due, now) = (at("2026-03-02T08:00:00.4Z"), at("2026-03-02T09:00:00Z"));
        let rows = [
            (None, None, false),
            (None, Some("2026-03-02T07:59:59Z"), false),
            (None, Some("2026-03-02T08:00:00Z"), false),
            // Graph's clock can be ahead of the worker's.
            (None, Some("2026-03-02T08:00:59Z"), false),
            (None, Some("2026-03-02T08:01:01Z"), true),
            (Some("2026-03-01T00:00:00Z"), Some("2026-03-01T00:00:00Z"), true),
            (Some("2026-03-01T00:00:00.7Z"), Some("2026-03-01T00:00:00Z"), false),
            (Some("2026-04-01T00:00:00Z"), Some("2026-03-02T08:59:59Z"), false),
            (Some("2026-04-01T00:00:00Z"), Some("2026-03-02T09:00:00Z"), true),
        ];
        for (given, done, expected) in rows {
            let cutoff = Cutoff::at(given.map(at), due, now);
            assert_eq!(cutoff.is_before(done.map(at)), expected, "{given:?} {done:?}");
        }
    }
}
