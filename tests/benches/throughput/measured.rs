//! The two processes that are measured: a worker, whose log is not read and whose metrics are rarely asked for, and a
//! bare loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use system_tests::Testbed;
use system_tests::worker_process::fetch;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::{children_cpu, cpu};

/// Runs a bare loop as a process of its own, which prints the seconds it took. Returns events a second, and CPU of each
/// in microseconds.
pub async fn bare_loop(arguments: &[&str], count: usize) -> (f64, f64) {
    let before = children_cpu();
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(arguments).output().await.unwrap();
    let used = children_cpu() - before;
    let text = String::from_utf8(output.stdout).unwrap();
    let seconds: f64 =
        text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (count as f64 / seconds, used * 1e6 / count as f64)
}

/// A running `gatehouse run` and the address of its metrics.
pub struct Measured {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Measured {
    /// Starts a worker and waits until it serves its metrics.
    pub async fn start(testbed: &mut Testbed) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        testbed.set("ADMIN__LISTEN", free);
        let output = testbed.file(&format!("measured-{}.log", free.port()), "");
        let child = testbed.start_gatehouse_to(&["run"], &output);
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while TcpStream::connect(free).await.is_err() {
            looks.tick().await;
        }
        Self { child, address: free.to_string(), log: output.with_extension("stderr.log") }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Waits until it consumes.
    pub async fn ready(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while fetch(&self.address, "/readyz").await.0 != 200 {
            looks.tick().await;
        }
    }

    /// Waits until this many runs have ended.
    pub async fn runs_reach(&self, count: usize) {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while self.runs().await < count {
            looks.tick().await;
        }
    }

    /// Waits until it has ended `count` runs. Returns runs a second, and CPU of each in microseconds.
    ///
    /// Both are taken between the first and the last look that found it at work, so that neither its start nor its idle
    /// time counts. A round too short for two such looks is taken whole.
    pub async fn rate(&self, count: usize) -> (f64, f64) {
        let mut looks = tokio::time::interval(Duration::from_millis(25));
        let began = (0, Instant::now(), cpu(self.id()));
        let mut at_work = Vec::new();
        loop {
            looks.tick().await;
            let done = self.runs().await;
            if done >= count {
                break;
            }
            if done > 0 {
                at_work.push((done, Instant::now(), cpu(self.id())));
            }
        }
        let looks = match at_work.as_slice() {
            [first, .., last] => (*first, *last),
            _ => (began, (count, Instant::now(), cpu(self.id()))),
        };
        let ((done, since, used), (more, until, more_used)) = looks;
        let more = (more - done) as f64;
        (more / (until - since).as_secs_f64(), (more_used - used).as_secs_f64() * 1e6 / more)
    }

    /// Ends it at once, with all that it has under way.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it with SIGTERM.
    pub async fn stop(mut self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }

    /// How many runs have ended, by its metrics.
    pub async fn runs(&self) -> usize {
        let (_, page) = fetch(&self.address, "/metrics").await;
        let lines = page.lines().filter(|line| line.starts_with("gatehouse_runs_total{"));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum()
    }
}

/// Shows the last words of a worker with which something went wrong.
impl Drop for Measured {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the worker's last lines:\n{}", lines[lines.len().saturating_sub(10)..].join("\n"));
        }
    }
}
