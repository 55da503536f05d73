//! What Microsoft Graph's client and the broker report, counted in the metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::queues;
use crate::operate::metrics::Metrics;
use crate::operate::zeros;
use crate::traces::graph;

/// Counts the requests to Microsoft Graph of one tenant.
pub struct OfTenant {
    metrics: Arc<Metrics>,
    tenant: String,
}

impl OfTenant {
    /// Counts in these metrics. Counters of failures exist from the start, so that a query sees the first failure as an
    /// increase.
    pub fn new(metrics: &Arc<Metrics>, tenant: &str) -> Self {
        for service in msgraph::Service::ALL {
            for counter in [&metrics.graph_retries_total, &metrics.graph_throttled_total] {
                counter.with_label_values(&[tenant, service.as_str()]);
            }
        }
        Self { metrics: Arc::clone(metrics), tenant: tenant.to_owned() }
    }
}

impl msgraph::Observer for OfTenant {
    fn request(&self, report: &msgraph::RequestReport<'_>) {
        let method = if report.method == "GET" { "read" } else { "write" };
        let (metrics, tenant, service) = (&self.metrics, self.tenant.as_str(), report.service.as_str());
        let outcome = report.outcome.to_string();
        metrics.graph_requests_total.with_label_values(&[tenant, service, method, &outcome]).inc();
        let seconds = report.elapsed.as_secs_f64();
        metrics.graph_request_duration_seconds.with_label_values(&[tenant, service, method]).observe(seconds);
    }

    fn round_trip(&self, report: &msgraph::RoundTripReport) {
        let kind = if report.calls > 1 { "batch" } else { "single" };
        let labels = [self.tenant.as_str(), report.service.as_str(), kind];
        self.metrics.graph_round_trips_total.with_label_values(&labels).inc();
    }

    fn batch_refused(&self, report: &msgraph::BatchRefusedReport<'_>) {
        let msgraph::BatchRefusedReport { service, calls, error } = *report;
        let status = error.status().map(|status| status.to_string()).unwrap_or_default();
        let labels = [self.tenant.as_str(), service.as_str(), &status];
        self.metrics.graph_batches_refused_total.with_label_values(&labels).inc();
        tracing::warn!(tenant = self.tenant, %service, calls, %error, "Microsoft Graph refused a whole batch");
    }

    fn retry(&self, report: &msgraph::RetryReport) {
        self.metrics.graph_retries_total.with_label_values(&[&self.tenant, report.service.as_str()]).inc();
    }

    fn throttled(&self, report: &msgraph::ThrottleReport) {
        self.metrics.graph_throttled_total.with_label_values(&[&self.tenant, report.service.as_str()]).inc();
    }

    fn token(&self, report: &msgraph::TokenReport) {
        self.metrics.graph_tokens_total.with_label_values(&[&self.tenant, &report.outcome.to_string()]).inc();
    }

    fn call(&self) -> Option<Arc<dyn msgraph::CallObserver>> {
        graph::caller()
    }
}

/// Counts what happens at the broker for the consumer of one queue.
pub struct OfQueue {
    metrics: Arc<Metrics>,
    queue: &'static str,
}

impl OfQueue {
    /// Counts in these metrics, with this queue as the label of what else has none.
    pub fn new(metrics: Arc<Metrics>, queue: &'static str) -> Self {
        zeros::of_queue(&metrics, queue);
        metrics.connection_blocked.with_label_values(&[queue]);
        Self { metrics, queue }
    }
}

impl broker::Observer for OfQueue {
    fn received(&self, queue: &str, redelivered: bool) {
        let redelivered = if redelivered { "true" } else { "false" };
        self.metrics.deliveries_total.with_label_values(&[queue, redelivered]).inc();
    }

    fn publishing(&self, exchange: &str, change: i64) {
        self.metrics.publishes_unconfirmed.with_label_values(&[exchange]).add(change);
        for outcome in broker::Published::ALL {
            self.metrics.publishes_total.with_label_values(&[exchange, outcome.as_str()]);
        }
    }

    fn published(&self, exchange: &str, outcome: broker::Published, elapsed: Duration) {
        self.metrics.publishes_total.with_label_values(&[exchange, outcome.as_str()]).inc();
        self.metrics.publish_confirm_seconds.with_label_values(&[exchange]).observe(elapsed.as_secs_f64());
    }

    fn in_flight(&self, queue: &str, change: i64) {
        self.metrics.in_flight.with_label_values(&[queue]).add(change);
        if self.queue != queues::SYNC {
            self.metrics.run_under_way(change);
        }
    }

    fn handler_panicked(&self, _: &str) {
        self.metrics.panics_total.inc();
    }

    fn redelayed(&self, queue: &str) {
        self.metrics.redelays_total.with_label_values(&[queue]).inc();
    }

    fn set_aside(&self, _: &str, class: &str) {
        self.metrics.dead_letters_total.with_label_values(&[class]).inc();
    }

    fn session_started(&self, _: u64) {
        self.metrics.sessions_started_total.with_label_values(&[self.queue]).inc();
    }

    fn session_ended(&self, cause: broker::Cause) {
        self.metrics.sessions_ended_total.with_label_values(&[self.queue, cause.as_str()]).inc();
    }

    fn session_failed(&self, _: &broker::Error) {
        self.metrics.sessions_failed_total.with_label_values(&[self.queue]).inc();
    }

    fn blocked(&self, blocked: bool) {
        self.metrics.connection_blocked.with_label_values(&[self.queue]).set(blocked.into());
    }

    fn results_late(&self, late: bool) {
        if late {
            tracing::warn!(
                "RabbitMQ does not confirm results in time: the history, or a queue bound to the results, hangs; work goes on, and they wait in the queue of late results"
            );
        } else {
            tracing::info!("RabbitMQ confirms results in time again");
        }
    }

    fn ack_failed(&self) {
        self.metrics.ack_failures_total.with_label_values(&[self.queue]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_under_way_while_its_message_is_worked_on_and_a_sync_is_none() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let of = |queue| OfQueue::new(Arc::clone(&metrics), queue);
        let changes = [
            (queues::SYNC, 1, false),
            (queues::WORKFLOWS, 1, true),
            (queues::ACCESS, 1, true),
            (queues::WORKFLOWS, -1, true),
            (queues::ACCESS, -1, false),
        ];
        for (queue, change, is_run_under_way) in changes {
            broker::Observer::in_flight(&of(queue), &format!("gatehouse.{queue}"), change);
            assert_eq!(metrics.is_run_under_way(), is_run_under_way, "{queue} {change}");
        }
    }
}
