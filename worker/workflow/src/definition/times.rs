//! When the stages of a workflow start: whether they can, one after the other.

use super::Stage;
use crate::dates::Offset;

/// A stage has two times.
pub(super) const BOTH: &str = "a stage has one of `after` and `at`; remove one: `after` counts from the end of the stage \
                               before it, `at` from the effective date";

/// Whether a stage after the first surely starts later than the one before it, so that the run sleeps in between.
pub(super) fn looks_again(stages: &[Stage]) -> bool {
    let mut later = stages.iter().skip(1);
    later.any(|stage| {
        stage.after.is_some() && stage.when.is_none() && stage.steps.iter().any(|it| it.when.is_none())
    })
}

/// Why a stage cannot start at its `at`: a stage before it surely starts later.
pub(super) fn too_early(before: &[Stage], stage: &Stage) -> Option<String> {
    let at = stage.at?;
    let (other, earliest) = latest(before).filter(|(_, earliest)| at.seconds() < *earliest)?;
    let earliest = Offset::from_seconds(earliest).map_or_else(|| format!("{earliest}s"), |it| it.to_string());
    Some(format!(
        "stage `{}` cannot start at {at}: stage `{}` runs before it, and not before {earliest}; put the stages in the order \
         of their times, or give `{}` an earlier `at`",
        stage.name, other.name, other.name
    ))
}

/// Which of these stages starts last, and when, in seconds from the effective date: the earliest time for a run that is
/// in time. What a condition may skip delays nothing.
fn latest(stages: &[Stage]) -> Option<(&Stage, i64)> {
    let is_certain =
        |stage: &&Stage| stage.when.is_none() && stage.steps.iter().any(|step| step.when.is_none());
    stages.iter().filter(is_certain).fold(None, |latest: Option<(&Stage, i64)>, stage| {
        let before = latest.map(|(_, earliest)| earliest);
        let own = match (stage.at, stage.after) {
            (Some(at), _) => at.seconds(),
            (None, Some(after)) => {
                let after = i64::try_from(after.duration().as_secs()).unwrap_or(i64::MAX);
                before.unwrap_or(0).saturating_add(after).max(0)
            }
            (None, None) => 0,
        };
        if before.is_some_and(|before| own <= before) { latest } else { Some((stage, own)) }
    })
}
