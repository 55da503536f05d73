//! Lock-outs: the work on events that request one at once, on a queue of their own.
//!
//! A lock-out is a run like any other but for this: it acts beside whoever acts for the person, also while the ledger
//! cannot be read or this worker's clock is wrong, and looks again once nobody else acts. So nothing that waits, and no other queue, keeps it waiting.

use std::sync::Arc;

use broker::Message;
use outcome::Progress;

use super::Runs;
use super::job::Job;
use crate::delivery::outbox::Outbox;
use crate::delivery::queues::ACCESS;
use crate::delivery::work::{Identity, Outlet, PutOff, Refused, Work};

/// Locks people out.
pub struct LockOuts(pub Arc<Runs>);

impl Work for LockOuts {
    const QUEUE: &'static str = ACCESS;

    type Job = Job;
    type Partial = Progress;

    fn decode(&self, message: &Message) -> Result<Job, Box<Refused>> {
        self.0.read(message, Self::QUEUE)
    }

    fn identity(&self, job: &Job) -> Identity {
        self.0.identity(job)
    }

    /// Who is not locked out yet.
    fn is_urgent(&self, job: &Job) -> bool {
        !has_locked_out(job)
    }

    async fn may_begin(&self, job: &Job) -> Result<(), PutOff> {
        if has_locked_out(job) {
            self.0.turns.may_begin().await?;
        }
        self.0.may_begin_in_tenant(job).await?;
        // Who is not locked out yet is, whatever the clock.
        let on_time = self.0.may_claim(job).await;
        if has_locked_out(job) { on_time } else { Ok(()) }
    }

    fn span(&self, job: &Job) -> tracing::Span {
        self.0.span(job)
    }

    async fn work(
        &self,
        job: &Job,
        partial: Option<Progress>,
        outlet: &Outlet<'_>,
    ) -> Result<Outbox, Progress> {
        self.0.work(job, partial, outlet).await
    }

    fn panicked(&self, job: &Job, message: &Message) -> Outbox {
        self.0.panicked(job, message)
    }
}

/// Whether it is only to look again.
fn has_locked_out(job: &Job) -> bool {
    job.progress.as_ref().is_some_and(|progress| progress.sleeps > 0)
}
