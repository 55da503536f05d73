//! This worker's clock, held against Microsoft's.
//!
//! The brake counts by the time that claims bear, dates come by the worker's clock, and so does the age of an event. So a
//! worker whose clock is wrong claims nothing: its messages wait in the delay as they came, for another worker or until
//! the clock is right. Only a lock-out is carried out, without the ledger. The first answer since the clock was set
//! tells, and Graph is asked for one again and again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use msgraph::Client;
use tokio::time::sleep;

use crate::delivery::work::PutOff;

/// How far the clock may be from Microsoft's.
const MOST_APART: SignedDuration = SignedDuration::from_mins(1);
/// The wait before Graph is asked again.
const ASKS_AGAIN: Duration = Duration::from_secs(5);
/// How long a message stays away while the clock is wrong.
const WRONG: PutOff = PutOff { after: Duration::from_secs(5), reason: "clock" };

/// Whether the clock is wrong. Clones share it.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Option<SignedDuration>>>);

impl Clock {
    /// Whether a run may claim by this clock, as far as the answers that this client got tell. If none tells, asks.
    pub async fn may_begin(&self, client: &Client) -> Result<(), PutOff> {
        if !self.is_wrong() {
            if client.clock_ahead().is_none() {
                client.ask_time().await;
            }
            self.look(client);
        }
        if self.is_wrong() { Err(WRONG) } else { Ok(()) }
    }

    /// Judges the clock by the answers that this client got. Until it is right, Graph is asked from now on.
    pub fn look(&self, client: &Client) {
        let Some(ahead) = wrong_by(client).flatten() else { return };
        let is_first = self.state().replace(ahead).is_none();
        if is_first {
            tracing::error!("{}", said(ahead));
            tokio::spawn(self.clone().ask_again(client.clone()));
        }
    }

    /// Whether the clock is known to be wrong.
    pub fn is_wrong(&self) -> bool {
        self.state().is_some()
    }

    /// What is wrong with the clock and what to do, if it is wrong.
    pub fn problem(&self) -> Option<String> {
        self.state().map(said)
    }

    /// The time: by Microsoft's clock if this one is wrong.
    pub fn now(&self) -> Timestamp {
        let ahead = self.state().unwrap_or_default();
        Timestamp::now().checked_sub(ahead).unwrap_or_else(|_| Timestamp::now())
    }

    /// Asks for the time until the clock is right.
    async fn ask_again(self, client: Client) {
        loop {
            sleep(ASKS_AGAIN).await;
            client.ask_time().await;
            match wrong_by(&client) {
                Some(None) => {
                    *self.state() = None;
                    tracing::info!("the clock is right; runs go on");
                    return;
                }
                Some(ahead) => *self.state() = ahead,
                // Graph cannot be reached.
                None => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<SignedDuration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with this machine's clock and what to do, if the answers that this client got tell that it is wrong.
pub fn problem(client: &Client) -> Option<String> {
    wrong_by(client).flatten().map(said)
}

/// How far the clock is ahead if that is too far. Nothing is known if no answer tells.
fn wrong_by(client: &Client) -> Option<Option<SignedDuration>> {
    let ahead = client.clock_ahead()?;
    Some((ahead.abs() > MOST_APART).then_some(ahead))
}

fn said(ahead: SignedDuration) -> String {
    let word = if ahead.is_negative() { "behind" } else { "ahead of" };
    let seconds = ahead.abs().as_secs();
    format!(
        "the clock of this machine is {seconds} s {word} Microsoft's: set it, and keep it right with NTP; until then this \
         worker begins no run"
    )
}
