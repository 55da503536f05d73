//! How much a bench does: enough to measure, or just enough to show that it reaches its end.

/// Numbers of rounds and events.
pub struct Size {
    /// Rounds of which a figure is the median.
    pub rounds: usize,
    /// Events in flight, and events of a round with so many.
    pub events: &'static [(usize, usize)],
    /// Starts of a worker of which the median is taken.
    pub starts: usize,
    /// Events before each of five looks at the memory.
    pub memory: usize,
    /// Onboarding runs of a round.
    pub hires: usize,
    /// Leavers of a round beside a bare loop and a peer.
    pub leaving: usize,
    /// Leavers at the same time.
    pub leavers: usize,
    /// Events under way beside a lock-out, the worker's share of the tenant's limits, which they spend, and events that
    /// are queued.
    pub busy: (usize, f64, usize),
    /// Leavers of a round for each worker, where workers are compared.
    pub scaled: usize,
    /// People whom the ledger knows.
    pub known_people: usize,
    /// Runs in the histories that are read, with 14 entries each.
    pub past_runs: &'static [u64],
    /// People of the tenants that a sync reads.
    pub people: &'static [usize],
    /// People of the tenants whose usage is read.
    pub usage_people: &'static [u64],
    /// People whose rows are sent as pages.
    pub published_people: usize,
    /// Leavers beside a sync, and as many without one.
    pub sync_leavers: usize,
}

const FULL: Size = Size {
    rounds: 3,
    events: &[(1, 1500), (16, 12_000), (64, 20_000)],
    starts: 5,
    memory: 20_000,
    hires: 300,
    leaving: 480,
    leavers: 200,
    busy: (999, 1.0, 10_000),
    scaled: 60,
    known_people: 100_000,
    past_runs: &[7_200, 72_000],
    people: &[10_000, 100_000, 1_000_000],
    usage_people: &[200_000, 1_000_000],
    published_people: 300_000,
    sync_leavers: 5,
};

const TINY: Size = Size {
    rounds: 1,
    events: &[(1, 10), (16, 50)],
    starts: 1,
    memory: 50,
    hires: 8,
    leaving: 4,
    leavers: 4,
    busy: (20, 0.02, 20),
    scaled: 4,
    known_people: 200,
    past_runs: &[200],
    people: &[2_000],
    usage_people: &[1_000],
    published_people: 2_000,
    sync_leavers: 1,
};

impl Size {
    /// `BENCH_SIZE=tiny` is for continuous integration; its figures mean nothing.
    pub fn from_environment() -> Self {
        match std::env::var("BENCH_SIZE").as_deref() {
            Err(_) | Ok("") => FULL,
            Ok("tiny") => TINY,
            Ok(other) => panic!("there is no BENCH_SIZE `{other}`; there is tiny"),
        }
    }
}
