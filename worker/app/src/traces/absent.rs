//! A build without the feature `otlp`: nothing is recorded.

use super::context::TraceParent;
use super::span::{About, Place};

/// There is none.
pub enum Recorded {}

impl Recorded {
    /// What a message says that is sent from here.
    pub fn context(&self) -> Option<TraceParent> {
        match *self {}
    }

    /// Adds an attribute.
    pub fn note(&self, _: &'static str, _: &str) {
        match *self {}
    }

    /// Says that the work failed.
    pub fn fail(&self, _: &str) {
        match *self {}
    }
}

/// Begins nothing.
pub fn begin(_: &About<'_>, _: &Place<'_>) -> Option<Recorded> {
    None
}

/// Says so if the environment asks for traces.
pub fn start(_prefix: &str, _process: &str) {
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = set.filter_map(|(name, _)| name.into_string().ok());
    let set: Vec<_> = names.filter(|name| name.starts_with("OTEL_")).collect();
    if !set.is_empty() {
        tracing::warn!(
            variables = set.join(" "),
            "this build cannot send traces, so the OTEL_* variables have no effect: use the package or the image, or build \
             with `--features gatehouse/otlp`"
        );
    }
}

/// Nothing is under way.
pub async fn stop() {}
