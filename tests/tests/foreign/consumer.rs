//! The example of a consumer of syncs keeps its table right, however often it and the worker are killed.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use msgraph_emulator::{Application, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, repository};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// More people than ten pages hold.
const PEOPLE: usize = 1_300;
/// Pages after which something is killed, counted over all passes.
const KILLS: [u64; 6] = [1, 2, 4, 7, 11, 16];

/// The consumer and its table.
struct Consumer {
    folder: tempfile::TempDir,
    url: String,
    prefix: String,
    child: Option<Child>,
}

impl Consumer {
    /// A consumer of this testbed that has not started yet.
    fn of(testbed: &Testbed) -> Self {
        let (url, prefix) = (testbed.broker.url().to_owned(), testbed.prefix().to_owned());
        Self { folder: tempfile::TempDir::new().unwrap(), url, prefix, child: None }
    }

    fn python() -> Command {
        let python =
            std::env::var("FOREIGN_PYTHON").expect("FOREIGN_PYTHON is not set: run `make test-foreign`");
        Command::new(Path::new(&repository::root()).join(python))
    }

    fn database(&self) -> String {
        self.folder.path().join("people.sqlite").display().to_string()
    }

    /// Starts it and waits until it consumes.
    async fn start(&mut self) {
        let script = repository::root().join("deploy/examples/sync_consumer.py");
        let mut command = Self::python();
        command.arg(script).args([&self.url, &self.prefix, &self.database()]);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        self.child = Some(child);
    }

    /// Kills it at once.
    async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// The rows of a query, each as a list.
    async fn rows(&self, query: &str) -> Vec<Vec<Value>> {
        const PROGRAM: &str = "import json, sqlite3, sys\n\
            print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
        let output = Self::python().args(["-c", PROGRAM, &self.database(), query]).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn count(&self, query: &str) -> u64 {
        self.rows(query).await[0][0].as_u64().unwrap()
    }

    /// Waits until a query counts at least this much.
    async fn reaches(&self, query: &str, count: u64) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while self.count(query).await < count {
            looks.tick().await;
        }
    }
}

fn tenant() -> Tenant {
    (0..PEOPLE).fold(Tenant::empty(), |tenant, number| {
        let user = User::new(&format!("person.{number}@contoso.example"), &format!("Person {number}"));
        tenant.user(user.with("department", "E".repeat(60)).with("jobTitle", "J".repeat(120)))
    })
}

#[tokio::test]
async fn the_example_of_a_consumer_keeps_its_table_right_through_kills() {
    let mut testbed = Testbed::with(tenant()).build().await;
    let mut consumer = Consumer::of(&testbed);
    let mut worker = testbed.worker().await;
    consumer.start().await;
    let sync = |id: &str| events::event(id, "gatehouse.sync.requested.v1", json!({ "what": "users" }));
    testbed.publisher.event(&sync("first")).await;
    for (turn, pages) in KILLS.into_iter().enumerate() {
        consumer.reaches("SELECT count(*) FROM page", pages).await;
        if turn % 2 == 0 {
            consumer.kill().await;
            consumer.start().await;
        } else {
            worker.kill().await;
            worker = testbed.worker().await;
        }
    }
    consumer.reaches("SELECT count(*) FROM cursor", 1).await;
    consumer.reaches("SELECT count(*) FROM object", PEOPLE as u64).await;
    let ids = "SELECT key FROM present ORDER BY key";
    let expected: Vec<Vec<Value>> = {
        let state = testbed.emulator.state();
        let mut ids: Vec<_> = state["users"].as_object().unwrap().keys().cloned().collect();
        ids.sort();
        ids.into_iter().map(|id| vec![json!(id)]).collect()
    };
    assert_eq!(consumer.rows(ids).await, expected);

    // Somebody who is in the table and no longer in the tenant goes with the end of a complete pass, and not before.
    let gone = "INSERT INTO object VALUES ('', 'users', 'user', 'gone', '{}', '{}', 1, 1, 0)";
    consumer.kill().await;
    let program = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as d: d.execute(sys.argv[2])";
    assert!(
        Consumer::python()
            .args(["-c", program, &consumer.database(), gone])
            .status()
            .await
            .unwrap()
            .success()
    );
    consumer.start().await;
    testbed.publisher.event(&sync("second")).await;
    let generations = "SELECT count(DISTINCT generation) FROM finished WHERE generation > 1";
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while consumer.count("SELECT count(*) FROM object WHERE key = 'gone'").await > 0 {
        looks.tick().await;
    }
    assert!(consumer.count(generations).await >= 1);
    assert_eq!(consumer.rows(ids).await, expected);
    consumer.kill().await;
    testbed.drain([worker]).await;
    for queue in ["replies.people.pages", "replies.people.ends"] {
        testbed.delete_queue(queue).await;
    }
    testbed.close().await;
}

#[tokio::test]
async fn the_example_keeps_days_of_usage_right_through_kills() {
    let roles =
        ["Reports.Read.All", "ReportSettings.Read.All", "User.Read.All", "LicenseAssignment.Read.All"];
    let application = roles.into_iter().fold(Application::default(), Application::role);
    let tenant = Tenant::contoso().application(application).crowd(1, 1_500).lifelike();
    let mut testbed = Testbed::with(tenant).set("GRAPH__LIMITS_SHARE", 1000).build().await;
    let mut consumer = Consumer::of(&testbed);
    let mut worker = testbed.worker().await;
    consumer.start().await;
    let usage = |id: &str, have: Value| {
        let data = json!({ "what": "usage", "days": 4, "have": have });
        events::event(id, "gatehouse.sync.requested.v1", data)
    };
    testbed.publisher.event(&usage("first", json!([]))).await;
    for (turn, pages) in [1, 3, 6, 9].into_iter().enumerate() {
        consumer.reaches("SELECT count(*) FROM page", pages).await;
        if turn % 2 == 0 {
            consumer.kill().await;
            consumer.start().await;
        } else {
            worker.kill().await;
            worker = testbed.worker().await;
        }
    }
    let swept = "SELECT count(*) FROM swept WHERE kind = 'usage_app' OR kind LIKE 'usage 2%'";
    consumer.reaches(swept, 5).await;
    let people =
        "SELECT json_extract(fields, '$.date'), count(*) FROM present WHERE kind = 'usage' GROUP BY 1";
    let counted = "SELECT json_extract(fields, '$.date'), json_extract(fields, '$.people') FROM present \
                   WHERE kind = 'usage_day' AND json_extract(fields, '$.state') = 'read' ORDER BY 1";
    let rows = consumer.rows(people).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows, consumer.rows(counted).await, "each day has as many rows as people");

    // A day that was restated replaces the day, and the others stay.
    let have = consumer.rows("SELECT date, refresh_date, mark FROM have ORDER BY 1").await;
    let have: Vec<Value> = have
        .into_iter()
        .map(|day| json!({ "date": day[0], "refresh_date": day[1], "mark": day[2] }))
        .collect();
    let date = |day: &Value| day["date"].as_str().unwrap().parse().unwrap();
    let (restated, on): (jiff::civil::Date, jiff::civil::Date) = (date(&have[0]), date(&have[3]));
    testbed.emulator.with_tenant(|tenant| tenant.report_switches().restated.insert(restated, on));
    let of = format!("FROM swept WHERE kind = 'usage {restated}'");
    let before = consumer.count(&format!("SELECT generation {of}")).await;
    testbed.publisher.event(&usage("second", json!(have))).await;
    consumer.reaches(&format!("SELECT count(*) {of} AND generation > {before}"), 1).await;
    assert_eq!(consumer.rows(people).await, consumer.rows(counted).await);
    consumer.kill().await;
    testbed.drain([worker]).await;
    for queue in ["replies.people.pages", "replies.people.ends"] {
        testbed.delete_queue(queue).await;
    }
    testbed.close().await;
}
