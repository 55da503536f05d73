//! What the fold says to a claim.

use uuid::Uuid;

use crate::person::State;

/// What became of a record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// It was a claim.
    Decided(Decision),
    /// It was none, and needs no answer.
    Noted,
    /// It proves that records were lost. Nothing was folded: drop the fold and read the stream again.
    Cut,
}

/// The answer to a claim, the same for every reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Act; nobody else does.
    Hold,
    /// Lock out at once, beside whoever holds; then look again on the next leg, with a hold.
    Act,
    /// The cancel is recorded: report it.
    Recorded,
    /// The effective date is still to come.
    Sleep,
    /// Others act: the offsets of their last records.
    Wait(Vec<u64>),
    /// The brake holds it.
    Braked,
    /// The run has ended.
    Finished(State),
    /// The run has gone on from this message: acknowledge it.
    Leftover,
    /// This delivery does not act any more: claim again.
    Lost,
    /// Newer word shut it: the run that did.
    Superseded(Uuid),
    /// A cancel shut it; none if an operator did.
    Cancelled(Option<Uuid>),
    /// Newer changes have set some of its names, and not the others: the fingerprints of the names they set.
    Overtaken(Vec<u32>),
    /// Its identifiers are those of two people. Nothing was folded.
    Conflict,
}
