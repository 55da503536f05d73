//! The rules: which run shuts which, and who waits for whom.
//!
//! Nothing is stored but the runs. What shuts a run follows from the other runs of its person, so that the order in
//! which messages arrived decides nothing.

use crate::{
    decision::Decision,
    intent::{Intent, Side},
    person::{Hold, Position, Role, Run},
    record::Cancels,
};

/// The rules of the fold. There is one set of them, [`Specified`]; tests replace single rules with a mistake and see
/// that the model checker finds it.
pub trait Rules {
    /// Whether a run comes before another one: by time, then sequence, then the more locking intent, then id.
    ///
    /// A sequence counts whatever its source: between equal times, comparing it within a source and intents across
    /// sources would go round in a circle.
    fn precedes(older: &Run, newer: &Run) -> bool {
        let key = |run: &Run| (run.time, run.sequence, run.intent.rank(), run.id);
        key(older) < key(newer)
    }

    /// Whether one run shuts another one whole.
    fn shuts(by: &Run, run: &Run) -> bool {
        let Some(side) = run.intent.side() else { return false };
        if by.id == run.id || by.cleared {
            return false;
        }
        let precedes = Self::precedes(run, by);
        if let Some(cancels) = by.cancels.as_deref() {
            return match *cancels {
                Cancels::Event(event) => run.event == event,
                Cancels::Side(named) => side == named && precedes,
                Cancels::All => precedes,
            };
        }
        if by.intent.side() == Some(side) && side != Side::Change {
            return precedes;
        }
        // A run that ended without having acted has no say over the other sides.
        if !by.raised || (by.state.is_over() && !by.held) {
            return false;
        }
        match (by.intent, side) {
            // What is planned for later stands.
            (Intent::Onboarding | Intent::Restore, Side::Leave | Side::Change) => {
                precedes && run.turn() <= by.turn()
            }
            (Intent::Onboarding | Intent::Restore, Side::Revoke) => precedes,
            // What should have happened before this end and comes late, is late.
            (Intent::Offboarding, _) => precedes || run.turn() < by.turn(),
            (Intent::AccessRevoke, Side::Join | Side::Change) => precedes,
            _ => false,
        }
    }

    /// Whether a change has taken the names it shares with another change: once it has acted, and before that if the
    /// other one was still to come when this one was published.
    fn overtakes(by: &Run, run: &Run) -> bool {
        let are_changes = by.intent == Intent::Change && run.intent == Intent::Change;
        let has_say = by.held || (!by.state.is_over() && run.effective > by.time);
        are_changes && by.id != run.id && !by.cleared && has_say && Self::precedes(run, by)
    }

    /// Whether a run that would replace another one of its side is shut itself, and the other one has begun: nobody would
    /// finish what is half done.
    fn comes_too_late(runs: &[Run], by: &Run, run: &Run) -> bool {
        let replaces = by.cancels.is_none() && by.intent.side() == run.intent.side();
        let mut others = runs.iter().filter(|other| other.id != run.id && other.cancels.is_none());
        replaces && run.held && !by.held && others.any(|other| Self::shuts(other, by))
    }

    /// Whether the runs of a person shut one of them, and how it ends.
    fn verdict(runs: &[Run], run: &Run) -> Option<Decision> {
        if run.stopped {
            return Some(Decision::Cancelled(None));
        }
        let mut newest: Option<&Run> = None;
        let shuts = |by: &&Run| Self::shuts(by, run) && !Self::comes_too_late(runs, by, run);
        for by in runs.iter().filter(shuts) {
            newest = Some(newest.filter(|newest| Self::precedes(by, newest)).unwrap_or(by));
        }
        if let Some(by) = newest {
            let is_cancel = by.intent == Intent::Cancel;
            return Some(if is_cancel {
                Decision::Cancelled(Some(by.id))
            } else {
                Decision::Superseded(by.id)
            });
        }
        let newer: Vec<&Run> = runs.iter().filter(|by| Self::overtakes(by, run)).collect();
        let is_taken = |name: &&u32| newer.iter().any(|by| by.names.contains(name));
        let taken: Vec<u32> = run.names.iter().filter(is_taken).copied().collect();
        match newer.last() {
            _ if taken.is_empty() => None,
            Some(by) if taken.len() == run.names.len() => Some(Decision::Superseded(by.id)),
            _ => Some(Decision::Overtaken(taken)),
        }
    }

    /// Whether a message is left over from before its run went on: by another leg, or by a replay, which may begin at
    /// an earlier leg.
    fn is_left_over(message: Position, run: Position) -> bool {
        message < run
    }

    /// How far a run has come after a claim. A renewal does not move it: the message in the queue still has the old
    /// leg, and after a crash it would be dropped as left over.
    fn position_after(fresh: bool, message: Position, run: Position) -> Position {
        if fresh { message } else { run }
    }

    /// Whether a run that wants a role waits for one that has a role. A lock-out does not wait for the holder.
    fn waits_for(wanted: Role, held: Role) -> bool {
        wanted == Role::Holder || held == Role::Actor
    }

    /// Whether a claim passes over a hold: only if the holder has not renewed since.
    fn passes_over(over: &[u64], hold: &Hold) -> bool {
        over.contains(&hold.last)
    }
}

/// The rules as the README of this crate specifies them.
#[derive(Clone, Copy, Debug)]
pub struct Specified;

impl Rules for Specified {}
