//! What an installation needs of the binary: a health check, completions of shells, manual pages.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeSet;

use msgraph_emulator::Tenant;
use system_tests::Testbed;
use system_tests::worker_process::gatehouse;
use tokio::net::TcpListener;
use tokio::process::Command;

/// The names of all commands, from the help.
async fn commands() -> BTreeSet<String> {
    let help = gatehouse(&["--help"], &[]).await.ok();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = lines.filter(is_name).map(|line| line.split_whitespace().next().unwrap().to_owned());
    let names: BTreeSet<_> = names.filter(|name| name != "help").collect();
    assert!(names.contains("run") && names.contains("probe"), "{help}");
    names
}

#[tokio::test]
async fn a_probe_says_whether_the_worker_is_ready_and_why_not() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut worker = testbed.worker().await;
    worker.answers("/readyz", 200).await;
    let address = worker.admin_address().await;
    for arguments in [&["probe"][..], &["probe", "--alive"]] {
        let settings = [("GATEHOUSE__ADMIN__LISTEN".to_owned(), address.clone())];
        gatehouse(arguments, &settings).await.ok();
        gatehouse(&[arguments, &["--address", &address]].concat(), &[]).await.ok();
    }
    assert_eq!(worker.terminate().await, Some(0));
    let gone = gatehouse(&["probe", "--address", &address], &[]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains(&format!("no worker answers at {address}: ")), "{gone:?}");
    testbed.close().await;

    let nowhere = "amqp://worker:swordfish@127.0.0.1:1/%2f";
    let mut testbed = Testbed::with(Tenant::contoso()).set("BROKER__URL", nowhere).build().await;
    let mut worker = testbed.start_worker();
    let address = worker.admin_address().await;
    gatehouse(&["probe", "--alive", "--address", &address], &[]).await.ok();
    let unready = gatehouse(&["probe", "--address", &address], &[]).await;
    assert_eq!(unready.code, Some(1), "{unready:?}");
    assert!(unready.stderr.contains("is not ready: "), "{unready:?}");
    assert!(unready.stderr.contains("broker"), "{unready:?}");
    worker.kill().await;
}

#[tokio::test]
async fn a_probe_waits_no_longer_than_it_is_told_and_knows_where_it_cannot_ask() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let late = gatehouse(&["probe", "--timeout", "1", "--address", &address], &[]).await;
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.stderr.contains("did not answer within 1 s"), "{late:?}");
    for listen in ["", "127.0.0.1:0"] {
        let settings = [("GATEHOUSE__ADMIN__LISTEN".to_owned(), listen.to_owned())];
        let refused = gatehouse(&["probe"], &settings).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("--address"), "{refused:?}");
    }
}

#[tokio::test]
async fn bash_completes_commands_and_options() {
    let script = gatehouse(&["completions", "bash"], &[]).await.ok();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("gatehouse");
    std::fs::write(&file, script).unwrap();
    let completed = async |words: &[&str]| -> BTreeSet<String> {
        let mut bash = Command::new("bash");
        let line = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                    _gatehouse gatehouse \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
                    printf '%s\\n' \"${COMPREPLY[@]}\"";
        let output = bash.args(["-c", line, "bash"]).arg(&file).args(words).output().await.unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        stdout.lines().map(str::to_owned).collect()
    };
    let offered = completed(&["gatehouse", ""]).await;
    assert!(commands().await.is_subset(&offered), "{offered:?}");
    assert_eq!(completed(&["gatehouse", "pro"]).await, BTreeSet::from(["probe".to_owned()]));
    assert!(completed(&["gatehouse", "dead", "replay", "--"]).await.contains("--dry-run"));
}

#[tokio::test]
async fn other_shells_know_every_command() {
    for shell in ["zsh", "fish"] {
        let script = gatehouse(&["completions", shell], &[]).await.ok();
        for command in commands().await {
            assert!(script.contains(&command), "{shell}: {command}");
        }
    }
    let unknown = gatehouse(&["completions", "cmd"], &[]).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let folder = tempfile::TempDir::new().unwrap();
    gatehouse(&["man", folder.path().to_str().unwrap()], &[]).await.ok();
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name));
    assert!(page("gatehouse.1").unwrap().contains("Exit codes"));
    for command in commands().await {
        let text =
            page(&format!("gatehouse-{command}.1")).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(text.starts_with(".ie") && text.contains(".SH NAME"), "{command}: {text}");
    }
    assert!(page("gatehouse-dead-replay.1").unwrap().contains("dry\\-run"));
    let nowhere = gatehouse(&["man", "/nowhere"], &[]).await;
    assert_eq!(nowhere.code, Some(3), "{nowhere:?}");
}
