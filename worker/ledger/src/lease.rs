//! The lease and the fence. All times are durations since a fixed moment on this machine's monotonic clock; nothing
//! here compares two machines' clocks, which only have to run alike.

use std::time::Duration;

use uuid::Uuid;

use crate::{fold::Ledger, rules::Rules};

/// How long a lease lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    renew_within: Duration,
    request_timeout: Duration,
    take_after: Duration,
}

/// Timings with which two workers could act at once.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`take_after` must exceed `renew_within` and `request_timeout` together: {0:?} does not exceed {1:?}"
)]
pub struct TimingError(Duration, Duration);

impl Timing {
    /// Checks that a request sent at the end of a lease has ended before anybody takes over.
    ///
    /// # Errors
    ///
    /// If `take_after` does not exceed the sum of the other two.
    pub fn new(
        renew_within: Duration,
        request_timeout: Duration,
        take_after: Duration,
    ) -> Result<Self, TimingError> {
        let least = renew_within.saturating_add(request_timeout);
        if take_after <= least {
            return Err(TimingError(take_after, least));
        }
        Ok(Self { renew_within, request_timeout, take_after })
    }

    /// How often a holder renews: three times within a lease.
    pub fn renew_every(&self) -> Duration {
        self.renew_within / 3
    }

    /// Whether a hold may be passed over whose last record this worker read at `read_at`.
    pub fn may_take(&self, now: Duration, read_at: Duration) -> bool {
        now.saturating_sub(read_at) >= self.take_after
    }
}

impl Default for Timing {
    /// 10 s, 30 s and 45 s.
    fn default() -> Self {
        let [renew_within, request_timeout, take_after] = [10, 30, 45].map(Duration::from_secs);
        Self { renew_within, request_timeout, take_after }
    }
}

/// What a delivery knows of its own hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: Uuid,
    /// The delivery.
    pub nonce: Uuid,
    /// When the last claim was published that was read back as granted. Not when it was read.
    pub granted: Duration,
}

/// Why a request may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session that reads the ledger has ended.
    NoSession,
    /// The ledger as read so far says that this delivery does not act, or may not go on.
    NotOurs,
    /// The last grant is too old: renew, and ask again.
    Expired,
}

/// The fence: whether a writing request may be sent now. It stands immediately before each send, also before every
/// retry and every part of a batch.
///
/// # Errors
///
/// Why it may not.
pub fn may_send<R: Rules>(
    now: Duration,
    timing: &Timing,
    lease: &Lease,
    ledger: &Ledger<R>,
    has_session: bool,
) -> Result<(), Refusal> {
    if !has_session {
        Err(Refusal::NoSession)
    } else if !ledger.may_go_on(lease.run, lease.nonce) {
        Err(Refusal::NotOurs)
    } else if now.saturating_sub(lease.granted) >= timing.renew_within {
        Err(Refusal::Expired)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_takeover_comes_after_the_last_request_of_a_lease() {
        let seconds = Duration::from_secs;
        assert!(Timing::new(seconds(10), seconds(30), seconds(40)).is_err());
        assert!(Timing::new(seconds(10), seconds(30), seconds(41)).is_ok());
        let timing = Timing::default();
        assert!(!timing.may_take(seconds(100), seconds(56)));
        assert!(timing.may_take(seconds(100), seconds(55)));
        assert!(Timing::new(timing.renew_within, timing.request_timeout, timing.take_after).is_ok());
    }
}
