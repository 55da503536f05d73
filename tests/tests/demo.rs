//! `make demo` reaches its end, fits a terminal of 80 columns, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::process::Stdio;

use system_tests::BrokerNode;
use system_tests::results::PATIENCE;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// The demo with a folder of its own for everything it puts on disk.
fn demo(folder: &TempDir) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.env_clear().env("AMQP_URL", BrokerNode::shared().url()).env("TMPDIR", folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap()
}

fn is_empty(folder: &TempDir) -> bool {
    std::fs::read_dir(folder.path()).unwrap().next().is_none()
}

#[tokio::test]
async fn the_demo_shows_everything_in_few_lines() {
    let folder = TempDir::new().unwrap();
    let output = tokio::time::timeout(PATIENCE, demo(&folder).wait_with_output()).await.unwrap().unwrap();
    let (shown, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines.len() <= 115, "{} lines", lines.len());
    // The ids in the list of dead letters stay whole, so that they can be copied, and so does the path of a request.
    let is_table = |line: &str| {
        line.starts_with("Id ") || line.contains(" retries_exhausted ") || line.contains(" invalid_event ")
    };
    let is_path = |line: &str| line.trim().starts_with('/') && !line.trim().contains(' ');
    let own = lines.iter().filter(|line| !is_table(line) && !is_path(line));
    assert!(own.clone().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(!shown.contains('\x1b'), "colour is for terminals");
    assert!(lines.last().unwrap().starts_with("Everything is as expected"), "{shown}");
    assert!(is_empty(&folder));
}

#[tokio::test]
async fn a_demo_that_is_interrupted_cleans_up() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let folder = TempDir::new().unwrap();
        let mut demo = demo(&folder);
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        while !lines
            .next_line()
            .await
            .unwrap()
            .unwrap_or_else(|| panic!("it ended early"))
            .contains("delayed")
        {}
        assert!(!is_empty(&folder));
        let id = demo.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, demo.wait()).await.unwrap().unwrap();
        let mut said = String::new();
        demo.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        assert_eq!((ended.code(), said.as_str()), (Some(code), "demo: stopped; cleaning up\n"));
        assert!(is_empty(&folder), "{signal}");
    }
}
