//! The time by Microsoft's clocks, and how far this machine's clock is from them.

use jiff::{SignedDuration, Timestamp};

use crate::http::client::Client;

impl Client {
    /// The time by Graph's clock; nothing before its first answer.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.transport().clock.now()
    }

    /// How far this machine's clock is ahead of Microsoft's, at least; negative if it is behind. Nothing if no answer
    /// tells: before the first one, and from when the clock was set or the machine slept until the next.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        self.transport().clock.ahead()
    }

    /// Asks Graph for the time. That takes no token and no turn.
    pub async fn ask_time(&self) {
        self.transport().ask_time().await;
    }
}
