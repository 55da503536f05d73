//! The ledger as bytes, in parts, so that a worker that starts need not read the whole stream.
//!
//! A snapshot is of one moment, and records are read while it is written: the fold keeps those that change meanwhile as
//! they were. Parts are written and read one by one, so that neither takes the memory of a second ledger.

use std::collections::VecDeque;

use ring::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    fold::{Admitted, Ledger},
    keys::Key,
    person::Person,
    rules::{Rules, Specified},
};

/// The version of snapshots. It is raised with that of the records, as other rules make other snapshots, and whenever
/// what is written here changes: a field, or the order of an enum's variants. Version 1 was JSON.
const VERSION: u64 = 2;
/// What every message of a snapshot begins with, whatever its version.
const MARK: &[u8] = b"GHLS";

/// The most bytes of a part, unless one person takes more. The fold stands still while a part is made.
pub const PART_BYTES: usize = 1 << 17;
/// How many admissions of a brake stand in one line.
const ADMISSIONS: usize = 1_000;

/// Why bytes are no snapshot. Whoever reads it reads the stream from its start instead.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Another version of the rules made it.
    #[error("a snapshot of version {0}, and this worker reads version {VERSION}")]
    Version(u64),
    /// A part is missing or was changed.
    #[error("the parts are not those that the index names: {0}")]
    Parts(String),
    /// It cannot be read.
    #[error("not a snapshot of the ledger: {0}")]
    Unreadable(String),
    /// The fold keeps nobody for it any more.
    #[error("the snapshot was given up while it was written")]
    GivenUp,
}

impl From<postcard::Error> for SnapshotError {
    fn from(error: postcard::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// What a message of a snapshot is.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// The part with this number.
    Part(u32),
    /// The last message, which makes the parts before it a snapshot.
    Index(Index),
}

/// What the parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    snapshot: Uuid,
    contents: Contents,
}

impl Index {
    /// How many parts there are.
    pub fn parts(&self) -> u32 {
        self.contents.parts
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    /// The offset of the next record; none if none was read.
    next: Option<u64>,
    parts: u32,
    /// SHA-256 of all parts, one after the other.
    digest: [u8; digest::SHA256_OUTPUT_LEN],
}

/// The beginning of each message, after mark and version.
#[derive(Serialize, Deserialize)]
struct Head {
    snapshot: Uuid,
    is: Is,
}

#[derive(Serialize, Deserialize)]
enum Is {
    Part(u32),
    Index(Contents),
}

impl Head {
    fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let bytes = postcard::to_extend(&VERSION, MARK.to_vec())?;
        Ok(postcard::to_extend(self, bytes)?)
    }

    /// The head of a message, and what follows it.
    fn of(message: &[u8]) -> Result<(Self, &[u8]), SnapshotError> {
        let no_mark = || SnapshotError::Unreadable("its first bytes are those of something else".to_owned());
        let rest = message.strip_prefix(MARK).ok_or_else(no_mark)?;
        let (version, rest) = postcard::take_from_bytes(rest)?;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        Ok(postcard::take_from_bytes(rest)?)
    }
}

/// What a message is.
///
/// # Errors
///
/// If another version wrote it, or it is no message of a snapshot.
pub fn piece(message: &[u8]) -> Result<Piece, SnapshotError> {
    let (Head { snapshot, is }, _) = Head::of(message)?;
    Ok(match is {
        Is::Part(number) => Piece::Part(number),
        Is::Index(contents) => Piece::Index(Index { snapshot, contents }),
    })
}

/// A line of a part. `P` is a person, or a reference to one.
#[derive(Debug, Serialize, Deserialize)]
enum Line<P> {
    Person(P),
    /// A tenant, some of its admissions, its allowance, and until when its brake is off.
    Brake(Key, Vec<i64>, u32, i64),
    Stop(Uuid, i64),
}

/// A snapshot that is being written: [`Writer::part`] until there is none, then [`Writer::index`].
#[derive(Debug)]
pub struct Writer {
    snapshot: Uuid,
    next: Option<u64>,
    /// What is not about people: there is little of it.
    others: VecDeque<Line<()>>,
    parts: u32,
    digest: Digest,
}

impl Writer {
    /// The next part, of at most so many bytes; none once all are made. What it costs to count it is left to
    /// [`Writer::written`], so that the fold can go on meanwhile.
    ///
    /// # Errors
    ///
    /// If the ledger keeps nobody for this snapshot any more.
    pub fn part<R: Rules>(
        &mut self,
        ledger: &mut Ledger<R>,
        most: usize,
    ) -> Result<Option<Vec<u8>>, SnapshotError> {
        let places = &mut ledger.people.places;
        if places.kept_for() != Some(self.snapshot) {
            return Err(SnapshotError::GivenUp);
        }
        let head = Head { snapshot: self.snapshot, is: Is::Part(self.parts) };
        let mut part = Part::new(&head, most)?;
        while let Some(line) = self.others.front() {
            if !part.takes(line)? {
                return Ok(Some(part.bytes));
            }
            self.others.pop_front();
        }
        places.hand_out(|person| part.takes(&Line::Person(person)))?;
        Ok((part.bytes.len() > part.head).then_some(part.bytes))
    }

    /// Counts a part that was made.
    pub fn written(&mut self, part: &[u8]) {
        self.parts += 1;
        self.digest.update(part);
    }

    /// The index, once every part is made.
    ///
    /// # Errors
    ///
    /// If it has no form in bytes, which is a defect.
    pub fn index(self) -> Result<Vec<u8>, SnapshotError> {
        let contents = Contents { next: self.next, parts: self.parts, digest: self.digest.finish() };
        Head { snapshot: self.snapshot, is: Is::Index(contents) }.to_bytes()
    }
}

/// A part that is being made.
struct Part {
    bytes: Vec<u8>,
    /// How many bytes of it are no lines.
    head: usize,
    most: usize,
}

impl Part {
    fn new(head: &Head, most: usize) -> Result<Self, SnapshotError> {
        let mut bytes = head.to_bytes()?;
        let head = bytes.len();
        // The line that does not fit any more is written all the same, and taken away again.
        bytes.reserve_exact(most);
        Ok(Self { bytes, head, most })
    }

    /// Adds a line, if there is room for it. There is for the first one.
    fn takes(&mut self, line: &impl Serialize) -> Result<bool, SnapshotError> {
        let before = self.bytes.len();
        self.bytes = postcard::to_extend(line, std::mem::take(&mut self.bytes))?;
        let has_room = self.bytes.len() <= self.most || before == self.head;
        if !has_room {
            self.bytes.truncate(before);
        }
        Ok(has_room)
    }
}

/// SHA-256 of all parts, one after the other.
struct Digest(digest::Context);

impl Default for Digest {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

impl Digest {
    fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    fn finish(self) -> [u8; digest::SHA256_OUTPUT_LEN] {
        let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        bytes
    }
}

/// A snapshot that is being read, part by part.
pub struct Restoring<R = Specified> {
    index: Index,
    ledger: Ledger<R>,
    parts: u32,
    digest: Digest,
}

impl<R: Rules> Restoring<R> {
    /// The snapshot of an index. Nothing of it was read yet.
    pub fn new(index: Index) -> Self {
        Self { index, ledger: Ledger::default(), parts: 0, digest: Digest::default() }
    }

    /// Reads a message. One of another snapshot is passed over: two workers may have written at once.
    ///
    /// # Errors
    ///
    /// If a part before it is missing, or it cannot be read.
    pub fn read(&mut self, message: &[u8]) -> Result<(), SnapshotError> {
        let Ok((Head { snapshot, is: Is::Part(number) }, mut lines)) = Head::of(message) else {
            return Ok(());
        };
        if snapshot != self.index.snapshot {
            return Ok(());
        }
        if number != self.parts {
            return Err(SnapshotError::Parts(format!("part {number} comes after {} of them", self.parts)));
        }
        self.parts += 1;
        self.digest.update(message);
        while !lines.is_empty() {
            let (line, rest) = postcard::take_from_bytes(lines)?;
            self.ledger.take(line);
            lines = rest;
        }
        Ok(())
    }

    /// Whether every part was read.
    pub fn is_whole(&self) -> bool {
        self.parts == self.index.contents.parts
    }

    /// The ledger. Go on with the record after [`Ledger::seen`].
    ///
    /// # Errors
    ///
    /// If a part is missing or was changed.
    pub fn finish(mut self) -> Result<Ledger<R>, SnapshotError> {
        let Contents { next, parts, digest } = self.index.contents;
        if self.parts != parts {
            return Err(SnapshotError::Parts(format!("{} of {parts}", self.parts)));
        }
        if self.digest.finish() != digest {
            return Err(SnapshotError::Parts("their digest differs".to_owned()));
        }
        self.ledger.next = next;
        Ok(self.ledger)
    }
}

impl<R: Rules> Ledger<R> {
    /// Begins a snapshot of this moment. It takes the place of one that is being written.
    pub fn begin_snapshot(&mut self, snapshot: Uuid) -> Writer {
        self.people.places.keep_for(snapshot);
        let mut others = VecDeque::new();
        for (tenant, Admitted { at, allowance, off_until }) in &self.brakes {
            let line = |at: &[i64]| Line::Brake(*tenant, at.to_vec(), *allowance, *off_until);
            others.push_back(line(&[]));
            others.extend(at.chunks(ADMISSIONS).map(line));
        }
        others.extend(self.stops.iter().map(|(run, at)| Line::Stop(*run, *at)));
        Writer { snapshot, next: self.next, others, parts: 0, digest: Digest::default() }
    }

    /// Whether a snapshot is being written.
    pub fn is_in_snapshot(&self) -> bool {
        self.people.places.kept_for().is_some()
    }

    /// Ends the snapshot that is being written: nobody is kept for it any more.
    pub fn end_snapshot(&mut self) {
        self.people.places.keep_no_longer();
    }

    fn take(&mut self, line: Line<Person>) {
        match line {
            Line::Person(person) => self.people.add(person),
            Line::Brake(tenant, at, allowance, off_until) => {
                let known = self.brakes.entry(tenant).or_default();
                known.at.extend(at);
                (known.allowance, known.off_until) = (allowance, off_until);
            }
            Line::Stop(run, at) => {
                self.stops.insert(run, at);
            }
        }
    }
}

/// What a run has changed. Records leave out what is empty, and a snapshot leaves out nothing.
pub(crate) mod done {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::record::Done;

    #[expect(clippy::ref_option, reason = "serde hands out references to fields")]
    pub(crate) fn serialize<S: Serializer>(
        done: &Option<Box<Done>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let done = done.as_deref().map(|Done { steps, more, no_return }| (steps, more, no_return));
        done.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Box<Done>>, D::Error> {
        let done: Option<_> = Deserialize::deserialize(d)?;
        Ok(done.map(|(steps, more, no_return)| Box::new(Done { steps, more, no_return })))
    }
}
