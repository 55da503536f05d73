//! A snapshot as the messages that it travels as.

use ledger::{Index, Ledger, PART_BYTES, Piece, Restoring, Rules, SnapshotError, Specified, Writer, piece};
use uuid::Uuid;

/// A snapshot that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub parts: Vec<Vec<u8>>,
    pub index: Vec<u8>,
}

/// A snapshot of this moment.
pub fn snapshot<R: Rules + Clone>(ledger: &Ledger<R>) -> Snapshot {
    named(ledger, 1)
}

/// The same with an id of its own.
pub fn named<R: Rules + Clone>(ledger: &Ledger<R>, id: u128) -> Snapshot {
    let mut ledger = ledger.clone();
    let mut writer = ledger.begin_snapshot(Uuid::from_u128(id));
    let mut parts = Vec::new();
    while let Some(part) = next(&mut writer, &mut ledger, PART_BYTES) {
        parts.push(part);
    }
    Snapshot { parts, index: writer.index().unwrap() }
}

/// The next part, of at most so many bytes.
pub fn next<R: Rules>(writer: &mut Writer, ledger: &mut Ledger<R>, most: usize) -> Option<Vec<u8>> {
    let part = writer.part(ledger, most).unwrap()?;
    writer.written(&part);
    Some(part)
}

pub fn index(message: &[u8]) -> Result<Index, SnapshotError> {
    match piece(message)? {
        Piece::Index(index) => Ok(index),
        Piece::Part(number) => panic!("part {number}"),
    }
}

impl Snapshot {
    /// The ledger that a worker begins with.
    pub fn restored(&self) -> Result<Ledger, SnapshotError> {
        let mut restoring = Restoring::<Specified>::new(index(&self.index)?);
        for part in &self.parts {
            restoring.read(part)?;
        }
        restoring.finish()
    }
}
