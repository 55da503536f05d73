//! Logging: one line for what a person or a query wants to know later.
//!
//! - The message is for people, the fields are for queries; both name the run.
//! - Fields are dotted by entity: `run.id`, `event.id`, `step.name`, `duration_ms`; units stand in the name.
//! - A failure is logged once, where it is settled: retries and rejections are `warn` and `info`, what an
//!   operator or we must mend is `error`.
//! - Never: names, addresses, message bodies, tokens, secrets. Object ids are fine. A panic's text can hold
//!   anything, so only its place is logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts logging to standard error.
///
/// # Errors
///
/// When `log.level` does not parse.
pub fn start(log: &Log) -> Result<(), String> {
    // lapin writes a message that nobody took into its warning, body and all (4.12.3, seen 2026-11-21).
    let filter = EnvFilter::try_new(format!("lapin=error,{}", log.level)).map_err(|error| {
        format!("log.level `{}` does not parse: {error}; write a level such as `info`", log.level)
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
