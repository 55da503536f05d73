//! A published limit: a number of units in a span of time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The number of parts of a span. Units taken within one part count as taken at its last moment.
const PARTS: u32 = 64;

/// Counts the units taken in the last span.
///
/// **Guarantee.** No stretch of time as long as the span takes more than the limit. A sliding window is the strictest
/// way to count, so it satisfies every other. A call that costs more than the whole limit is sent when nothing else
/// was. What is kept for lock-outs is out of reach for every other call, however long it waits.
#[derive(Debug)]
pub(super) struct RateLimit {
    units: u32,
    /// The part of the units that only lock-outs may take.
    reserve: u32,
    span: Duration,
    used: u32,
    taken: VecDeque<Taken>,
}

#[derive(Debug)]
struct Taken {
    first: Instant,
    last: Instant,
    units: u32,
}

impl RateLimit {
    pub(super) fn new(units: u32, reserve: u32, span: Duration) -> Self {
        Self { units, reserve, span, used: 0, taken: VecDeque::new() }
    }

    /// When there is room for this many more units; `now` if there is room.
    pub(super) fn room_at(&mut self, now: Instant, units: u32, locks_out: bool) -> Instant {
        self.forget(now);
        let most = if locks_out { self.units } else { self.units.saturating_sub(self.reserve) };
        let mut used = self.used;
        let mut at = now;
        for taken in &self.taken {
            if used == 0 || used.saturating_add(units) <= most {
                break;
            }
            used -= taken.units;
            at = taken.last + self.span;
        }
        at
    }

    pub(super) fn take(&mut self, now: Instant, units: u32) {
        self.used = self.used.saturating_add(units);
        match self.taken.back_mut() {
            Some(latest) if now < latest.first + self.span / PARTS => {
                latest.last = now;
                latest.units = latest.units.saturating_add(units);
            }
            _ => self.taken.push_back(Taken { first: now, last: now, units }),
        }
    }

    /// Whether no taken unit counts any more.
    pub(super) fn is_empty(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.taken.is_empty()
    }

    fn forget(&mut self, now: Instant) {
        while let Some(earliest) = self.taken.front().filter(|taken| taken.last + self.span <= now) {
            self.used = self.used.saturating_sub(earliest.units);
            self.taken.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stretch_of_time_takes_more_than_the_limit() {
        let start = Instant::now();
        let span = Duration::from_secs(600);
        let mut limit = RateLimit::new(14, 0, span);
        let mut now = start;
        let mut times = Vec::new();
        for _ in 0..60 {
            now = limit.room_at(now, 1, false).max(now);
            limit.take(now, 1);
            times.push(now);
            now += Duration::from_secs(7);
        }
        for (index, at) in times.iter().enumerate() {
            let within = times[..=index].iter().filter(|other| *at - **other < span).count();
            assert!(within <= 14, "{within} at {index}");
        }
        // Taken as fast as allowed: 14 at a time, then the wait.
        assert!(times[56] - start < span * 4 + span / PARTS * 5);
    }

    #[test]
    fn a_call_dearer_than_the_limit_goes_when_nothing_else_has() {
        let now = Instant::now();
        let mut limit = RateLimit::new(3, 0, Duration::from_secs(1));
        assert_eq!(limit.room_at(now, 5, false), now);
        limit.take(now, 5);
        assert_eq!(limit.room_at(now, 1, false), now + Duration::from_secs(1));
        assert!(limit.is_empty(now + Duration::from_secs(1)));
    }
}
