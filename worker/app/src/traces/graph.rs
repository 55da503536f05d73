//! Calls of Graph as spans: below the work that called, whichever task the answer comes from.

use std::sync::Arc;

use msgraph::{CallObserver, Destination, RequestReport};

use super::span::{About, Span, current};

/// Records the attempts of one call.
struct Caller(Arc<Span>);

impl CallObserver for Caller {
    fn attempt(&self, report: &RequestReport<'_>, to: &Destination<'_>) {
        drop(self.0.begin(&About::Request { report, to }));
    }
}

/// Records the call that the current work makes, if anybody gets to see it.
pub fn caller() -> Option<Arc<dyn CallObserver>> {
    let span = current().filter(|span| span.is_recorded())?;
    Some(Arc::new(Caller(span)))
}
