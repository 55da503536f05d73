//! Whether somebody has taken a sync out: an event that names the sync's event, or an operator who names the sync.
//!
//! Each of the two is a record in the ledger. A sync that cannot read the ledger continues: a sync changes nothing in
//! its tenant.

use std::sync::Arc;
use std::time::Duration;

use ledger::Ledger;
use messages::Event;
use uuid::Uuid;

use crate::ledger::client::Client;
use crate::ledger::identifiers::stop_of;
use crate::ledger::log::Stream;

/// How long a sync waits for the ledger before it begins.
const CATCHES_UP: Duration = Duration::from_secs(5);

/// What takes one sync out.
pub struct Cancel {
    ledger: Arc<Client<Stream>>,
    /// The sync, and its event.
    stops: [Uuid; 2],
}

impl Cancel {
    /// That of the sync of this event.
    pub async fn of(event: &Event, ledger: &Arc<Client<Stream>>) -> Self {
        if !ledger.is_ready_within(CATCHES_UP).await {
            tracing::warn!("the ledger cannot be read: whether the sync was cancelled is seen when it can");
        }
        Self { ledger: Arc::clone(ledger), stops: [event.run_id(), stop_of(&event.source, &event.id)] }
    }

    /// Whether it is taken out by now.
    pub fn is_requested(&self) -> bool {
        is_stopped(self.ledger.book().ledger(), &self.stops)
    }

    /// Waits until it is taken out.
    pub async fn requested(&self) {
        let mut changes = self.ledger.changes();
        while !self.is_requested() {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

fn is_stopped(ledger: &Ledger, stops: &[Uuid]) -> bool {
    stops.iter().any(|stop| ledger.is_stopped(*stop))
}
