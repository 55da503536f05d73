//! Whether there is a session, for `/readyz`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A session may be replaced without anybody being told; this is how long that may take.
const TOLERATED_GAP: Duration = Duration::from_secs(15);

/// Tells whether the broker can be worked with. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// There was no session yet, or there will be none any more.
    #[default]
    Idle,
    Up,
    Lost(Instant),
}

impl Readiness {
    /// Whether there is a session, or was one within the last 15 seconds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match *self.state() {
            State::Idle => false,
            State::Up => true,
            State::Lost(since) => since.elapsed() < TOLERATED_GAP,
        }
    }

    pub(crate) fn up(&self) {
        *self.state() = State::Up;
    }

    pub(crate) fn lost(&self) {
        *self.state() = State::Lost(Instant::now());
    }

    pub(crate) fn stopped(&self) {
        *self.state() = State::Idle;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lost_session_is_forgiven_for_a_quarter_of_a_minute() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        readiness.up();
        assert!(readiness.is_ready());
        readiness.lost();
        tokio::time::advance(TOLERATED_GAP - Duration::from_millis(1)).await;
        assert!(readiness.is_ready());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!readiness.is_ready());
        readiness.up();
        readiness.stopped();
        assert!(!readiness.is_ready());
    }
}
