//! Replication lag: answers from a replica that does not have every write yet.
//!
//! A new user is not found, and a read shows the state before a write, each for
//! a number of reads or for a time. A write goes to the tenant itself, unless the replica
//! does not know its object: then it is refused like a read.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::tenant::Tenant;

/// How long the replica lags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// For this many reads of any kind, and writes refused because of the lag.
    Reads(u64),
    /// For this long.
    Time(Duration),
}

/// The writes the replica does not have yet.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    new_users: Option<Lag>,
    writes: Option<Lag>,
    unknown: Vec<(Uuid, Left)>,
    /// The tenant as it was before each write, the oldest first.
    versions: VecDeque<(Tenant, Left)>,
}

/// The rest of a lag.
#[derive(Clone, Copy, Debug)]
enum Left {
    Reads(u64),
    Until(Instant),
}

impl Left {
    fn new(lag: Lag) -> Self {
        match lag {
            Lag::Reads(reads) => Self::Reads(reads),
            Lag::Time(time) => Self::Until(Instant::now() + time),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Reads(reads) => *reads == 0,
            Self::Until(end) => *end <= Instant::now(),
        }
    }

    fn count(&mut self) {
        if let Self::Reads(reads) = self {
            *reads = reads.saturating_sub(1);
        }
    }
}

impl Replication {
    pub(crate) fn new(new_users: Option<Lag>, writes: Option<Lag>) -> Self {
        Self { new_users, writes, ..Self::default() }
    }

    /// The tenant as the replica has it, if it lags.
    pub(crate) fn replica(&mut self, tenant: &Tenant) -> Option<Tenant> {
        self.unknown.retain(|(_, left)| !left.is_over());
        self.versions.retain(|(_, left)| !left.is_over());
        let oldest = self.versions.front().map(|(version, _)| version);
        if oldest.is_none() && self.unknown.is_empty() {
            return None;
        }
        let mut replica = oldest.unwrap_or(tenant).clone();
        for (user, _) in &self.unknown {
            replica.forget(*user);
        }
        Some(replica)
    }

    /// Counts a read.
    pub(crate) fn read(&mut self) {
        let unknown = self.unknown.iter_mut().map(|(_, left)| left);
        let versions = self.versions.iter_mut().map(|(_, left)| left);
        unknown.chain(versions).for_each(Left::count);
    }

    /// The tenant as it is, to be handed to [`wrote`](Self::wrote), if old versions are wanted.
    pub(crate) fn before(&self, tenant: &Tenant) -> Option<Tenant> {
        self.writes.map(|_| tenant.clone())
    }

    /// Remembers the state before a write that changed something.
    pub(crate) fn wrote(&mut self, before: Option<Tenant>) {
        if let (Some(lag), Some(before)) = (self.writes, before) {
            self.versions.push_back((before, Left::new(lag)));
        }
    }

    /// Hides a user that was made just now.
    pub(crate) fn created(&mut self, user: Uuid) {
        self.unknown.extend(self.new_users.map(|lag| (user, Left::new(lag))));
    }
}
