//! What a run takes while its restore waits for its turn.
//!
//! A restore reads what the run took before it has the right to act. So a restore that is refused has stopped no other
//! run. Until the restore has the right, the run may wake and take more. After that the run writes nothing, and it
//! stored whatever it took before it wrote. So the restore reads once more what was stored since, as soon as it has the
//! right.

use messages::{Event, EventKind, PersonRequest};
use outcome::{Class, Failure, Mode, Progress};

use crate::runs::effective::is_unbegun;
use crate::runs::right::Right;
use crate::runs::snapshots::Snapshots;

/// What was found.
pub enum More {
    /// The steps give back all that the run took.
    Nothing,
    /// The run took more than the steps give back.
    Something,
    /// The restore may not act now.
    Barred,
    /// The snapshots could not be read.
    Unread(Failure),
}

/// Whether the run that a restore undoes took more since the steps of the restore were made. This takes the right to act
/// before it looks.
pub async fn more(
    event: &Event,
    request: &PersonRequest,
    progress: &Progress,
    right: &dyn Right,
    snapshots: Option<&Snapshots>,
) -> More {
    let acts_first = request.mode == Mode::Apply
        && progress.approved != Some(false)
        && progress.steps.is_empty()
        && progress.waiting.is_empty()
        && !is_unbegun(event, progress);
    let read = progress.prepared.as_ref().and_then(|prepared| prepared.snapshots_read);
    let undone = request.run_id.filter(|_| event.kind == EventKind::Restore && acts_first);
    let (Some(run), Some(read)) = (undone, read) else { return More::Nothing };
    if right.take(progress).await.is_none() {
        return More::Barred;
    }
    let Some(snapshots) = snapshots else {
        let detail = "what the run took is in the broker; set broker.url";
        return More::Unread(Failure::new(Class::Blocked, "snapshot_unread", detail));
    };
    match snapshots.took_after(run, read).await {
        Ok(false) => More::Nothing,
        Ok(true) => {
            tracing::info!(undone = %run, "the run took more before its restore could act");
            More::Something
        }
        Err(failure) => More::Unread(failure),
    }
}

/// The progress of a run that has done nothing yet, without its steps: they are prepared and checked again.
pub fn afresh(progress: Progress) -> Progress {
    Progress {
        prepared: None,
        first_sight: None,
        people: Some(Vec::new()),
        approved: progress.approved.map(|_| false),
        ..progress
    }
}
