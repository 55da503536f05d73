//! `gatehouse run`: the worker.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::delivery::consume::Consumer;
use crate::delivery::work::Work as _;
use crate::operate::admin;
use crate::operate::metrics::Metrics;
use crate::operate::telemetry;
use crate::runs::Runs;
use crate::settings::{Config, ConfigError};

/// Arguments of `gatehouse run`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse run
  gatehouse --config /etc/gatehouse.toml run
  GATEHOUSE__WORKER__CONCURRENCY=64 gatehouse run")]
pub struct Args {}

pub async fn run(Args {}: Args, config: Config) -> Result<ExitCode, CommandError> {
    telemetry::start(&config.log).map_err(CommandError::Input)?;
    let metrics = Arc::new(Metrics::new().map_err(|error| CommandError::Input(error.to_string()))?);
    metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    let graph_observer: Arc<dyn msgraph::Observer> = metrics.clone();
    let runs = Runs { workflows: super::workflows(&config, graph_observer)?, metrics: Arc::clone(&metrics) };
    let worker = worker_name();
    let mut settings = config.broker()?;
    settings.process = worker.clone();
    for weakness in config.weaknesses() {
        tracing::warn!("{weakness}");
    }
    let consumer = broker::Consumer::new(settings, Runs::QUEUE, metrics.clone())?;
    let handler = Consumer::new(runs, Arc::clone(&metrics), worker, config.replies()?);
    if !config.admin.listen.is_empty() {
        let (listener, address) = admin::listen(&config.admin.listen).await.map_err(|error| {
            let text = format!("admin.listen {}: {error}; choose another address", config.admin.listen);
            ConfigError::Invalid(text)
        })?;
        tracing::info!(%address, "metrics and health are served");
        tokio::spawn(admin::serve(listener, metrics, consumer.readiness()));
    }
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, concurrency = config.concurrency(), "worker started");
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "worker is stopping; it finishes running work first");
    };
    // On a thread of the runtime's pool: tasks it spawns start without waking another thread.
    let ended = tokio::spawn(consumer.serve(handler, shutdown)).await.map_err(io::Error::other)?;
    tracing::info!(abandoned = ended.abandoned, "worker stopped");
    Ok(ExitCode::SUCCESS)
}

/// Identifies the worker in the broker's list of connections and in dead letters.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("gatehouse-{}-{}", host.trim(), std::process::id())
}
