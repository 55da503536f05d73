//! This process's share of the limits, which changes when workers come and go.

use std::time::Duration;

use tokio::time::Instant;

/// The share over time, what is planned included.
///
/// **Guarantee.** What a limit allows in a span is the [mean](Share::mean) share of that span. So if the shares of all
/// workers never add up to more than one, what they may take in any span adds up to no more than the limit, and a worker
/// whose share changes takes at once the pace of its new share: no burst, and no pause.
#[derive(Debug, Clone)]
pub(super) struct Share {
    /// Before the first step.
    first: f64,
    /// By time. The last is in force for ever, those ahead are planned.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    at: Instant,
    share: f64,
}

impl Share {
    /// A share that has always been the same.
    pub(super) fn new(share: f64) -> Self {
        Self { first: share, steps: Vec::new() }
    }

    /// Goes to this share: at once if it is smaller, else after `grows_in`. What was planned and is more is lowered.
    /// Forgets what is older than the longest span. Returns whether anything changes.
    pub(super) fn go_to(&mut self, share: f64, now: Instant, grows_in: Duration, longest: Duration) -> bool {
        while let Some(step) = self.steps.first().filter(|step| step.at + longest <= now) {
            self.first = step.share;
            self.steps.remove(0);
        }
        let passed = self.steps.partition_point(|step| step.at <= now);
        let is_less = share < self.now(now);
        let mut changes = is_less;
        for planned in self.steps.iter_mut().skip(passed).filter(|planned| planned.share > share) {
            planned.share = share;
            changes = true;
        }
        if is_less {
            self.steps.insert(passed, Step { at: now, share });
        } else if share > self.planned() {
            self.steps.push(Step { at: now + grows_in, share });
            changes = true;
        }
        changes
    }

    /// The share in force.
    pub(super) fn now(&self, now: Instant) -> f64 {
        let passed = self.steps.iter().rev().find(|step| step.at <= now);
        passed.map_or(self.first, |step| step.share)
    }

    /// The mean share in the span that ends then.
    pub(super) fn mean(&self, at: Instant, span: Duration) -> f64 {
        let mut before = self.first;
        let mut mean = self.first;
        for step in &self.steps {
            let part = at.saturating_duration_since(step.at).min(span);
            mean += (step.share - before) * part.as_secs_f64() / span.as_secs_f64();
            before = step.share;
        }
        mean
    }

    /// The times after `now` at which the mean begins or ceases to change, in order.
    pub(super) fn bends(&self, now: Instant, span: Duration) -> Vec<Instant> {
        let mut bends: Vec<_> = self.steps.iter().flat_map(|step| [step.at, step.at + span]).collect();
        bends.retain(|at| *at > now);
        bends.sort_unstable();
        bends
    }

    /// The share that it goes to, as far as is known.
    pub(super) fn planned(&self) -> f64 {
        self.steps.last().map_or(self.first, |step| step.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(600);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_share_shrinks_at_once_and_grows_late_and_its_mean_glides() {
        let start = Instant::now();
        let mut share = Share::new(1.0);
        share.go_to(0.5, start, seconds(5), LONGEST);
        let means = [0, 4, 10, 60].map(|at| share.mean(start + seconds(at), SPAN));
        assert_eq!(means, [1.0, 0.8, 0.5, 0.5]);

        share.go_to(1.0, start + seconds(100), seconds(5), LONGEST);
        assert!(
            !share.go_to(1.0, start + seconds(103), seconds(5), LONGEST),
            "looking again plans nothing new"
        );
        let means = [104, 105, 110, 115].map(|at| share.mean(start + seconds(at), SPAN));
        assert_eq!(means, [0.5, 0.5, 0.75, 1.0]);
        assert_eq!([104, 105].map(|at| share.now(start + seconds(at))), [0.5, 1.0]);
        assert_eq!(share.bends(start + seconds(104), SPAN), [105, 115].map(|at| start + seconds(at)));
    }

    #[test]
    fn a_growth_that_is_planned_is_lowered_by_who_comes_meanwhile() {
        let start = Instant::now();
        let mut share = Share::new(0.0);
        share.go_to(0.5, start, seconds(5), LONGEST);
        share.go_to(0.25, start + seconds(1), seconds(5), LONGEST);
        assert_eq!([0, 4, 5, 60].map(|at| share.now(start + seconds(at))), [0.0, 0.0, 0.25, 0.25]);

        // Nothing is left to grow to.
        let mut share = Share::new(0.25);
        share.go_to(0.5, start, seconds(5), LONGEST);
        share.go_to(0.2, start + seconds(1), seconds(5), LONGEST);
        assert_eq!([0, 1, 5, 60].map(|at| share.now(start + seconds(at))), [0.25, 0.2, 0.2, 0.2]);
    }

    #[test]
    fn steps_are_forgotten_after_the_longest_span() {
        let start = Instant::now();
        let mut share = Share::new(1.0);
        for round in 0..100 {
            share.go_to([0.5, 0.25][round % 2], start + seconds(round as u64 * 60), seconds(5), LONGEST);
        }
        assert!(share.steps.len() <= 11, "{share:?}");
    }
}
