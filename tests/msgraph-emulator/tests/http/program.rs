//! The emulator as a program.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::client;

/// A started program, ended if the test stops early.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        // Most tests have ended it already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_msgraph-emulator"))
}

pub(crate) fn start(arguments: &[&str]) -> (Program, String) {
    let child = command().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut program = Program(child);
    let mut line = String::new();
    let out = program.0.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (program, url)
}

async fn state(url: &str) -> Value {
    let response = client().get(format!("{url}/_emulator/state")).send().await.unwrap();
    response.json().await.unwrap()
}

#[tokio::test]
async fn it_says_where_it_is_and_ends_cleanly_on_both_signals() {
    for signal in ["-TERM", "-INT"] {
        let (mut program, url) = start(&[]);
        assert_eq!(state(&url).await["users"].as_object().unwrap().len(), 4);
        let id = program.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(program.0.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_seed_and_a_size_make_the_same_tenant_again() {
    let size = ["--seed", "7", "--users", "150"];
    let (_first, one) = start(&size);
    let (_second, two) = start(&size);
    let state_of_one = state(&one).await;
    assert_eq!(state_of_one["users"].as_object().unwrap().len(), 154);
    assert_eq!(state_of_one, state(&two).await);
}

#[tokio::test]
async fn a_tenant_file_is_used_and_its_mistakes_are_reported() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tenant.json");
    let write = |text: &str| {
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let id = "11111111-2222-4333-8444-555555555555";
    let head = format!(r#""tenantId":"{id}","displayName":"C","verifiedDomains":["contoso.example"]"#);
    write(&format!("{{{head}}}"));
    let (_program, url) = start(&["--tenant", path.to_str().unwrap()]);
    assert_eq!(state(&url).await["tenantId"], id);

    write(&format!(r#"{{{head},"users":[{{"displayName":"Ada Lovelace"}}]}}"#));
    let output = command().arg("--tenant").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("users[0]: `userPrincipalName` is missing"), "{text}");
}

#[test]
fn help_has_examples() {
    let output = command().arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--tenant") && text.contains("--seed 7 --users 10000"), "{text}");
}
