//! The metrics. Every name is `gatehouse_<noun>_<unit>`, but for those of the process, whose names all programs share.
//! No label ever names a person, a run or a message.
//!
//! The table below is also what `deploy/metrics.md` is made of.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus::{
    Counter, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

/// Milliseconds to a minute: the range of requests, confirms, steps and runs.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// A second to a month: how long events wait. Some wait for somebody who acts.
const AGES: [f64; 11] =
    [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 604_800.0, 2_592_000.0];

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
                    let name = named(stringify!($name));
                    let $name = <$kind as Made>::made(&name, concat!($($help),+).trim(), &[$($($label),+)?])?;
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
    /// Time from an event's own time to the first work on it.
    event_age_seconds: HistogramVec["type"];
    /// Runs that have not ended, by where they stand in the ledger: running, waiting, asleep or braked. Every worker says
    /// the same, so take the maximum.
    runs: IntGaugeVec["state"];
    /// Runs that sleep although they should have woken five minutes ago or earlier. Every worker says the same.
    runs_overdue: IntGauge;
    /// Runs that ended, by state.
    runs_total: IntCounterVec["tenant", "workflow", "state"];
    /// Runs that ended because somebody is protected, or because nobody could tell, by code.
    runs_refused_total: IntCounterVec["tenant", "code"];
    /// How often the brake held a run. Each run that is held asks again every few minutes, and is counted again.
    runs_braked_total: IntCounterVec["tenant"];
    /// Duration of one attempt at a run.
    run_duration_seconds: HistogramVec["workflow"];
    /// Steps by outcome.
    steps_total: IntCounterVec["tenant", "action", "outcome"];
    /// Duration of one attempt at a step.
    step_duration_seconds: HistogramVec["action"];
    /// Steps that failed permanently, by class (who must act) and code.
    step_failures_total: IntCounterVec["tenant", "action", "class", "code"];
    /// Runs and syncs postponed to a later attempt, by code of the failure.
    retries_total: IntCounterVec["tenant", "code"];
    /// Syncs that ended, by state.
    syncs_total: IntCounterVec["tenant", "what", "state"];
    /// Duration of one pass of a sync.
    sync_duration_seconds: HistogramVec["what"];
    /// Rows that syncs sent.
    sync_rows_total: IntCounterVec["tenant", "what"];
    /// Pages that a full queue refused; each is offered again.
    sync_pages_refused_total: IntCounterVec["what"];
    /// Sleeps of runs until a step or a stage is due.
    sleeps_total: IntCounterVec["workflow"];
    /// Messages set aside as dead letters, by reason.
    dead_letters_total: IntCounterVec["reason"];
    /// Calls to Microsoft Graph that wait in the worker for their turn.
    graph_calls_waiting: IntGaugeVec["tenant", "service"];
    /// Calls to Microsoft Graph that were sent and have no answer yet.
    graph_calls_under_way: IntGaugeVec["tenant", "service"];
    /// This worker's share of Microsoft's limits for the application. The shares of all workers add up to 1, and to less
    /// for a moment when workers come or go.
    graph_limits_share: Gauge;
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
    /// Messages that wait in a queue of the broker, as this worker saw it last. Every worker sees the same, so take the
    /// maximum. Messages that workers hold are not among them.
    queue_messages: IntGaugeVec["queue"];
    /// Consumers of a queue of the broker, as this worker saw it last.
    queue_consumers: IntGaugeVec["queue"];
    /// How long this worker has seen messages in the queue whenever it looked. Of dead letters: for how long there has
    /// been one.
    queue_filled_seconds: GaugeVec["queue"];
    /// Messages delivered by the broker.
    deliveries_total: IntCounterVec["queue", "redelivered"];
    /// When a worker last settled a message, in seconds since 1970.
    last_settled_timestamp_seconds: GaugeVec["queue"];
    /// Messages published, by outcome; ack means stored and confirmed.
    publishes_total: IntCounterVec["exchange", "outcome"];
    /// Messages on their way whose confirm is still to come. Those to the exchange of results are what the history lags
    /// behind.
    publishes_unconfirmed: IntGaugeVec["exchange"];
    /// Time from publishing a message to the broker's confirm.
    publish_confirm_seconds: HistogramVec["exchange"];
    /// Messages being processed.
    in_flight: IntGaugeVec["queue"];
    /// Messages that arrived before their due time and were returned to the delay.
    redelays_total: IntCounterVec["queue"];
    /// Messages put off unchanged, by reason: turn, no_place, suspect, tenant_paused, clock, person, brake, ledger_unread or
    /// history_unread.
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
    /// How old the last record of the ledger was when this worker read it.
    ledger_lag_seconds: Gauge;
    /// 1 while claims are answered, else 0.
    ledger_ready: IntGauge;
    /// 1 while the clock is more than a minute from Microsoft's, so that this worker begins no run, else 0.
    clock_wrong: IntGauge;
    /// 1 while a tenant is paused because its credential is missing or refused, else 0.
    tenant_paused: IntGaugeVec["tenant"];
    /// When a tenant's credential ends, in seconds since 1970. Only a certificate tells.
    credential_expires_timestamp_seconds: GaugeVec["tenant"];
    /// Panics caught by the worker.
    panics_total: IntCounter;
    /// Publishers in the settings; 0 means that everybody who may publish may ask for everything.
    publishers_listed: IntGauge;
    /// Always 1; the label is the version.
    build_info: IntGaugeVec["version"];
    /// Processor time that the process has used.
    process_cpu_seconds_total: Counter;
    /// Memory of the process that is not swapped out.
    process_resident_memory_bytes: IntGauge;
    /// Files and connections that the process has open.
    process_open_fds: IntGauge;
    /// How many files and connections the process may have open.
    process_max_fds: IntGauge;
    /// Threads of the process.
    process_threads: IntGauge;
    /// When the process started, in seconds since 1970.
    process_start_time_seconds: Gauge;
}

impl Metrics {
    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Whether this process works on a run.
    pub fn is_run_under_way(&self) -> bool {
        self.runs_under_way.load(Ordering::Relaxed) > 0
    }

    /// Counts a run whose work began (+1) or ended (-1).
    pub fn run_under_way(&self, change: i64) {
        self.runs_under_way.fetch_add(change, Ordering::Relaxed);
    }
}

/// The name of a metric. Dashboards for all programs know those of the process without a prefix.
fn named(name: &str) -> String {
    if name.starts_with("process_") { name.to_owned() } else { format!("gatehouse_{name}") }
}

/// Creates a collector of its kind.
trait Made: Sized {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error>;
}

impl Made for Counter {
    fn made(name: &str, help: &str, _: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(name, help)
    }
}

impl Made for Gauge {
    fn made(name: &str, help: &str, _: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(name, help)
    }
}

impl Made for GaugeVec {
    fn made(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        Self::new(Opts::new(name, help), labels)
    }
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
        let buckets = if name == "gatehouse_event_age_seconds" { AGES.to_vec() } else { SECONDS.to_vec() };
        Self::new(HistogramOpts::new(name, help).buckets(buckets), labels)
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
        assert!(text.contains("\nprocess_open_fds 0\n"), "{text}");
    }
}
