//! Logging: what gets a line, and what a line contains.
//!
//! - The message is for people, the fields are for queries; both identify the run.
//! - Fields are dotted by entity: `run.id`, `event.id`, `step.name`, `duration_ms`; the name includes the unit.
//! - A failure is logged once, where it is settled: a retry is `warn`, a rejection is `info`, a failure that an
//!   operator or the developers must fix is `error`.
//! - Never log names, addresses, message bodies, tokens or secrets. Object ids are allowed. A panic's text can contain
//!   anything, so only its place is logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts logging to standard error.
///
/// # Errors
///
/// `log.level` is invalid.
pub fn start(log: &Log) -> Result<(), String> {
    // lapin logs the body of a message that no queue accepted. It logs every refusal of the broker as an error, even if
    // a worker only asks whether a queue exists (4.12.3, seen 2026-11-30). The worker itself logs each of these errors
    // once.
    let filter = EnvFilter::try_new(format!("lapin=off,{}", log.level)).map_err(|error| {
        format!("log.level `{}` is invalid: {error}; use a level such as `info`", log.level)
    })?;
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked; this is a defect of Gatehouse");
    }));
    Ok(())
}
