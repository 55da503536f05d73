//! Whether a session is open, for `/readyz`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long a session may be missing while it is replaced before readiness is lost.
const TOLERATED_GAP: Duration = Duration::from_secs(15);

/// Reports whether the broker is usable. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// No session was opened yet, or the consumer has stopped.
    #[default]
    Idle,
    Up,
    Lost(Instant),
}

impl Readiness {
    /// Whether a session is open, or was open within the last 15 seconds.
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
    async fn readiness_outlasts_a_lost_session_by_fifteen_seconds() {
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
