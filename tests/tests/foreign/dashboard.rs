//! Prometheus reads a worker at work, and every query of the dashboard is answered with numbers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use msgraph_emulator::{Application, CERTIFICATE, Fault};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::{Testbed, Worker, crowd, events, repository};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::picture::{self, Line, Panel};

const DASHBOARD: &str = "deploy/grafana/gatehouse.json";
const PICTURE: &str = "deploy/grafana/gatehouse.svg";
/// Each round has at most so many hires and leavers, after one that fails.
const PEOPLE: usize = 8;
/// Rounds differ in how many they have, so that lines in the picture do.
const WAVES: [usize; 5] = [PEOPLE, 3, 6, 2, 5];
/// A counter that begins with the first round, and a histogram, tell something with the second.
const ROUNDS: usize = 3;
/// As many as fill a minute.
const ROUNDS_OF_THE_PICTURE: usize = 16;

const WORKFLOWS: &str = "\
offboarding:
  stages:
    - name: lock out
      steps: [disable_account, revoke_sessions]
    - name: take back
      after: 2s
      steps: [remove_from_groups]
";

/// A Prometheus that reads a worker each second.
struct Prometheus {
    address: String,
    /// Killed when dropped, and its data with it.
    _child: Child,
    _folder: TempDir,
}

impl Prometheus {
    async fn reading(worker: &Worker) -> Self {
        let folder = TempDir::new().unwrap();
        let settings = folder.path().join("prometheus.yml");
        let target = worker.admin_address().await;
        let text = json!({
            "global": { "scrape_interval": "1s" },
            "scrape_configs": [{ "job_name": "gatehouse", "static_configs": [{ "targets": [target] }] }],
        });
        std::fs::write(&settings, text.to_string()).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", settings.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.args(["--web.listen-address=127.0.0.1:0", "--log.format=json"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("found no prometheus: run `make test-foreign`");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("Prometheus should be listening by now");
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if said["msg"] == "Listening on" {
                break said["address"].as_str().unwrap().to_owned();
            }
        };
        // Nobody else reads what it says, and a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, _child: child, _folder: folder }
    }

    /// What it answers to this question.
    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        // With this version of HTTP the answer comes in one piece.
        let request = format!("GET /api/v1/{path}?{} HTTP/1.0\r\n\r\n", fields.join("&"));
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert_eq!(body["status"], "success", "{request}\n{body}");
        body["data"]["result"].clone()
    }

    /// The sum of a metric now.
    async fn sum(&self, metric: &str) -> f64 {
        let result = self.ask("query", &[("query", &format!("sum({metric})"))]).await;
        result[0]["value"][1].as_str().map_or(0.0, |value| value.parse().unwrap())
    }

    /// The series of a query from then to now, without what is no number.
    async fn lines(&self, query: &str, legend: &str, since: Timestamp) -> Vec<Line> {
        let (start, end) = (since.to_string(), Timestamp::now().to_string());
        let fields = [("query", query), ("start", &start), ("end", &end), ("step", "1")];
        let result = self.ask("query_range", &fields).await;
        let series = result.as_array().unwrap().iter().map(|series| {
            let points = series["values"].as_array().unwrap().iter().map(|point| {
                let value: f64 = point[1].as_str().unwrap().parse().unwrap();
                (point[0].as_f64().unwrap(), value)
            });
            let points: Vec<_> = points.filter(|(_, value)| value.is_finite()).collect();
            Line { name: named(legend, &series["metric"]), points }
        });
        series.filter(|line| !line.points.is_empty()).collect()
    }
}

/// A text in a query of an address.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A legend with the labels of a series.
fn named(legend: &str, labels: &Value) -> String {
    let labels = labels.as_object().unwrap().iter();
    labels.fold(legend.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap())
    })
}

/// A query with the variables as Grafana fills them in.
fn filled_in(query: &str) -> String {
    query.replace("$__rate_interval", "5s").replace("$job", ".*").replace("$tenant", ".*")
}

/// Hires, leavers, a lock-out, a sync, a run that fails, an event that nobody can read, and a tenant that is not well.
async fn round(testbed: &mut Testbed, number: usize) {
    let first = number * PEOPLE;
    let after = first + WAVES[number % WAVES.len()];
    testbed.emulator.fault(Fault::status(403).method("PATCH").path("/users/").times(1));
    testbed.publisher.event(&crowd::leave(first)).await;
    assert_eq!(testbed.results.end_of(&crowd::leave_id(first)).await["state"], "failed");

    testbed.emulator.fault(Fault::status(400).path("$batch").times(1));
    testbed.emulator.fault(Fault::status(429).path("/assignLicense").times(2).retry_after("1"));
    for person in first + 1..after {
        testbed.publisher.event(&crowd::hire(person)).await;
        testbed.publisher.event(&crowd::leave(person)).await;
    }
    let revoked = format!("revoke-{number}");
    testbed
        .publisher
        .event(&events::access_revoke(&revoked, json!({ "employee_id": format!("L{first}") })))
        .await;
    testbed
        .publisher
        .event(&events::event(&format!("unknown-{number}"), "gatehouse.unknown.v1", json!({})))
        .await;
    let nameless = format!("nameless-{number}");
    testbed.publisher.event(&events::onboarding(&nameless, json!({ "upn": 7 }), events::none())).await;
    for what in ["users", "licenses"] {
        let id = format!("sync-{what}-{number}");
        testbed
            .publisher
            .event(&events::event(&id, "gatehouse.sync.requested.v1", json!({ "what": what })))
            .await;
    }
    let runs = (first + 1..after).flat_map(|person| [crowd::hire_id(person), crowd::leave_id(person)]);
    let syncs = ["users", "licenses"].map(|what| format!("sync-{what}-{number}"));
    let mut open: BTreeSet<String> = runs.chain([revoked, nameless]).chain(syncs).collect();
    while !open.is_empty() {
        let received = testbed.results.next().await;
        if received.event["type"].as_str().is_some_and(|kind| kind.ends_with(".finished.v1")) {
            open.remove(received.event["causationid"].as_str().unwrap_or_default());
        }
    }
}

#[tokio::test]
async fn prometheus_answers_every_query_of_the_dashboard_with_numbers() {
    let dashboard: Value = serde_json::from_str(&repository::text(DASHBOARD)).unwrap();
    let rounds = if repository::bless() { ROUNDS_OF_THE_PICTURE } else { ROUNDS };
    let tenant = crowd::tenant(rounds * PEOPLE).application(Application::default().certificate(CERTIFICATE));
    let testbed = Testbed::with(tenant).workflows(WORKFLOWS).set("TENANTS__CONTOSO__CLIENT_SECRET", "");
    let mut testbed = testbed.set("TENANTS__CONTOSO__BRAKE__LIMIT", 1_000).build().await;
    let certificate = testbed.file("certificate.pem", CERTIFICATE);
    testbed.set("TENANTS__CONTOSO__CERTIFICATE_FILE", certificate.display());
    let pages = testbed.pages(None).await;
    let worker = testbed.worker().await;
    let since = Timestamp::now();
    let prometheus = Prometheus::reading(&worker).await;
    for number in 0..rounds {
        round(&mut testbed, number).await;
        // What was counted is read before more is.
        let counted = worker.metrics().await.sum("gatehouse_events_total", "");
        until(async || prometheus.sum("gatehouse_events_total").await >= counted).await;
    }
    let answered = async || panels(&prometheus, &dashboard, since).await.1.is_empty();
    let patience = tokio::time::timeout(Duration::from_secs(20), until(answered)).await;
    let (mut panels, unanswered) = panels(&prometheus, &dashboard, since).await;
    assert!(patience.is_ok(), "these queries have no number as their answer: {unanswered:#?}");
    // The prefix of a test says nothing.
    let prefix = format!("{}.", testbed.prefix());
    for line in panels.iter_mut().flat_map(|panel| &mut panel.lines) {
        line.name = line.name.replace(&prefix, "");
    }
    let drawn = picture::drawn(&panels);
    if let Some(folder) = std::env::var_os("FOREIGN_SCREENSHOTS").map(PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("dashboard.svg"), &drawn).unwrap();
    }
    if repository::bless() {
        std::fs::write(repository::root().join(PICTURE), &drawn).unwrap();
    }
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "failed on purpose"]).await.ok();
    drop(pages);
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// Every panel with the answers to its queries, and the queries without an answer.
async fn panels(prometheus: &Prometheus, dashboard: &Value, since: Timestamp) -> (Vec<Panel>, Vec<String>) {
    let (mut panels, mut unanswered) = (Vec::new(), Vec::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let text = |key: &str| panel[key].as_str().unwrap_or_default().to_owned();
        let mut lines = Vec::new();
        for target in panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let query = filled_in(target["expr"].as_str().unwrap());
            let answer = prometheus.lines(&query, target["legendFormat"].as_str().unwrap(), since).await;
            if answer.is_empty() {
                unanswered.push(format!("{}: {query}", text("title")));
            }
            lines.extend(answer);
        }
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default().to_owned();
        panels.push(Panel { title: text("title"), kind: text("type"), unit, lines });
    }
    (panels, unanswered)
}
