//! What the process uses of the machine, under the names that all programs use.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::operate::metrics::Metrics;

/// Notes when the process started. Called first.
pub fn started(metrics: &Metrics) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics.process_start_time_seconds.set(now.as_secs_f64());
}

/// Looks at the process now. What the system does not tell stays as it was.
#[cfg(target_os = "linux")]
pub fn look(metrics: &Metrics) {
    use rustix::process::{Resource, getrlimit};
    use rustix::time::{ClockId, clock_gettime};

    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = std::time::Duration::try_from(used).unwrap_or_default().as_secs_f64();
    let counter = &metrics.process_cpu_seconds_total;
    counter.inc_by((seconds - counter.get()).max(0.0));
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        if let Some(kilobytes) = value_of(&status, "VmRSS") {
            metrics.process_resident_memory_bytes.set(kilobytes.saturating_mul(1024));
        }
        if let Some(threads) = value_of(&status, "Threads") {
            metrics.process_threads.set(threads);
        }
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        // Without the one through which they are counted.
        let open = files.count().saturating_sub(1);
        metrics.process_open_fds.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    metrics.process_max_fds.set(i64::try_from(most).unwrap_or(i64::MAX));
}

/// Other systems are for development only.
#[cfg(not(target_os = "linux"))]
pub fn look(_: &Metrics) {}

/// A number in `/proc/self/status`, which may be followed by its unit.
#[cfg(target_os = "linux")]
fn value_of(status: &str, name: &str) -> Option<i64> {
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = { lines }.find(|(known, _)| *known == name)?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_seen_as_it_is() {
        let metrics = Metrics::new().unwrap();
        started(&metrics);
        look(&metrics);
        let before = metrics.process_open_fds.get();
        let _file = std::fs::File::open("/proc/self/status").unwrap();
        look(&metrics);
        assert_eq!(metrics.process_open_fds.get(), before + 1);
        assert!(metrics.process_cpu_seconds_total.get() > 0.0);
        assert!(metrics.process_resident_memory_bytes.get() > 1_000_000);
        assert!(metrics.process_threads.get() >= 1);
        assert!(metrics.process_max_fds.get() >= before);
        assert!(metrics.process_start_time_seconds.get() > 1.7e9);
    }
}
