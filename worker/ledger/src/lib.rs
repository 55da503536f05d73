//! The ledger: who may act for a person, and in what order.
//!
//! Every worker reads one stream of small records from its start and folds it with the same function. A worker that
//! wants to act publishes a claim and reads up to it: the fold of that record is the decision, the same for everybody.
//! `worker/ledger/README.md` specifies it.
//!
//! What this crate never does:
//!
//! - It has no clock, no chance and no connection: the same records give the same decisions, whoever reads them.
//! - It holds no name and no address: people are keyed hashes.
//! - It does not skip a record of a newer version, because then two workers would decide differently.
//!
//! Start reading at [`Rules`] (what shuts what), then [`Ledger::read`] (the fold), then [`may_send`] (the fence).

mod decision;
mod fold;
mod identity;
mod intent;
mod keys;
mod lease;
mod person;
mod places;
mod record;
mod rules;
mod settlement;
mod snapshot;

pub use decision::{Decision, Read};
pub use fold::{BrakeState, Ledger};
pub use intent::{Intent, Side};
pub use keys::{BadKey, Key, KeyRing, Kind};
pub use lease::{Lease, Refusal, Timing, TimingError, may_send};
pub use person::{Hold, Person, Position, Role, Run, State};
pub use record::{
    Body, Brake, BrakeLimit, Cancels, Claim, Clear, Done, Forget, MAX_BYTES, Record, RecordError, Release,
    Stop, decode, encode, event_fingerprint, name_fingerprint,
};
pub use rules::{Rules, Specified};
pub use settlement::{Ending, Step};
pub use snapshot::{Index, PART_BYTES, Piece, Restoring, SnapshotError, Writer, piece};
