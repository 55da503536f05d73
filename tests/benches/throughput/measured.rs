//! What is measured: a worker, whose log nobody reads while it runs and which is asked for its metrics rarely, and a bare
//! loop beside it.

use std::time::{Duration, Instant};

use system_tests::House;
use system_tests::program::fetch;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::{children_cpu, cpu};

/// A bare loop as a process of its own, which prints the seconds it took: so many things a second, and CPU for each in
/// microseconds.
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

/// A running `gatehouse run` and where it serves its metrics.
pub struct Measured {
    child: Child,
    address: String,
}

impl Measured {
    /// Starts one and waits until it serves its metrics.
    pub async fn start(house: &mut House) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        house.set("ADMIN__LISTEN", free);
        let child = house.start_gatehouse(&["run"]);
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while TcpStream::connect(free).await.is_err() {
            looks.tick().await;
        }
        Self { child, address: free.to_string() }
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

    /// Waits until so many runs have ended.
    pub async fn runs_reach(&self, count: usize) {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while self.runs().await < count {
            looks.tick().await;
        }
    }

    /// Waits until it has ended `count` runs: runs a second, and CPU for each in microseconds.
    ///
    /// Both between the first and the last look that found it at work, so that neither its start nor the time
    /// it has nothing to do counts.
    pub async fn rate(&self, count: usize) -> (f64, f64) {
        let mut looks = tokio::time::interval(Duration::from_millis(25));
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
        let [(done, since, used), .., (more, until, more_used)] = at_work.as_slice() else {
            panic!("it was too fast to be looked at: take more events")
        };
        let more = (more - done) as f64;
        (more / (*until - *since).as_secs_f64(), (*more_used - *used).as_secs_f64() * 1e6 / more)
    }

    /// Ends it with SIGTERM.
    pub async fn stop(mut self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }

    /// How many runs it says have ended.
    async fn runs(&self) -> usize {
        let (_, page) = fetch(&self.address, "/metrics").await;
        let lines = page.lines().filter(|line| line.starts_with("gatehouse_runs_total{"));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum()
    }
}
