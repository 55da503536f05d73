//! The metrics. Every name is `gatehouse_<noun>_<unit>`; no label ever names a person, a run or a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::delivery::queues;

/// Milliseconds to a minute: the range of requests, confirms, steps and runs.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident: $kind:ident $([$($label:literal),+])?;)+) => {
        /// All metrics of the process, in a registry of their own.
        pub struct Metrics {
            registry: Registry,
            /// Runs that this process works on, whatever their queue. [`in_flight`](Self::in_flight) tells it to people.
            runs_under_way: AtomicI64,
            $($(#[doc = $help])+ pub $name: $kind,)+
        }

        impl Metrics {
            /// Registers everything.
            ///
            /// # Errors
            ///
            /// Two metrics have the same name; a test rules this out.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                $(
                    let name = concat!("gatehouse_", stringify!($name));
                    let $name = <$kind as Made>::made(name, concat!($($help),+).trim(), &[$($($label),+)?])?;
                    registry.register(Box::new($name.clone()))?;
                )+
                Ok(Self { registry, runs_under_way: AtomicI64::new(0), $($name),+ })
            }
        }
    };
}

metrics! {
    /// Events by outcome: accepted, duplicate, or the code of the refusal.
    events_total: IntCounterVec["type", "outcome"];
    /// Runs that ended, by state.
    runs_total: IntCounterVec["tenant", "workflow", "state"];
    /// Runs that ended because somebody is protected, or because nobody could tell, by code.
    runs_refused_total: IntCounterVec["code"];
    /// How often the brake held a run. Each run that is held asks again every few minutes, and is counted again.
    runs_braked_total: IntCounterVec["tenant"];
    /// Duration of one attempt at a run.
    run_duration_seconds: HistogramVec["workflow"];
    /// Steps by outcome.
    steps_total: IntCounterVec["action", "outcome"];
    /// Duration of one attempt at a step.
    step_duration_seconds: HistogramVec["action"];
    /// Steps that failed permanently, by class (who must act) and code.
    step_failures_total: IntCounterVec["action", "class", "code"];
    /// Runs and syncs postponed to a later attempt, by code of the failure.
    retries_total: IntCounterVec["code"];
    /// Syncs that ended, by state.
    syncs_total: IntCounterVec["tenant", "what", "state"];
    /// Duration of one pass of a sync.
    sync_duration_seconds: HistogramVec["what"];
    /// Rows that syncs sent.
    sync_rows_total: IntCounterVec["what"];
    /// Pages that a full queue refused; each is offered again.
    sync_pages_refused_total: IntCounterVec["what"];
    /// Sleeps of runs until a step or a stage is due.
    sleeps_total: IntCounterVec["workflow"];
    /// Messages set aside as dead letters, by reason.
    dead_letters_total: IntCounterVec["reason"];
    /// Requests to Microsoft Graph; method is read or write, status is the HTTP status or the kind of error.
    graph_requests_total: IntCounterVec["tenant", "service", "method", "status"];
    /// Duration of one request to Microsoft Graph.
    graph_request_duration_seconds: HistogramVec["tenant", "service", "method"];
    /// Round trips to Microsoft Graph; kind is single for one request, batch for several.
    graph_round_trips_total: IntCounterVec["tenant", "service", "kind"];
    /// Batches that Microsoft Graph refused as a whole, by HTTP status.
    graph_batches_refused_total: IntCounterVec["tenant", "service", "status"];
    /// Requests to Microsoft Graph retried within an attempt.
    graph_retries_total: IntCounterVec["tenant", "service"];
    /// Answers in which Microsoft Graph throttled the worker.
    graph_throttled_total: IntCounterVec["tenant", "service"];
    /// Attempts to get a token, by status.
    graph_tokens_total: IntCounterVec["tenant", "status"];
    /// Messages delivered by the broker.
    deliveries_total: IntCounterVec["queue", "redelivered"];
    /// Messages published, by outcome; ack means stored and confirmed.
    publishes_total: IntCounterVec["exchange", "outcome"];
    /// Time from publishing a message to the broker's confirm.
    publish_confirm_seconds: HistogramVec["exchange"];
    /// Messages being processed.
    in_flight: IntGaugeVec["queue"];
    /// Messages that arrived before their due time and were returned to the delay.
    redelays_total: IntCounterVec["queue"];
    /// Messages put off unchanged, by reason: turn, no_place, suspect, tenant_paused, clock, person, brake or ledger_unread.
    put_off_total: IntCounterVec["queue", "reason"];
    /// Broker sessions opened.
    sessions_started_total: IntCounterVec["queue"];
    /// Broker sessions that ended, by cause.
    sessions_ended_total: IntCounterVec["queue", "cause"];
    /// Attempts to open a broker session that failed.
    sessions_failed_total: IntCounterVec["queue"];
    /// 1 while the broker blocks publishers because of an alarm, else 0.
    connection_blocked: IntGaugeVec["queue"];
    /// Acknowledgements that could not be sent; the broker delivers their messages again.
    ack_failures_total: IntCounterVec["queue"];
    /// Claims for people, by what the ledger decided; unread means that it gave no answer.
    ledger_claims_total: IntCounterVec["decision"];
    /// Time that runs wait for the ledger's answer: kind is claim for the first of a delivery, stage before a stage.
    ledger_answer_seconds: HistogramVec["kind"];
    /// Writes that were not sent, because their run did not act for its person any more.
    ledger_fenced_total: IntCounter;
    /// How often records of the ledger were gone that this worker had read. Compare late events by hand.
    ledger_cuts_total: IntCounter;
    /// Messages in the ledger that are no records, or whose writer had read what is not there.
    ledger_records_skipped_total: IntCounter;
    /// 1 while claims are answered, else 0.
    ledger_ready: IntGauge;
    /// 1 while the clock is more than a minute from Microsoft's, so that this worker begins no run, else 0.
    clock_wrong: IntGauge;
    /// 1 while a tenant is paused because its credential is missing or refused, else 0.
    tenant_paused: IntGaugeVec["tenant"];
    /// Panics caught by the worker.
    panics_total: IntCounter;
    /// Publishers in the settings; 0 means that everybody who may publish may ask for everything.
    publishers_listed: IntGauge;
    /// Always 1; the label is the version.
    build_info: IntGaugeVec["version"];
}

impl Metrics {
    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// Creates a collector of its kind.
trait Made: Sized {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error>;
}

impl Made for IntCounter {
    fn made(name: &str, help: &str, _: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(name, help)
    }
}

impl Made for IntCounterVec {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(Opts::new(name, help), labels)
    }
}

impl Made for IntGauge {
    fn made(name: &str, help: &str, _: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(name, help)
    }
}

impl Made for IntGaugeVec {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(Opts::new(name, help), labels)
    }
}

impl Made for HistogramVec {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels)
    }
}

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
}

impl Metrics {
    /// Whether this process works on a run.
    pub fn is_run_under_way(&self) -> bool {
        self.runs_under_way.load(Ordering::Relaxed) > 0
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
        for counter in
            [&metrics.sessions_started_total, &metrics.sessions_failed_total, &metrics.ack_failures_total]
        {
            counter.with_label_values(&[queue]);
        }
        metrics.connection_blocked.with_label_values(&[queue]);
        Self { metrics, queue }
    }
}

impl broker::Observer for OfQueue {
    fn received(&self, queue: &str, redelivered: bool) {
        let redelivered = if redelivered { "true" } else { "false" };
        self.metrics.deliveries_total.with_label_values(&[queue, redelivered]).inc();
    }

    fn published(&self, exchange: &str, outcome: broker::Published, elapsed: Duration) {
        self.metrics.publishes_total.with_label_values(&[exchange, outcome.as_str()]).inc();
        self.metrics.publish_confirm_seconds.with_label_values(&[exchange]).observe(elapsed.as_secs_f64());
    }

    fn in_flight(&self, queue: &str, change: i64) {
        self.metrics.in_flight.with_label_values(&[queue]).add(change);
        if self.queue != queues::SYNC {
            self.metrics.runs_under_way.fetch_add(change, Ordering::Relaxed);
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

    fn ack_failed(&self) {
        self.metrics.ack_failures_total.with_label_values(&[self.queue]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_registers_and_says_what_it_means() {
        let metrics = Metrics::new().unwrap();
        metrics.build_info.with_label_values(&["1"]).set(1);
        metrics.panics_total.inc();
        let text = metrics.render();
        assert!(text.contains("# HELP gatehouse_panics_total Panics caught by the worker.\n"), "{text}");
        assert!(text.contains("gatehouse_build_info{version=\"1\"} 1\n"), "{text}");
    }

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
