//! What one attempt at a run has found out about the people whom it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use outcome::Protected;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::Protection;

/// What one attempt at a run has found out.
pub(crate) struct Guard {
    pub(super) protection: Arc<Protection>,
    released: Vec<Protected>,
    /// By the reference in the step: the steps of a run name the same person.
    seen: Mutex<HashMap<String, Cell>>,
    refused: Mutex<Vec<Protected>>,
    /// The turn of a run that changes a Global Administrator, until the attempt is over.
    turn: tokio::sync::Mutex<Option<OwnedMutexGuard<()>>>,
}

/// What is known about a person, and since when. One step looks, and the others wait for it.
pub(super) type Cell = Arc<tokio::sync::Mutex<Option<(Verdict, Instant)>>>;

/// Whether a person may be changed.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// There is no account that could be changed.
    Absent,
    /// Yes.
    Free,
    /// No, and why.
    Held {
        /// Who it is.
        who: Protected,
        /// Words that follow "is protected:".
        because: String,
    },
}

impl Guard {
    pub(crate) fn new(protection: &Arc<Protection>, released: &[Protected]) -> Self {
        Self {
            protection: Arc::clone(protection),
            released: released.to_vec(),
            seen: Mutex::default(),
            refused: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Whom the attempt may not change, each once.
    pub(crate) fn refused(&self) -> Vec<Protected> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known about the person behind a reference.
    pub(super) fn cell(&self, reference: String) -> Cell {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(seen.entry(reference).or_default())
    }

    /// Waits until no other run of this process changes a Global Administrator.
    pub(super) async fn take_turn(&self) {
        let mut turn = self.turn.lock().await;
        if turn.is_none() {
            *turn = Some(Arc::clone(&self.protection.administrators).lock_owned().await);
        }
    }

    pub(super) fn is_released(&self, who: &Protected) -> bool {
        self.released.iter().any(|released| released.covers(who))
    }

    pub(super) fn refuse(&self, who: Protected) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !refused.contains(&who) {
            refused.push(who);
        }
    }
}
