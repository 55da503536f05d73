//! Counters that are there, at zero, before anything has happened: a query sees their first step as an increase.
//!
//! Those whose labels have values that nobody lists, such as codes of Microsoft Graph, begin with their first step.

use actions::{PROTECTED, PROTECTION_UNKNOWN};
use messages::{SyncState, SyncSubject};
use outcome::State;

use crate::operate::metrics::Metrics;

/// Why messages are set aside most often.
const DEAD_LETTERS: [&str; 12] = [
    broker::CRASH_LOOP,
    broker::EXPIRED,
    "credentials_refused",
    "event_too_old",
    "internal",
    "invalid_event",
    PROTECTION_UNKNOWN,
    "publisher_not_allowed",
    "retries_exhausted",
    "too_large",
    "undecodable",
    "unknown_type",
];
/// What the ledger may decide that keeps a run from its work.
const DECISIONS: [&str; 10] = [
    "braked",
    "cancelled",
    "conflict",
    "finished",
    "leftover",
    "lost",
    "overtaken",
    "superseded",
    "unread",
    "wait",
];
/// Why messages of any queue are put off.
const PUT_OFF: [&str; 4] = ["no_place", "suspect", "tenant_paused", "turn"];
/// Why messages of runs are put off besides.
const RUNS_PUT_OFF: [&str; 5] = ["brake", "clock", "history_unread", "ledger_unread", "person"];

/// The counters of every worker.
pub fn of_worker(metrics: &Metrics) {
    for reason in DEAD_LETTERS {
        metrics.dead_letters_total.with_label_values(&[reason]);
    }
}

/// Those of the consumer of one queue.
pub fn of_queue(metrics: &Metrics, queue: &str) {
    for counter in
        [&metrics.sessions_started_total, &metrics.sessions_failed_total, &metrics.ack_failures_total]
    {
        counter.with_label_values(&[queue]);
    }
    for cause in broker::Cause::ALL.into_iter().filter(|cause| *cause != broker::Cause::Shutdown) {
        metrics.sessions_ended_total.with_label_values(&[queue, cause.as_str()]);
    }
    for reason in PUT_OFF {
        metrics.put_off_total.with_label_values(&[queue, reason]);
    }
}

/// Those of runs of these queues, in these tenants and workflows.
pub fn of_runs(metrics: &Metrics, queues: &[&str], tenants: &[&str], workflows: &[&str]) {
    for decision in DECISIONS {
        metrics.ledger_claims_total.with_label_values(&[decision]);
    }
    for queue in queues {
        for reason in RUNS_PUT_OFF {
            metrics.put_off_total.with_label_values(&[*queue, reason]);
        }
    }
    for tenant in tenants {
        for code in [PROTECTED, PROTECTION_UNKNOWN] {
            metrics.runs_refused_total.with_label_values(&[*tenant, code]);
        }
        for workflow in workflows {
            for state in [State::Succeeded, State::Partial, State::Failed, State::Rejected] {
                metrics.runs_total.with_label_values(&[*tenant, *workflow, state.as_str()]);
            }
        }
    }
}

/// Those of syncs of these tenants.
pub fn of_syncs(metrics: &Metrics, tenants: &[&str]) {
    for what in SyncSubject::ALL.map(SyncSubject::as_str) {
        metrics.sync_pages_refused_total.with_label_values(&[what]);
        for tenant in tenants {
            metrics.sync_rows_total.with_label_values(&[*tenant, what]);
            for state in SyncState::ALL.map(SyncState::as_str) {
                metrics.syncs_total.with_label_values(&[*tenant, what, state]);
            }
        }
    }
}
