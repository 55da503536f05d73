//! Copy jobs: their orders and their progress.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::tenant::name_id;

/// Every copy that was ordered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies {
    pub(super) jobs: Vec<Job>,
}

/// How to treat a taken name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    Fail,
    /// Files only; a folder fails.
    Replace,
    Rename,
}

/// An order to copy.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) source: Uuid,
    pub(crate) target: Uuid,
    /// The items to copy, each with its new name and its target folder.
    pub(crate) top: Vec<(u32, String, u32)>,
    pub(crate) clash: Clash,
    /// All items, those in folders among them.
    pub(crate) count: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) order: Order,
    pub(super) began: Instant,
    pub(super) pace: Duration,
    pub(super) open: VecDeque<(u32, String, u32)>,
    pub(super) done: usize,
    pub(super) made: Option<u32>,
    /// The code, the words and the item.
    pub(super) failed: Vec<(&'static str, &'static str, u32)>,
}

impl Job {
    pub(super) fn is_due(&self) -> bool {
        let at = self.pace.saturating_mul(u32::try_from(self.done + 1).unwrap_or(u32::MAX));
        self.began.elapsed() >= at
    }
}

/// The last segment of a job's monitor address.
pub(crate) fn job_key(number: usize) -> String {
    name_id("copy", &number.to_string()).to_string()
}
