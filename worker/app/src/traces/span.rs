//! Spans: a piece of work and its place in a trace. What is done within one finds it as the current one.

use std::sync::Arc;

use super::context::{Arrived, TraceParent};
use super::otlp::{self, Recorded};

tokio::task_local! {
    static CURRENT: Arc<Span>;
}

/// What a span is about. None of it names a person.
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only what records spans reads it"))]
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// The work on a message.
    Delivery {
        /// The queue, without its prefix.
        queue: &'a str,
    },
    /// A step of a run.
    Step {
        /// Its name in the workflow.
        step: &'a str,
        /// What it does.
        action: &'a str,
    },
    /// A message that is published.
    Sending {
        /// The exchange, without its prefix.
        exchange: &'a str,
    },
    /// An attempt at a call of Graph, which has ended.
    Request {
        /// How it ended.
        report: &'a msgraph::RequestReport<'a>,
        /// Where it went.
        to: &'a msgraph::Destination<'a>,
    },
}

/// Where a span begins.
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only what records spans reads it"))]
pub struct Place<'a> {
    /// The span above it; without one it begins a trace.
    pub parent: Option<&'a TraceParent>,
    /// Whether another process began that one.
    pub is_remote: bool,
    /// A trace that it has to do with.
    pub link: Option<&'a TraceParent>,
}

/// A piece of work, which ends when this is dropped.
pub struct Span {
    /// What is passed on to whoever goes on from here.
    context: Option<TraceParent>,
    recorded: Option<Recorded>,
}

impl Span {
    /// The work on a message of this queue.
    pub fn of_delivery(queue: &str, arrived: &Arrived) -> Arc<Self> {
        let Arrived { parent, link } = arrived;
        let place = Place { parent: parent.as_ref(), is_remote: true, link: link.as_ref() };
        let recorded = otlp::begin(&About::Delivery { queue }, &place);
        let context = recorded.as_ref().and_then(Recorded::context).or_else(|| arrived.passed_on().cloned());
        Arc::new(Self { context, recorded })
    }

    /// A part of the work that is under way. Outside of any work it is nothing.
    pub fn below_current(about: &About<'_>) -> Arc<Self> {
        current()
            .map_or_else(|| Arc::new(Self { context: None, recorded: None }), |current| current.begin(about))
    }

    /// A part of this work.
    pub fn begin(&self, about: &About<'_>) -> Arc<Self> {
        let place = Place { parent: self.context.as_ref(), is_remote: false, link: None };
        let recorded = self.recorded.as_ref().and_then(|_| otlp::begin(about, &place));
        let context = recorded.as_ref().and_then(Recorded::context).or_else(|| self.context.clone());
        Arc::new(Self { context, recorded })
    }

    /// What a message says that is sent from here.
    pub fn context(&self) -> Option<&TraceParent> {
        self.context.as_ref()
    }

    /// Whether anybody gets to see it.
    pub fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// Adds an attribute. Its value must not be about a person, nor be anything that a publisher chose.
    pub fn note(&self, name: &'static str, value: &str) {
        if let Some(recorded) = &self.recorded {
            recorded.note(name, value);
        }
    }

    /// Says that the work failed, and with which code.
    pub fn fail(&self, code: &str) {
        if let Some(recorded) = &self.recorded {
            recorded.fail(code);
        }
    }

    /// Does this work within the span.
    pub async fn around<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(Arc::clone(self), work).await
    }
}

/// The span within which the caller works.
pub fn current() -> Option<Arc<Span>> {
    CURRENT.try_with(Arc::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_message_came_with_is_passed_on_from_every_part_of_the_work() {
        let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let arrived = Arrived { parent: parent.clone(), link: None };
        let work = Span::of_delivery("workflows", &arrived);
        let step = About::Step { step: "create", action: "create_user" };
        let passed_on = work.around(async { Span::below_current(&step).context().cloned() }).await;
        assert_eq!(passed_on, parent);
        assert!(Span::below_current(&step).context().is_none(), "nothing is under way");
    }
}
