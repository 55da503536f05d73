//! Lock-outs and cancels: the work on events that request one at once, on a queue of their own.
//!
//! A lock-out is a run like any other but for this: it acts beside whoever acts for the person, also while the ledger
//! cannot be read or this worker's clock is wrong, and looks again once nobody else acts. So nothing that waits, and no
//! other queue, keeps it waiting. A cancel writes nothing to a tenant. It gives way to lock-outs, and to nothing else.

use std::sync::Arc;

use broker::Message;
use outcome::Progress;

use super::Runs;
use super::job::{Asked, Job};
use crate::delivery::outbox::Outbox;
use crate::delivery::queues::ACCESS;
use crate::delivery::work::{Identity, Outlet, PutOff, Refused, Traced, Work};

/// Locks people out, and takes runs out.
pub struct LockOuts(pub Arc<Runs>);

impl Work for LockOuts {
    const QUEUE: &'static str = ACCESS;

    type Job = Asked;
    type Partial = Progress;

    fn decode(&self, message: &Message) -> Result<Asked, Box<Refused>> {
        let Runs { publishers, workflows, .. } = &*self.0;
        Asked::decode(message, publishers, Self::QUEUE, workflows.tenants.clock().now())
    }

    fn identity(&self, asked: &Asked) -> Identity {
        match asked {
            Asked::Run(job) => self.0.identity(job),
            Asked::Cancel(cancel) => Identity {
                subject: cancel.event.run_id(),
                message: cancel.message_id(),
                event_type: cancel.event.kind.event_type(),
                made_at: (cancel.replays == 0).then_some(cancel.event.time),
            },
        }
    }

    /// Who is not locked out yet.
    fn is_urgent(&self, asked: &Asked) -> bool {
        matches!(asked, Asked::Run(job) if !has_locked_out(job))
    }

    async fn may_begin(&self, asked: &Asked) -> Result<(), PutOff> {
        match asked {
            Asked::Run(job) => {
                if has_locked_out(job) {
                    self.0.turns.may_begin().await?;
                }
                self.0.may_begin_in_tenant(job).await?;
                // Who is not locked out yet is, whatever the clock.
                let on_time = self.0.may_claim(&job.event).await;
                if has_locked_out(job) { on_time } else { Ok(()) }
            }
            // What it shuts is shut also while its tenant is paused.
            Asked::Cancel(cancel) => {
                self.0.turns.may_begin().await?;
                self.0.may_claim(&cancel.event).await
            }
        }
    }

    fn span(&self, asked: &Asked) -> tracing::Span {
        match asked {
            Asked::Run(job) => self.0.span(job),
            Asked::Cancel(cancel) => {
                let event = &cancel.event;
                let (tenant, correlation) = (event.tenant.as_deref(), event.correlation_id.as_deref());
                tracing::info_span!("cancel", run.id = %event.run_id(), event.id = %event.id, tenant, correlation.id = correlation)
            }
        }
    }

    fn traced<'a>(&'a self, asked: &'a Asked) -> Traced<'a> {
        match asked {
            Asked::Run(job) => self.0.traced(job),
            Asked::Cancel(cancel) => self.0.traced_event(&cancel.event, None),
        }
    }

    async fn work(
        &self,
        asked: &Asked,
        partial: Option<Progress>,
        outlet: &Outlet<'_>,
    ) -> Result<Outbox, Progress> {
        match asked {
            Asked::Run(job) => self.0.work(job, partial, outlet).await,
            Asked::Cancel(cancel) => Ok(self.0.cancel(cancel).await),
        }
    }

    fn panicked(&self, asked: &Asked, message: &Message) -> Outbox {
        match asked {
            Asked::Run(job) => self.0.panicked(job, message),
            Asked::Cancel(cancel) => self.0.cancel_panicked(cancel),
        }
    }
}

/// Whether it is only to look again.
fn has_locked_out(job: &Job) -> bool {
    job.progress.as_ref().is_some_and(|progress| progress.sleeps > 0)
}
