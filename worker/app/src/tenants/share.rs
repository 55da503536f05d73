//! This worker's share of Microsoft's limits, which hold for all workers together.
//!
//! The share is the part that this worker has of all consumers of the work queues. So the shares of all workers add up to
//! one, whichever queues each of them serves.
//!
//! A worker that comes makes the others shrink when they look next, and takes its own share a look later. When workers
//! have gone, the others grow after the time for which one that stops may go on with its work.

use std::sync::Arc;
use std::time::Duration;

use broker::{Readiness, State};
use tokio::time::{Instant, sleep, timeout};

use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::operate::metrics::Metrics;
use crate::tenants::Tenants;

/// How often the consumers are counted.
const EVERY: Duration = Duration::from_secs(5);
/// How often, while several workers may be starting.
const AT_FIRST: Duration = Duration::from_secs(1);
/// How long they may be.
const STARTING: Duration = Duration::from_secs(10);
/// How often somebody asks who has not been able to count yet.
const UNCOUNTED: Duration = Duration::from_millis(50);
/// How long a worker waits for its first count before it begins to work. Without a broker there is no work either.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody asks again for a queue that the broker did not show: its log has a line for each refusal.
const UNSEEN: Duration = Duration::from_secs(600);

/// Follows the number of workers, for as long as the process runs.
pub struct Share {
    /// Whose clients have the share.
    pub tenants: Tenants,
    /// Through whose session the consumers are counted.
    pub ledger: Arc<Client<Stream>>,
    /// Full names of all work queues.
    pub queues: Vec<String>,
    /// This worker's own consumers.
    pub consumers: Vec<Readiness>,
    /// How long a worker that stops may go on with its work.
    pub grace: Duration,
    /// Where the share is shown.
    pub metrics: Arc<Metrics>,
}

/// What is known of the other workers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Nothing,
    /// Nobody else was there when this worker came.
    Alone,
    /// Others were.
    Others,
}

/// What the share of a worker has to become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// As if it had always been so.
    Assume,
    /// From now on nothing, and after a look of everybody this.
    Begin,
    /// At once if it is less, else once those have ended who have gone.
    Follow,
}

impl Share {
    /// Counts before the worker begins to work, and from then on again and again.
    pub async fn follow(self) {
        let began = Instant::now();
        self.show();
        let (mut known, mut warned) = (Known::Nothing, false);
        let first = async {
            // The queues of a new broker are there once somebody serves them.
            while known == Known::Nothing && !matches!(self.look(began, &mut known).await, Looked::Unseen(_))
            {
                sleep(UNCOUNTED).await;
            }
        };
        let _ = timeout(PATIENCE, first).await;
        tokio::spawn(async move {
            loop {
                let starting = began.elapsed() < STARTING;
                sleep(if starting { AT_FIRST } else { EVERY }).await;
                if let Looked::Unseen(queue) = self.look(began, &mut known).await
                    && !starting
                {
                    if !std::mem::replace(&mut warned, true) {
                        tracing::warn!(
                            queue,
                            "the broker does not show how many workers there are; let this user configure the queue, \
                             or set graph.limits_share to one divided by their number"
                        );
                    }
                    sleep(UNSEEN).await;
                }
            }
        });
    }

    /// Looks, and does what follows.
    async fn look(&self, began: Instant, known: &mut Known) -> Looked {
        // Before the broker is asked: whoever is ready by now is counted there.
        let ready = self.consumers.iter().filter(|consumer| consumer.is_ready()).count();
        let Ok(found) = self.ledger.look(&self.queues).await else { return Looked::NoSession };
        let mut all = 0_usize;
        for queue in found {
            let State::Holds { consumers, .. } = queue.state else { return Looked::Unseen(queue.name) };
            all = all.saturating_add(usize::try_from(consumers).unwrap_or(usize::MAX));
        }
        let (share, is_alone) = part(self.consumers.len(), ready, all);
        let change = known.after(is_alone, began.elapsed() < STARTING);
        for (_, client) in self.tenants.iter() {
            match change {
                Change::Assume => client.lanes().assume_share(share),
                Change::Begin => {
                    client.lanes().assume_share(0.0);
                    client.lanes().go_to_share(share, EVERY + AT_FIRST);
                }
                Change::Follow => client.lanes().go_to_share(share, self.grace + EVERY),
            }
        }
        self.show();
        Looked::Counted
    }

    fn show(&self) {
        // All clients have the same.
        if let Some((_, client)) = self.tenants.iter().next() {
            self.metrics.graph_limits_share.set(client.lanes().share());
        }
    }
}

/// How a look at the queues went.
enum Looked {
    Counted,
    /// There is no session with the broker.
    NoSession,
    /// The broker does not show this queue.
    Unseen(String),
}

impl Known {
    /// What to do after a look.
    fn after(&mut self, is_alone: bool, starting: bool) -> Change {
        let change = match (*self, is_alone) {
            (Self::Nothing, true) => Change::Assume,
            (Self::Nothing, false) => Change::Begin,
            // Others have started at the same time, and nobody knew of the other.
            (Self::Alone, false) if starting => Change::Assume,
            _ => Change::Follow,
        };
        if *self == Self::Nothing || !is_alone {
            *self = if is_alone { Self::Alone } else { Self::Others };
        }
        change
    }
}

/// The part that this worker has of all consumers, and whether nobody else has any. `ready` of its own are among those
/// that the broker counted.
fn part(own: usize, ready: usize, counted: usize) -> (f64, bool) {
    let others = counted.saturating_sub(ready);
    let [own, all] =
        [own, own.saturating_add(others)].map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    (own / all.max(1.0), others == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_workers_add_up_to_one() {
        // Two workers that serve every queue, one that serves one queue.
        let counted = 7;
        let shares = [part(3, 3, counted), part(3, 3, counted), part(1, 1, counted)].map(|(share, _)| share);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
        // One that comes counts itself before the broker does, and one that goes still does.
        assert_eq!(part(3, 0, 3), (0.5, false));
        assert_eq!(part(3, 1, 4), (0.5, false));
        assert_eq!(part(3, 3, 3), (1.0, true));
        assert_eq!(part(3, 0, 0), (1.0, true));
    }

    #[test]
    fn who_comes_to_others_begins_with_nothing_and_who_comes_alone_with_everything() {
        let changes = |looks: &[(bool, bool)]| {
            let mut known = Known::Nothing;
            let changes = looks.iter().map(|(is_alone, starting)| known.after(*is_alone, *starting));
            changes.collect::<Vec<_>>()
        };
        assert_eq!(
            changes(&[(false, true), (false, true), (true, true)]),
            [Change::Begin, Change::Follow, Change::Follow]
        );
        // The second look corrects what several took who came at once; later ones come to a worker that was alone.
        assert_eq!(
            changes(&[(true, true), (false, true), (false, true)]),
            [Change::Assume, Change::Assume, Change::Follow]
        );
        assert_eq!(changes(&[(true, true), (false, false)]), [Change::Assume, Change::Follow]);
    }
}
