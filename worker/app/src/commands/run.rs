//! `gatehouse run`: the worker.

use std::io;
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::Arc;

use broker::{Inventory, Readiness};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::CommandError;
use crate::delivery::consume::Consumer;
use crate::delivery::neighbours::Neighbours;
use crate::delivery::places::Places;
use crate::delivery::publishers::Publishers;
use crate::delivery::queues::{ACCESS, SYNC, WORKFLOWS};
use crate::delivery::replies::AllowedReplies;
use crate::delivery::work::Work;
use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::operate::admin::{self, Health};
use crate::operate::background::Background;
use crate::operate::metrics::Metrics;
use crate::operate::observers::{OfQueue, OfTenant};
use crate::operate::process;
use crate::operate::telemetry;
use crate::operate::watch::Watch;
use crate::operate::zeros;
use crate::runs::Runs;
use crate::runs::access::LockOuts;
use crate::runs::brake::Brakes;
use crate::runs::said::Said;
use crate::runs::turns::Turns;
use crate::settings::Config;
use crate::settings::error::ConfigError;
use crate::settings::limits_share::LimitsShare;
use crate::sync::schedule::Schedules;
use crate::sync::{Syncs, Tallies};
use crate::tenants::Tenants;
use crate::tenants::share::Share;
use crate::traces::otlp;

/// Arguments of `gatehouse run`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse run
  gatehouse run --only sync
  gatehouse --config /etc/gatehouse.toml run
  GATEHOUSE__WORKER__CONCURRENCY=64 gatehouse run")]
pub struct Args {
    /// Serve only this queue
    #[arg(long, value_enum, value_name = "QUEUE")]
    only: Option<Only>,
}

/// The queues that a worker can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// Onboarding, change and offboarding
    Workflows,
    /// Lock-outs and cancels
    Access,
    /// Syncs, and their schedules
    Sync,
}

pub async fn run(Args { only }: Args, config: Config) -> Result<ExitCode, CommandError> {
    telemetry::start(&config.log).map_err(CommandError::Input)?;
    let metrics = Arc::new(Metrics::new().map_err(|error| CommandError::Input(error.to_string()))?);
    process::started(&metrics);
    zeros::of_worker(&metrics);
    metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    let observe = |tenant: &str| -> Arc<dyn msgraph::Observer> { Arc::new(OfTenant::new(&metrics, tenant)) };
    // One client for each tenant, whoever asks: they share its limits, and a sync goes last.
    let tenants = Tenants::as_far_as_usable(&config, &observe)?;
    let mut settings = config.broker()?;
    settings.process = worker_name();
    otlp::start(&settings.prefix, &settings.process);
    config.weaknesses().iter().for_each(|weakness| tracing::warn!("{weakness}"));
    let publishers = config.publishers()?;
    metrics.publishers_listed.set(publishers.count().try_into().unwrap_or(i64::MAX));
    let (stop, stopped) = watch::channel(false);
    let mut worker = Worker {
        settings,
        metrics: Arc::clone(&metrics),
        replies: config.replies()?,
        stopped,
        consumers: Vec::new(),
        neighbours: Arc::new(Neighbours::new()),
    };
    let (mut background, mut turns) = (None, None);
    let ledger = read_ledger(&config, &worker.settings)?;
    if only != Some(Only::Sync) {
        let turns = Arc::clone(turns.insert(turns_by(&ledger, &config, &tenants, &metrics)?));
        let runs = Runs {
            workflows: super::workflows(&config, tenants.clone())?,
            publishers: publishers.clone(),
            turns,
            said: Said::new(worker.settings.clone()),
            speaks_after: config.history.speaks_after(),
            seal: config.snapshot_seal()?,
            metrics: Arc::clone(&metrics),
        };
        add_runs(&mut worker, runs, only, &config)?;
    }
    if only.is_none_or(|only| only == Only::Sync) {
        let settings = of_syncs(&worker.settings, config.sync.concurrency());
        let syncs = syncs(&config, tenants.clone(), publishers, Arc::clone(&ledger), Arc::clone(&metrics))?;
        zeros::of_syncs(&metrics, &tenants.iter().map(|(name, _)| name).collect::<Vec<_>>());
        let places = Places::new(config.sync.concurrency().get(), 0);
        // One for the broker besides those that read.
        let threads = usize::from(config.sync.concurrency().get()).saturating_add(1);
        let threads = background.insert(Background::start(threads)?).handle();
        tokio::spawn(syncs.schedules.clone().keep_armed(settings.clone()));
        worker.add(syncs, SYNC, settings, places, threads)?;
    }
    if !config.admin.listen.is_empty() {
        tokio::spawn(watch(&config, &worker, &ledger)?.keep_looking());
        let (sessions, tenants, ledger) = (worker.readiness(), tenants.clone(), Arc::clone(&ledger));
        serve_admin(&config.admin.listen, Health { metrics, sessions, tenants, ledger, turns }).await?;
    }
    let signing_in = tenants.clone();
    tokio::spawn(async move { signing_in.sign_in().await });
    tracing::info!(version = env!("CARGO_PKG_VERSION"), concurrency = config.concurrency(), "worker started");
    stop_at_signal(stop)?;
    follow_share(&config, &worker, tenants, ledger).await?;
    let serving = worker.serve();
    let mut abandoned = 0_usize;
    for ended in serving {
        abandoned = abandoned.saturating_add(ended.await.map_err(io::Error::other)?.abandoned);
    }
    drop(background);
    otlp::stop().await;
    tracing::info!(abandoned, "worker stopped");
    Ok(ExitCode::SUCCESS)
}

/// Stops the worker at a signal.
fn stop_at_signal(stop: watch::Sender<bool>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "worker is stopping; it finishes running work first");
        let _ = stop.send(true);
    });
    Ok(())
}

/// Adds the consumers of runs. Each has places of its own, so that whatever is done keeps no lock-out waiting.
fn add_runs(
    worker: &mut Worker,
    runs: Runs,
    only: Option<Only>,
    config: &Config,
) -> Result<(), CommandError> {
    let tenants: Vec<_> = runs.workflows.tenants.iter().map(|(name, _)| name).collect();
    let workflows: Vec<_> =
        runs.workflows.definitions.iter().map(|workflow| workflow.name.as_str()).collect();
    zeros::of_runs(&worker.metrics, &[WORKFLOWS, ACCESS], &tenants, &workflows);
    let runs = Arc::new(runs);
    if only != Some(Only::Access) {
        let places = Places::new(config.concurrency(), config.lock_out_places());
        let settings = worker.settings.clone();
        worker.add(Arc::clone(&runs), WORKFLOWS, settings, places, Handle::current())?;
    }
    if only != Some(Only::Workflows) {
        let concurrency = config.access.concurrency();
        let settings = of_lock_outs(&worker.settings, concurrency);
        let places = Places::new(concurrency.get(), concurrency.get());
        worker.add(LockOuts(runs), ACCESS, settings, places, Handle::current())?;
    }
    Ok(())
}

/// Reads the ledger from now on.
fn read_ledger(config: &Config, settings: &broker::Settings) -> Result<Arc<Client<Stream>>, CommandError> {
    // The next process of this name must not take the records of this one for its own.
    let name = format!("{}-{}", settings.process, Uuid::new_v4().simple());
    let client = Client::new(Stream::new(settings.clone()), name, config.timing()?);
    let reading = Arc::clone(&client);
    tokio::spawn(async move { Box::pin(reading.serve()).await });
    Ok(client)
}

/// Who acts for whom, by this ledger.
fn turns_by(
    ledger: &Arc<Client<Stream>>,
    config: &Config,
    tenants: &Tenants,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Turns>, CommandError> {
    let brakes = Brakes::new(config.brakes(), tenants);
    let clock = tenants.clock().clone();
    let turns = Turns::new(Arc::clone(ledger), config.directories()?, brakes, clock, Arc::clone(metrics));
    Ok(Arc::new(turns))
}

/// The work of the second queue.
fn syncs(
    config: &Config,
    tenants: Tenants,
    publishers: Publishers,
    ledger: Arc<Client<Stream>>,
    metrics: Arc<Metrics>,
) -> Result<Syncs, CommandError> {
    Ok(Syncs {
        tenants,
        publishers,
        prices: config.prices()?,
        policy: config.retry(),
        patience: config.sync.reader_patience(),
        schedules: Schedules::new(config.scheduled()?),
        privacy: config.usage_privacies()?,
        ledger,
        tallies: Tallies::default(),
        metrics,
    })
}

/// What a worker looks at by itself.
fn watch(config: &Config, worker: &Worker, ledger: &Arc<Client<Stream>>) -> Result<Watch, CommandError> {
    let inventory = Inventory::new(&worker.settings, &[])?;
    let queues = inventory.queue_names().map(str::to_owned).collect();
    let credentials = config.tenants.iter().map(|(name, tenant)| (name.clone(), config.tenant(tenant)));
    let metrics = Arc::clone(&worker.metrics);
    Ok(Watch::new(metrics, Arc::clone(ledger), credentials.collect(), queues))
}

/// Takes its share of Microsoft's limits, and follows the number of workers from now on.
async fn follow_share(
    config: &Config,
    worker: &Worker,
    tenants: Tenants,
    ledger: Arc<Client<Stream>>,
) -> Result<(), CommandError> {
    let metrics = Arc::clone(&worker.metrics);
    if let LimitsShare::Fixed(share) = config.graph.limits_share {
        metrics.graph_limits_share.set(share);
        return Ok(());
    }
    let topology = worker.settings.topology()?;
    let names = worker.settings.work_queues.iter().map(|queue| topology.work_queue(&queue.name));
    let queues = names.collect::<Result<_, _>>()?;
    let (consumers, grace) = (worker.readiness(), worker.settings.grace);
    Share { tenants, ledger, queues, consumers, grace, metrics }.follow().await;
    Ok(())
}

/// Serves metrics and health from now on.
async fn serve_admin(listen: &str, health: Health) -> Result<(), CommandError> {
    let (listener, address) = admin::listen(listen).await.map_err(|error| {
        ConfigError::Invalid(format!("admin.listen {listen}: {error}; choose another address"))
    })?;
    tracing::info!(%address, "metrics and health are served");
    tokio::spawn(admin::serve(listener, health));
    Ok(())
}

/// The consumers of one process. Each has a session of its own, so that the pages of a sync, and a broker that slows
/// them down, hold up no result of a run.
struct Worker {
    settings: broker::Settings,
    metrics: Arc<Metrics>,
    replies: AllowedReplies,
    stopped: watch::Receiver<bool>,
    consumers: Vec<(Readiness, Serve)>,
    neighbours: Arc<Neighbours>,
}

/// Starts to serve a queue.
type Serve = Box<dyn FnOnce() -> JoinHandle<broker::Ended> + Send>;

impl Worker {
    /// Adds the consumer of one queue, which runs there.
    fn add<W: Work>(
        &mut self,
        work: W,
        queue: &'static str,
        settings: broker::Settings,
        places: Places,
        runtime: Handle,
    ) -> Result<(), CommandError> {
        let observer = Arc::new(OfQueue::new(Arc::clone(&self.metrics), queue));
        let name = settings.process.clone();
        let consumer = broker::Consumer::new(settings, queue, observer)?;
        let readiness = consumer.readiness();
        let (metrics, neighbours) = (Arc::clone(&self.metrics), Arc::clone(&self.neighbours));
        let handler = Consumer::new(work, metrics, name, self.replies.clone(), places, neighbours);
        let mut stopped = self.stopped.clone();
        let serve = move || {
            // On a thread of the runtime's pool: tasks it spawns start without waking another thread.
            runtime.spawn(consumer.serve(handler, async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }))
        };
        self.consumers.push((readiness, Box::new(serve)));
        Ok(())
    }

    fn readiness(&self) -> Vec<Readiness> {
        self.consumers.iter().map(|(readiness, _)| readiness.clone()).collect()
    }

    fn serve(self) -> Vec<JoinHandle<broker::Ended>> {
        self.consumers.into_iter().map(|(_, serve)| serve()).collect()
    }
}

/// The broker's settings for lock-outs: as many that look again as those that act.
fn of_lock_outs(settings: &broker::Settings, concurrency: NonZeroU16) -> broker::Settings {
    let deliveries = concurrency.saturating_mul(NonZeroU16::MIN.saturating_add(1));
    broker::Settings { prefetch: deliveries, publishes: deliveries, ..settings.clone() }
}

/// The broker's settings for syncs: few at once, each with many pages on their way.
fn of_syncs(settings: &broker::Settings, concurrency: NonZeroU16) -> broker::Settings {
    let window = u16::try_from(crate::sync::WINDOW).unwrap_or(u16::MAX);
    let publishes = concurrency.saturating_mul(NonZeroU16::MIN.saturating_add(window));
    broker::Settings { prefetch: concurrency, publishes, ..settings.clone() }
}

/// Identifies the worker in the broker's list of connections and in dead letters.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("gatehouse-{}-{}", host.trim(), std::process::id())
}
