//! A sync of people: beside a client that only downloads the same pages, beside a publisher of the same bodies, and a
//! leaver meanwhile.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Consumer};
use memchr::memmem;
use msgraph_emulator::{Application, Emulator, Options, Tenant, User};
use serde_json::{Value, json};
use system_tests::settings::{connection_settings, setting};
use system_tests::worker_process::start;
use system_tests::{Testbed, events};

use crate::bare_pages;
use crate::measured::{Measured, bare_loop};
use crate::process::{cpu, median, peak_mb};
use crate::size::Size;

/// The people of the tenant besides the crowd.
const CONTOSO: usize = 4;
/// People who can leave.
const LEAVERS: usize = 64;

/// Prints all parts.
pub async fn run(size: &Size) {
    println!("everybody is read; the bare client downloads the same pages; in brackets the ratio to it");
    println!(
        "{:>9} {:>12} {:>21} {:>21} {:>21} {:>9}",
        "people", "bare rows/s", "totals rows/s", "CSV rows/s", "NDJSON rows/s", "peak"
    );
    for people in size.people {
        read(*people, size.rounds).await;
    }
    pages(size).await;
}

/// Prints the parts in which pages are sent.
pub async fn pages(size: &Size) {
    publish(size.published_people, size.rounds).await;
    leavers(size.published_people, size.sync_leavers).await;
}

fn tenant(people: usize) -> Tenant {
    let roles = ["User.Read.All", "User-LifeCycleInfo.Read.All"];
    let application = roles.into_iter().fold(Application::default(), Application::role);
    Tenant::contoso().application(application).crowd(1, people as u64).lifelike()
}

/// Reading alone, in processes of their own.
async fn read(people: usize, rounds: usize) {
    let emulator = Emulator::start(Options::new(tenant(people))).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = |ending: &str| folder.path().join(format!("people.{ending}")).display().to_string();
    let (csv, lines) = (file("csv"), file("ndjson"));
    let [mut bare, mut totals, mut sheets, mut files, mut peaks] = [const { Vec::new() }; 5];
    for _ in 0..rounds {
        let (rate, peak) = gatehouse(&emulator, &["sync", "users", "--output", "json"], people).await;
        totals.push(rate);
        peaks.push(peak);
        bare.push(people as f64 / download(&emulator).await);
        for (file, rates) in [(&csv, &mut sheets), (&lines, &mut files)] {
            let arguments = ["sync", "users", "--output", "json", "--out", file];
            let (rate, peak) = gatehouse(&emulator, &arguments, people).await;
            // To replace a file is to delete one as large.
            std::fs::remove_file(file).unwrap();
            rates.push(rate);
            peaks.push(peak);
        }
        emulator.clear_journal();
    }
    let (bare, totals, sheets, files) = (median(bare), median(totals), median(sheets), median(files));
    println!(
        "{people:>9} {bare:>12.0} {totals:>14.0} ({:.2}) {sheets:>14.0} ({:.2}) {files:>14.0} ({:.2}) {:>6.1} MB",
        totals / bare,
        sheets / bare,
        files / bare,
        peaks.into_iter().fold(0.0, f64::max),
    );
}

/// Rows a second and the most memory of a command that reads everybody.
async fn gatehouse(emulator: &Emulator, arguments: &[&str], people: usize) -> (f64, f64) {
    let mut settings = connection_settings(emulator, "amqp://127.0.0.1:1", "none");
    settings.push(setting("TENANTS__CONTOSO__SIZE", "large"));
    let log = tempfile::NamedTempFile::new().unwrap();
    let started = Instant::now();
    let mut child = start(arguments, &settings, log.path());
    let (id, mut peak) = (child.id().unwrap(), 0.0);
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended.unwrap(),
            _ = looks.tick() => peak = peak_mb(id).unwrap_or(peak),
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    assert!(ended.success(), "{}", std::fs::read_to_string(log.path()).unwrap());
    (people as f64 / seconds, peak)
}

/// The listing that the worker asked for.
fn listing(emulator: &Emulator) -> String {
    let journal = emulator.journal();
    let is_listing = |path: &str| path.starts_with("/v1.0/users?") && !path.contains("skiptoken");
    let paths = journal.iter().rev().map(|entry| format!("{}?{}", entry.path, entry.query));
    paths.into_iter().find(|path| is_listing(path)).unwrap()
}

/// The seconds that a bare client takes for the pages that the worker asked for last.
async fn download(emulator: &Emulator) -> f64 {
    let (path, application) = (listing(emulator), emulator.application());
    let (url, tenant, client) = (emulator.url(), application.tenant_id, application.client_id);
    let arguments = ["bare-pages", &url, &tenant, &client, &application.client_secret, &path];
    1.0 / bare_loop(&arguments, 1).await.0
}

/// Reading and sending pages: beside a bare publisher alone, and beside a bare client and a bare publisher that work at
/// the same time, as a worker must.
async fn publish(people: usize, rounds: usize) {
    // It answers at once, so that the sending is what is measured.
    let mut testbed = testbed_of(people, Duration::ZERO).await;
    let worker = testbed.worker_of("sync").await;
    let exchange = format!("{}.sync", testbed.prefix());
    let (mut ours, mut bares, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let everybody = people + CONTOSO + LEAVERS;
    for round in 0..rounds {
        let mut pages = Drain::bind(testbed.broker.url(), &exchange).await;
        let id = format!("sync-{round}");
        let started = Instant::now();
        testbed.publisher.event(&sync(&id, json!({ "what": "users" }))).await;
        let (end, bodies) = tokio::join!(end_of(&mut testbed.results, &id), pages.rows(everybody));
        ours.push(people as f64 / started.elapsed().as_secs_f64());
        assert_eq!(end["complete"], true, "{end}");
        let twice =
            tokio::spawn(
                async move { (pages.rows(everybody).await.len(), pages.rows(everybody).await.len()) },
            );
        let publish = || bare_pages::publish(testbed.broker.url(), &exchange, "users.user", &bodies);
        bares.push(people as f64 / publish().await);
        let (published, downloaded) = tokio::join!(publish(), download(&testbed.emulator));
        both.push(people as f64 / published.max(downloaded));
        assert_eq!(twice.await.unwrap(), (bodies.len(), bodies.len()));
    }
    let (ours, bares, both) = (median(ours), median(bares), median(both));
    println!(
        "{people} people read and sent as pages: {ours:.0} rows/s; a bare publisher of these pages {bares:.0} rows/s, ratio {:.2}; \
         while a bare client downloads them {both:.0} rows/s, ratio {:.2}",
        ours / bares,
        ours / both
    );
    testbed.drain([worker]).await;
    testbed.tear_down().await;
}

/// Leavers alone, and while syncs run one after the other.
async fn leavers(people: usize, leavers: usize) {
    let mut testbed = testbed_of(people, Duration::from_millis(5)).await;
    let worker = Measured::start(&mut testbed).await;
    worker.ready().await;
    let mut pages = Drain::bind(testbed.broker.url(), &format!("{}.sync", testbed.prefix())).await;
    let reading = tokio::spawn(async move { while pages.consumer.next().await.is_some() {} });
    let idle = lock_outs(&mut testbed, 0..leavers).await;
    testbed.publisher.event(&sync("meanwhile", json!({ "what": "users" }))).await;
    let before = cpu(worker.id());
    let busy = lock_outs(&mut testbed, leavers..2 * leavers).await;
    let used = (cpu(worker.id()) - before).as_secs_f64();
    let has_ended = testbed.results.received().iter().any(|result| result.key.starts_with("sync."));
    println!(
        "a leaver takes {:.0} ms alone and {:.0} ms beside a sync, ratio {:.2}; the sync {} and the process used {used:.1} s of CPU",
        idle * 1e3,
        busy * 1e3,
        busy / idle,
        if has_ended { "had ended by then" } else { "was under way" },
    );
    worker.kill().await;
    reading.abort();
    testbed.tear_down().await;
}

/// The median seconds from an event to its end.
async fn lock_outs(testbed: &mut Testbed, numbers: std::ops::Range<usize>) -> f64 {
    let mut seconds = Vec::new();
    for number in numbers {
        let id = format!("leave-{number}");
        let started = Instant::now();
        testbed.publisher.event(&events::offboarding(&id, json!({ "upn": leaver(number) }))).await;
        let end = testbed.results.end_of(&id).await;
        assert_eq!(end["state"], "succeeded", "{end}");
        seconds.push(started.elapsed().as_secs_f64());
    }
    median(seconds)
}

fn leaver(number: usize) -> String {
    format!("leaver.{number}@contoso.example")
}

async fn testbed_of(people: usize, latency: Duration) -> Testbed {
    let tenant = (0..64)
        .fold(tenant(people), |tenant, number| tenant.user(User::new(&leaver(number), "Ada Lovelace")));
    let builder = Testbed::with(tenant).set("TENANTS__CONTOSO__SIZE", "large");
    builder.emulator(|options| options.latency(latency)).build().await
}

fn sync(id: &str, data: Value) -> Value {
    events::event(id, "gatehouse.sync.requested.v1", data)
}

async fn end_of(results: &mut system_tests::Results, event: &str) -> Value {
    loop {
        let received = results.next().await;
        if received.event["type"] == "gatehouse.sync.finished.v1" && received.event["causationid"] == event {
            return received.event["data"].clone();
        }
    }
}

/// A queue that takes every page.
struct Drain {
    _connection: Connection,
    consumer: Consumer,
}

impl Drain {
    async fn bind(url: &str, exchange: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.unwrap();
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        let name = queue.name().clone();
        channel.queue_bind(name.clone(), exchange.into(), "#".into(), bind, none.clone()).await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer = channel.basic_consume(name, "".into(), options, none).await.unwrap();
        Self { _connection: connection, consumer }
    }

    /// The bodies of pages that have this many rows together.
    async fn rows(&mut self, people: usize) -> Vec<Vec<u8>> {
        let (mut bodies, mut rows) = (Vec::new(), 0);
        while rows < people {
            let page = self.consumer.next().await.unwrap().unwrap();
            rows += memmem::find_iter(&page.data, b"\"user_principal_name\"").count();
            bodies.push(page.data);
        }
        bodies
    }
}
