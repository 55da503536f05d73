//! Workers and other commands of `gatehouse`, as processes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;

use crate::results::PATIENCE;

/// The path of a binary that was built together with this one.
pub fn path_of(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let beside = this.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    beside.unwrap_or_else(|| {
        panic!("found no `{name}` beside {}: run `make test`, which builds it", this.display())
    })
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// The output of a command that must have ended with 0.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// The status and body that `GET` returns.
pub async fn fetch(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Runs `gatehouse` with these arguments to its end.
pub async fn gatehouse<S: AsRef<OsStr>>(arguments: &[S], settings: &[(String, String)]) -> Finished {
    let mut command = Command::new(path_of("gatehouse"));
    command
        .args(arguments)
        .env_clear()
        .envs(settings.iter().cloned())
        .kill_on_drop(true)
        .stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the command should have ended by now").unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a command printed with `--output json`: one document a line.
pub fn documents(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Starts `gatehouse` with these arguments; its output goes to this file. Killed when dropped.
pub fn start<S: AsRef<OsStr>>(arguments: &[S], settings: &[(String, String)], log: &Path) -> Child {
    let (output, error) =
        (File::create(log).unwrap(), File::create(log.with_extension("stderr.log")).unwrap());
    let mut command = Command::new(path_of("gatehouse"));
    command.args(arguments).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(output).stderr(error).spawn().unwrap()
}

/// A running `gatehouse run`. Killed when dropped.
pub struct Worker {
    child: Child,
    log: PathBuf,
    lines: watch::Receiver<Vec<String>>,
}

impl Worker {
    /// Starts a worker with these settings; its log is also written to this file.
    pub fn start(settings: &[(String, String)], log: &Path) -> Self {
        Self::start_with(&[], settings, log)
    }

    /// Starts a worker with these arguments of `gatehouse run`, too.
    pub fn start_with(arguments: &[&str], settings: &[(String, String)], log: &Path) -> Self {
        let mut command = Command::new(path_of("gatehouse"));
        command.arg("run").args(arguments).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(keep(stderr.lines(), File::create(log).unwrap(), sender));
        Self { child, log: log.to_owned(), lines }
    }

    /// The process id, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the worker should still be running")
    }

    /// Ends it with SIGKILL.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Stops it with SIGTERM and returns its exit code. Its metrics are kept beside its log.
    pub async fn terminate(&mut self) -> Option<i32> {
        let (_, page) = fetch(&self.admin_address().await, "/metrics").await;
        std::fs::write(self.log.with_extension("metrics.log"), page).unwrap();
        let killed = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().await.unwrap();
        assert!(killed.success());
        self.wait().await
    }

    /// Waits until it ends and returns its exit code.
    pub async fn wait(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the worker should have stopped by now").unwrap().code()
    }

    /// Waits until its log has a line with this text, and returns the line.
    pub async fn logged(&self, text: &str) -> String {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        let found = tokio::time::timeout(PATIENCE, found).await.is_ok_and(|found| found.is_ok());
        let line = self.log().into_iter().find(|line| line.contains(text)).filter(|_| found);
        line.unwrap_or_else(|| panic!("the worker should have logged `{text}`:\n{}", self.log().join("\n")))
    }

    /// Waits until it has a session for each of these queues.
    pub async fn serves(&self, queues: &[&str]) {
        for queue in queues {
            let mut lines = self.lines.clone();
            let is_up = |line: &String| {
                line.contains("broker session is up") && line.contains(&format!(".{queue}\""))
            };
            let found = lines.wait_for(|lines| lines.iter().any(is_up));
            let found = tokio::time::timeout(PATIENCE, found).await.is_ok_and(|found| found.is_ok());
            assert!(found, "the worker should serve {queue}:\n{}", self.log().join("\n"));
        }
    }

    /// The address at which it serves metrics and health.
    pub async fn admin_address(&self) -> String {
        let line = self.logged("metrics and health are served").await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line["address"].as_str().unwrap().to_owned()
    }

    /// Every line it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

async fn keep(mut lines: Lines<BufReader<ChildStderr>>, mut file: File, sender: watch::Sender<Vec<String>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        writeln!(file, "{line}").unwrap();
        sender.send_modify(|known| known.push(line));
    }
}
