//! Copies under way: SharePoint takes the order, answers where to ask after it, and copies item by item.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::tenant::name_id;

/// Every copy that was ordered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies {
    pub(super) jobs: Vec<Job>,
}

/// What to do where the name is taken.
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
    /// What to copy, under which name, into which folder of the target.
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

/// What the address of a job ends with.
pub(crate) fn job_key(number: usize) -> String {
    name_id("copy", &number.to_string()).to_string()
}
