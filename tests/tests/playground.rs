//! `make playground` as a user meets it: runs the printed commands with the printed settings, then presses Ctrl-C.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::process::Stdio;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use system_tests::results::PATIENCE;
use system_tests::{BrokerNode, repository};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// Starts the playground with a folder for its files; returns it and every line it prints.
async fn playground(folder: &TempDir) -> (Child, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command.env_clear().env("AMQP_URL", BrokerNode::shared().url()).env("TMPDIR", folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines: Vec<String> = Vec::new();
    let reading = async {
        while lines.last().is_none_or(|line| !line.starts_with("Press Ctrl-C")) {
            lines.push(output.next_line().await.unwrap().unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    (child, lines)
}

/// What another terminal prints after the printed `export` lines and a printed command.
async fn in_another_terminal(lines: &[String], command: &str) -> String {
    let exports: Vec<_> =
        lines.iter().map(String::as_str).filter(|line| line.starts_with("export ")).collect();
    assert_eq!(exports.len(), 2, "{lines:#?}");
    let printed = lines.iter().find(|line| line.starts_with(command)).unwrap();
    let script = format!("{}\n{printed}", exports.join("\n"));
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, shell.output()).await.unwrap().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{stdout}\n{stderr}");
    stdout
}

/// The lines that the README shows of the first event, without those it leaves out.
fn readme_shows() -> Vec<String> {
    let readme = repository::text("README.md");
    let (_, block) = readme.split_once("$ gatehouse publish --wait hire-ada.json\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.lines().filter(|line| line.trim() != "…").map(str::to_owned).collect()
}

/// The queue of events, as the settings file names it.
fn queue(lines: &[String]) -> String {
    let config = lines.iter().find_map(|line| line.strip_prefix("export GATEHOUSE_CONFIG=")).unwrap();
    let settings = std::fs::read_to_string(config).unwrap();
    let prefix = settings.lines().find_map(|line| line.strip_prefix("broker.prefix = ")).unwrap();
    format!("{}.workflows", prefix.trim_matches('"'))
}

async fn exists(queue: &str) -> bool {
    let url = BrokerNode::shared().url().to_owned();
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), passive, FieldTable::default()).await.is_ok()
}

#[tokio::test]
async fn the_first_event_succeeds_as_printed_and_ctrl_c_removes_everything() {
    let folder = TempDir::new().unwrap();
    let (mut playground, lines) = playground(&folder).await;
    // Lines with a path of this machine may be longer.
    let own = lines.iter().filter(|line| !line.contains('/'));
    assert!(own.clone().all(|line| line.chars().count() <= 80), "{lines:#?}");
    let queue = queue(&lines);
    assert!(exists(&queue).await);

    let published = in_another_terminal(&lines, "gatehouse publish --wait ").await;
    assert!(published.contains("create_user") && published.trim_end().ends_with("succeeded"), "{published}");
    for line in readme_shows() {
        assert!(published.lines().any(|printed| printed == line), "README: {line}\n{published}");
    }
    let planned = in_another_terminal(&lines, "gatehouse plan ").await;
    assert!(planned.contains("disable_account"), "{planned}");

    let id = playground.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, playground.wait()).await.unwrap().unwrap();
    let mut errors = String::new();
    playground.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert_eq!((ended.code(), errors.as_str()), (Some(0), "playground: stopped; cleaning up\n"));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "files are left");
    assert!(!exists(&queue).await, "{queue} is left");
}
