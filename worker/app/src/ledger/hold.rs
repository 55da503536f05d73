//! The right to act: a lease that renews itself, and the fence before each request.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ledger::{Claim, Decision, Key, Lease, Refusal};
use tokio::{task::JoinHandle, time::sleep};

use super::{
    client::{Answer, Client, Unread},
    log::Log,
};

/// A grant, until it is released. Dropping it stops the renewals, and after `take_after` others may pass over it.
pub(crate) struct Hold<L: Log> {
    shared: Arc<Shared<L>>,
    timer: JoinHandle<()>,
}

/// What the timer and the delivery share.
struct Shared<L> {
    client: Arc<Client<L>>,
    claim: Mutex<Claim>,
    /// The lease, and the session that read its grant.
    lease: Mutex<(Lease, u64)>,
    /// Set once its delivery acts no longer: what it still has in a lane is not sent.
    is_closed: AtomicBool,
}

/// What a first claim comes to.
pub(crate) enum Claimed<L: Log> {
    /// The delivery may act.
    Granted(Hold<L>),
    /// It may not, and this is why.
    Refused(Decision),
}

impl<L: Log> Hold<L> {
    /// Claims for a delivery. A grant is renewed from now on, whether its holder writes or not.
    pub(crate) async fn claim(client: &Arc<Client<L>>, claim: Claim) -> Result<Claimed<L>, Unread> {
        let Answer { decision, published, session } = client.claim(claim.clone()).await?;
        if !matches!(decision, Decision::Hold | Decision::Act) {
            return Ok(Claimed::Refused(decision));
        }
        let lease = Lease { run: claim.run, nonce: claim.nonce, granted: published };
        let claim = Claim { fresh: false, over: Vec::new(), ..claim };
        let shared = Shared {
            client: Arc::clone(client),
            claim: Mutex::new(claim),
            lease: Mutex::new((lease, session)),
            is_closed: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let timer = tokio::spawn(Arc::clone(&shared).keep());
        Ok(Claimed::Granted(Self { shared, timer }))
    }

    /// The fence: whether a request may be sent now. Renews first if the grant is too old, or of an earlier session.
    pub(crate) async fn may_send(&self) -> Result<(), Refusal> {
        match self.shared.check() {
            Err(Refusal::Expired | Refusal::NoSession) => {}
            answer => return answer,
        }
        match self.shared.renew().await {
            Ok(Decision::Hold | Decision::Act) | Err(_) => self.shared.check(),
            Ok(_) => Err(Refusal::NotOurs),
        }
    }

    /// Whether the next stage may begin. Renews with identifiers learned since, and if the grant is older than this.
    pub(crate) async fn may_go_on(&self, keys: &[Key], fresh: Duration) -> bool {
        let has_learned = {
            let mut claim = self.shared.claim.lock().unwrap_or_else(PoisonError::into_inner);
            let known = claim.keys.len();
            let learned: Vec<Key> = keys.iter().copied().filter(|key| !claim.keys.contains(key)).collect();
            claim.keys.extend(learned);
            claim.keys.len() > known
        };
        if !has_learned && self.shared.age() < fresh {
            return self.may_send().await.is_ok();
        }
        let renewed = self.shared.renew().await;
        matches!(renewed, Ok(Decision::Hold | Decision::Act)) && self.shared.check().is_ok()
    }

    /// Ends the right to act on this side: nothing is renewed or sent from now on.
    pub(crate) fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        self.timer.abort();
    }
}

impl<L: Log> Drop for Hold<L> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<L: Log> Shared<L> {
    /// Renews three times within a lease, until the answer is no grant any more.
    async fn keep(self: Arc<Self>) {
        loop {
            sleep(self.client.timing().renew_every()).await;
            match self.renew().await {
                // While the ledger cannot be read the fence says no; the next answer may be a grant again.
                Ok(Decision::Hold | Decision::Act | Decision::Wait(_)) | Err(_) => {}
                Ok(_) => return,
            }
        }
    }

    /// How long ago the newest grant was published.
    fn age(&self) -> Duration {
        let (lease, _) = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        self.client.now().saturating_sub(lease.granted)
    }

    async fn renew(&self) -> Result<Decision, Unread> {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Answer { decision, published, session } = self.client.claim(claim).await?;
        if matches!(decision, Decision::Hold | Decision::Act) {
            let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
            // Two renewals may be under way, and be read in either order.
            if published >= lease.0.granted || session != lease.1 {
                lease.0.granted = published;
                lease.1 = session;
            }
        }
        Ok(decision)
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(Refusal::NotOurs);
        }
        let (lease, session) = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        self.client.book().may_send(self.client.now(), self.client.timing(), &lease, session)
    }
}
