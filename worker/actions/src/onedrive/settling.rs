//! Whether a target drive still grows. A job that reports `completed` may still copy for a while (onedrive-api-docs
//! issue 1239, 2020), and a drive's listing may lag behind (issue 934, 2018): only several looks at the drive tell.

use std::time::Duration;

use super::notes::{Note, Notes};

/// The first pause between two looks at a drive that may still grow.
const FIRST: Duration = Duration::from_secs(10);
/// The longest pause, unless the target counts as settled after less. With ten minutes there are some four hundred
/// looks in three days.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What is known of the growth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Growth {
    /// The number of items in the target at the last look.
    pub seen: Option<usize>,
    /// How many seconds the number will have been the same at the next look.
    pub quiet: u64,
    /// How many looks there were.
    pub looks: u32,
}

impl Growth {
    /// The notes about it.
    pub fn write(self) -> impl Iterator<Item = Note> {
        let quiet = (self.looks > 0).then_some(Note::Quiet { seconds: self.quiet, looks: self.looks });
        self.seen.map(Note::Seen).into_iter().chain(quiet)
    }

    /// The pause before the next look at a target that has this many items now, with what to note; nothing once it has
    /// been the same for `enough`.
    pub fn next(self, items: usize, enough: Duration) -> Option<(Duration, Self)> {
        let quiet = if self.seen == Some(items) { Duration::from_secs(self.quiet) } else { Duration::ZERO };
        // The first look tells nothing about growth, however long the pause was.
        let missing = enough.saturating_sub(quiet);
        if self.seen == Some(items) && missing.is_zero() {
            return None;
        }
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.looks)).min(LONGEST);
        let pause = longest.min(missing).max(Duration::from_secs(1));
        let quiet = (quiet + pause).as_secs();
        Some((pause, Self { seen: Some(items), quiet, looks: self.looks.saturating_add(1) }))
    }
}

impl Notes {
    /// These notes with what is known of the growth.
    pub fn growing(self, growth: Growth) -> Self {
        Self { growth, is_fresh: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENOUGH: Duration = Duration::from_secs(600);

    /// How often and how long a target is looked at that has these numbers of items, the last for good.
    fn watched(mut items: impl Iterator<Item = usize>) -> (u32, u64) {
        let (mut growth, mut waited) = (Growth::default(), 0);
        let mut now = items.next().unwrap();
        while let Some((pause, next)) = growth.next(now, ENOUGH) {
            (growth, waited) = (next, waited + pause.as_secs());
            now = items.next().unwrap_or(now);
        }
        (growth.looks, waited)
    }

    #[test]
    fn a_target_is_over_when_it_has_been_the_same_for_long_enough() {
        assert_eq!(watched([7].into_iter()), (6, 600));
        let (looks, waited) = watched(0..3);
        assert!(looks < 9 && waited >= 600 + 10 + 20, "{looks} looks, {waited} s");
        let (looks, waited) = watched((0..200).chain([200]));
        assert!(looks < 210 && waited > 30 * 3600, "{looks} looks, {waited} s");
    }

    #[test]
    fn a_target_that_shrinks_in_a_stale_listing_is_watched_on() {
        let growth = Growth { seen: Some(7), quiet: 600, looks: 6 };
        assert_eq!(growth.next(7, ENOUGH), None);
        let (pause, next) = growth.next(6, ENOUGH).unwrap();
        assert_eq!((pause.as_secs(), next.quiet, next.seen), (600, 600, Some(6)));
    }
}
