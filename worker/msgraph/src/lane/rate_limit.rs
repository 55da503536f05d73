//! A published limit: a number of units in a span of time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::limits::Limit;
use super::share::Share;

/// The number of parts of a span. Units taken within one part count as taken at its last moment.
const PARTS: u32 = 64;
/// How exactly a time is found while the share changes.
const EXACTLY: Duration = Duration::from_millis(1);

/// What is wanted of a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) units: u32,
    pub(super) locks_out: bool,
}

/// Counts the units taken in the last span.
///
/// **Guarantee.** No stretch of time as long as the span takes more than the share of the limit. A sliding window is the
/// strictest way to count, so it satisfies every other. A call that costs more than the whole limit is sent when nothing
/// else was. What is kept for lock-outs is out of reach for every other call, however long it waits, and within reach of
/// lock-outs also when the share has shrunk below what was taken, or is still to begin.
#[derive(Debug)]
pub(super) struct RateLimit {
    limit: Limit,
    used: Used,
    taken: VecDeque<Taken>,
}

/// The units that count at some time.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    units: u32,
    /// Those of lock-outs among them.
    by_lock_outs: u32,
}

#[derive(Debug)]
struct Taken {
    first: Instant,
    last: Instant,
    used: Used,
}

impl RateLimit {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, used: Used::default(), taken: VecDeque::new() }
    }

    /// When there is room in this share of the limit; `now` if there is.
    pub(super) fn room_at(&mut self, now: Instant, wanted: Wanted, share: &Share) -> Instant {
        self.forget(now);
        let span = self.limit.span;
        let mut bends = share.bends(now, span).into_iter().peekable();
        let mut expiring = self.taken.iter().peekable();
        let (mut at, mut used) = (now, self.used);
        loop {
            if self.has_room(wanted, used, at, share) {
                return at;
            }
            let expires = expiring.peek().map(|taken| taken.last + span);
            let Some(next) = bends.peek().copied().into_iter().chain(expires).min() else { return at };
            // Until then nothing expires, and the mean share only grows or only shrinks.
            if self.has_room(wanted, used, next, share) {
                return self.first_with_room(at, next, wanted, used, share);
            }
            at = next;
            bends.next_if_eq(&next);
            while let Some(taken) = expiring.next_if(|taken| taken.last + span <= next) {
                used = used.without(taken.used);
            }
        }
    }

    pub(super) fn take(&mut self, now: Instant, Wanted { units, locks_out }: Wanted) {
        let more = Used { units, by_lock_outs: if locks_out { units } else { 0 } };
        self.used = self.used.with(more);
        match self.taken.back_mut() {
            Some(latest) if now < latest.first + self.limit.span / PARTS => {
                latest.last = now;
                latest.used = latest.used.with(more);
            }
            _ => self.taken.push_back(Taken { first: now, last: now, used: more }),
        }
    }

    /// Whether no taken unit counts any more.
    pub(super) fn is_empty(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.taken.is_empty()
    }

    fn has_room(&self, Wanted { units, locks_out }: Wanted, used: Used, at: Instant, share: &Share) -> bool {
        let (most, reserve) = self.limit.shared(share.mean(at, self.limit.span));
        let all = used.units.saturating_add(units);
        if used.units == 0 {
            return true;
        }
        if locks_out {
            let (_, reserve) = self.limit.shared(share.planned());
            return all <= most || used.by_lock_outs.saturating_add(units) <= reserve;
        }
        all <= most.saturating_sub(reserve)
    }

    /// The first time of a stretch with room, if there is room at its end.
    fn first_with_room(
        &self,
        from: Instant,
        to: Instant,
        wanted: Wanted,
        used: Used,
        share: &Share,
    ) -> Instant {
        let (mut without, mut with) = (from, to);
        while with - without > EXACTLY {
            let middle = without + (with - without) / 2;
            if self.has_room(wanted, used, middle, share) {
                with = middle;
            } else {
                without = middle;
            }
        }
        with
    }

    fn forget(&mut self, now: Instant) {
        while let Some(earliest) = self.taken.front().filter(|taken| taken.last + self.limit.span <= now) {
            self.used = self.used.without(earliest.used);
            self.taken.pop_front();
        }
    }
}

impl Used {
    fn with(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            by_lock_outs: self.by_lock_outs.saturating_add(other.by_lock_outs),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_sub(other.units),
            by_lock_outs: self.by_lock_outs.saturating_sub(other.by_lock_outs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(600);
    const ONE: Wanted = Wanted { units: 1, locks_out: false };
    const LOCK_OUT: Wanted = Wanted { units: 1, locks_out: true };

    fn limit(units: u32, seconds: u64) -> RateLimit {
        let span = Duration::from_secs(seconds);
        RateLimit::new(Limit { units, span, has_reserve: false })
    }

    #[test]
    fn no_stretch_of_time_takes_more_than_the_limit() {
        let start = Instant::now();
        let span = Duration::from_secs(600);
        let (mut limit, whole) = (limit(14, 600), Share::new(1.0));
        let mut now = start;
        let mut times = Vec::new();
        for _ in 0..60 {
            now = limit.room_at(now, ONE, &whole).max(now);
            limit.take(now, ONE);
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
        let (mut limit, whole) = (limit(3, 1), Share::new(1.0));
        let dear = Wanted { units: 5, locks_out: false };
        assert_eq!(limit.room_at(now, dear, &whole), now);
        limit.take(now, dear);
        assert_eq!(limit.room_at(now, ONE, &whole), now + Duration::from_secs(1));
        assert!(limit.is_empty(now + Duration::from_secs(1)));
    }

    /// Workers that have work without end share a limit as they come and go: one, from 30 s on four, from 60 s on one.
    /// Each takes as early as it may.
    #[test]
    fn while_workers_come_and_go_they_take_all_of_the_limit_and_no_more() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let late = Duration::from_secs(3);
        let (came, went) = (at(30.0), at(60.0));
        let mut workers = [1.0, 0.0, 0.0, 0.0].map(|share| (limit(1_000, 10), Share::new(share)));
        let mut times: Vec<Instant> = Vec::new();
        for step in 0..9_000 {
            let now = at(f64::from(step) / 100.0);
            for (number, (limit, share)) in workers.iter_mut().enumerate() {
                let is_alone = now < came || now >= went;
                if is_alone && number > 0 {
                    continue;
                }
                share.go_to(if is_alone { 1.0 } else { 0.25 }, now, late, LONGEST);
                // No more than this in a moment: work that comes evenly.
                for _ in 0..if now < at(10.0) { 1 } else { 2 } {
                    if limit.room_at(now, ONE, share) <= now {
                        limit.take(now, ONE);
                        times.push(now);
                    }
                }
            }
        }
        let taken = |seconds: f64| {
            let (from, to) = (at(seconds - 10.0), at(seconds));
            times.iter().filter(|time| **time > from && **time <= to).count()
        };
        let counts: Vec<_> = (10..90).map(|second| taken(f64::from(second))).collect();
        assert!(counts.iter().all(|count| *count <= 1_015), "{counts:?}");
        // What others have given up lies idle until the new ones begin, three seconds later; what three workers left until
        // they are known to be gone.
        assert!(counts[..17].iter().all(|count| *count > 950), "{counts:?}");
        assert!(counts[17..34].iter().all(|count| *count > 700), "{counts:?}");
        assert!(counts[34..50].iter().all(|count| *count > 950), "{counts:?}");
        assert!(counts[74..].iter().all(|count| *count > 950), "{counts:?}");
    }

    #[test]
    fn a_growing_share_has_room_when_it_has_grown_enough() {
        let now = Instant::now();
        let (mut limit, mut share) = (limit(100, 100), Share::new(0.0));
        share.go_to(0.5, now, Duration::from_secs(6), LONGEST);
        limit.take(now, ONE);
        // Half a unit a second from the sixth on: two units after four.
        let room_at = limit.room_at(now, ONE, &share) - now;
        assert!(room_at.abs_diff(Duration::from_secs(10)) <= EXACTLY, "{room_at:?}");
    }

    #[test]
    fn a_lock_out_has_its_reserve_although_the_share_shrank_or_is_still_to_begin() {
        let now = Instant::now();
        let mut limit = RateLimit::new(Limit { units: 100, span: LONGEST, has_reserve: true });
        let mut share = Share::new(1.0);
        (0..90).for_each(|_| limit.take(now, ONE));
        let later = now + LONGEST / 4;
        share.go_to(0.2, now, Duration::ZERO, LONGEST);
        assert!(limit.room_at(later, ONE, &share) > later);
        for _ in 0..2 {
            assert_eq!(limit.room_at(later, LOCK_OUT, &share), later);
            limit.take(later, LOCK_OUT);
        }
        assert!(limit.room_at(later, LOCK_OUT, &share) > later);

        let mut limit = RateLimit::new(Limit { units: 100, span: LONGEST, has_reserve: true });
        let mut share = Share::new(0.0);
        share.go_to(0.5, now, Duration::from_secs(6), LONGEST);
        for _ in 0..5 {
            assert_eq!(limit.room_at(now, LOCK_OUT, &share), now);
            limit.take(now, LOCK_OUT);
        }
        assert!(limit.room_at(now, LOCK_OUT, &share) > now);
        assert!(limit.room_at(now, ONE, &share) > now + Duration::from_secs(6));
    }
}
