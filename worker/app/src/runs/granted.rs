//! The right of one delivery to act for its person: the fence of its writes, and its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ledger::{Key, Release};
use msgraph::Fence;
use tokio::time::{Instant, sleep};

use crate::delivery::outbox::Closing;
use crate::ledger::client::Client;
use crate::ledger::hold::Hold;
use crate::ledger::log::Stream;
use crate::operate::metrics::Metrics;

/// Before each stage a grant that is older than this is renewed, so that newer word stops the run there.
const FRESH: Duration = Duration::from_secs(1);
/// The wait before a release is tried again.
const RELEASE_AGAIN: Duration = Duration::from_secs(1);

/// The right of one delivery to act, and the fence of its writes.
pub struct Granted {
    /// Nothing if it locks out while the ledger cannot be read.
    hold: Option<Hold<Stream>>,
    has_stopped: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Granted {
    /// By this hold, or without one, for a lock-out while the ledger cannot be read.
    pub fn by(hold: Option<Hold<Stream>>, metrics: &Arc<Metrics>) -> Self {
        Self { hold, has_stopped: AtomicBool::new(false), metrics: Arc::clone(metrics) }
    }

    /// Whether the delivery had to stop.
    pub fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::Relaxed)
    }

    /// Whether it was taken without the ledger.
    pub fn is_unread(&self) -> bool {
        self.hold.is_none()
    }

    /// Whether the next stage may begin for the person with these keys.
    pub async fn may_go_on(&self, keys: &[Key]) -> bool {
        let asked = Instant::now();
        let may_go_on = match &self.hold {
            Some(hold) => !self.has_stopped() && hold.may_go_on(keys, FRESH).await,
            None => true,
        };
        let waited = asked.elapsed().as_secs_f64();
        self.metrics.ledger_answer_seconds.with_label_values(&["stage"]).observe(waited);
        self.has_stopped.fetch_or(!may_go_on, Ordering::Relaxed);
        may_go_on
    }
}

impl Fence for Granted {
    fn may_send(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async {
            let may_send = match &self.hold {
                Some(hold) => !self.has_stopped() && hold.may_send().await.is_ok(),
                None => true,
            };
            if !may_send {
                self.has_stopped.store(true, Ordering::Relaxed);
                self.metrics.ledger_fenced_total.inc();
            }
            may_send
        })
    }
}

/// Releases the right of a delivery when all that follows from its message is stored.
///
/// Nothing waits for the release of a lock-out without the ledger: the ledger may not be there for hours.
pub fn farewell(
    client: &Arc<Client<Stream>>,
    release: Release,
    granted: Option<Arc<Granted>>,
) -> Arc<dyn Closing> {
    let is_unread = granted.as_ref().is_some_and(|granted| granted.is_unread());
    let farewell = Arc::new(Farewell { client: Arc::clone(client), release, granted });
    if is_unread { Arc::new(Detached(farewell)) } else { farewell }
}

struct Farewell {
    client: Arc<Client<Stream>>,
    release: Release,
    granted: Option<Arc<Granted>>,
}

struct Detached(Arc<Farewell>);

impl Closing for Farewell {
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(hold) = self.granted.as_ref().and_then(|granted| granted.hold.as_ref()) {
                hold.close();
            }
            while let Err(error) = self.client.release(self.release.clone()).await {
                tracing::debug!(%error, "a release is tried again");
                sleep(RELEASE_AGAIN).await;
            }
        })
    }
}

impl Closing for Detached {
    fn close(&self) -> BoxFuture<'_, ()> {
        let farewell = Arc::clone(&self.0);
        tokio::spawn(async move { farewell.close().await });
        Box::pin(async {})
    }
}
