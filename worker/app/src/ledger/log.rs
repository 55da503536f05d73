//! Where the records are: two functions, and RabbitMQ behind them; and where snapshots of them are.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use broker::RecordLog;
use ledger::Snapshot;
use tokio::{sync::RwLock, time::timeout};

/// How long to look for a snapshot. The broker does not say where a stream ends; it says nothing more.
const LOOK: Duration = Duration::from_secs(2);
/// The same once a record has come: what was stored together comes together.
const MORE: Duration = Duration::from_millis(250);
/// A file of the stream has room for more parts than this.
const PARTS_OF_A_FILE: u64 = 20;
/// How long to wait for a part, which is there.
const PART: Duration = Duration::from_secs(10);

/// Where snapshots are. Only the newest counts.
pub(crate) trait Snapshots: Send + Sync + 'static {
    /// Stores a snapshot.
    fn put(&self, snapshot: &Snapshot) -> impl Future<Output = Result<(), LogError>> + Send;

    /// The newest snapshot, if it is whole.
    fn get(&self) -> impl Future<Output = Result<Option<Snapshot>, LogError>> + Send;
}

/// A log that everybody appends to and reads.
pub(crate) trait Log: Snapshots {
    /// The records from an offset on.
    type Records: Records;

    /// Appends a record. An error means that it may be in the log all the same, or come to it.
    fn append(&self, record: &[u8]) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Appends a record that means nothing, and answers with about where it stands: where the log ends.
    fn end(&self, mark: &[u8]) -> impl Future<Output = Result<u64, LogError>> + Send;

    /// Opens a session that begins at an offset, or with the first record. It ends the session before.
    fn read(&self, from: Option<u64>) -> impl Future<Output = Result<Self::Records, LogError>> + Send;
}

/// Records in their order. Their offsets grow; the broker has entries of its own between them.
pub(crate) trait Records: Send + 'static {
    /// Waits for the next record, and where it stands. An error ends the session.
    fn next(&mut self) -> impl Future<Output = Result<(u64, Vec<u8>), LogError>> + Send;
}

/// The log cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be reached: {0}")]
pub(crate) struct LogError(pub(crate) String);

impl From<broker::Error> for LogError {
    fn from(error: broker::Error) -> Self {
        Self(error.to_string())
    }
}

/// The stream of a broker.
pub(crate) struct Stream {
    settings: broker::Settings,
    session: RwLock<Option<Arc<RecordLog>>>,
}

impl Stream {
    /// The ledger of a prefix. Nothing is connected before the first session.
    pub(crate) fn new(settings: broker::Settings) -> Self {
        Self { settings, session: RwLock::default() }
    }
}

impl Log for Stream {
    type Records = broker::Records;

    async fn append(&self, record: &[u8]) -> Result<(), LogError> {
        let session = self.session.read().await.clone();
        let session = session.ok_or_else(|| LogError("no session is open".to_owned()))?;
        Ok(session.append(record).await?)
    }

    async fn end(&self, mark: &[u8]) -> Result<u64, LogError> {
        let log = RecordLog::open(&self.settings).await?;
        let end = async {
            log.append(mark).await?;
            // Others may have appended since: what comes first may stand behind the mark, and a little before it.
            let (offset, _) = log.read_last().await?.next().await?;
            Ok::<_, broker::Error>(offset)
        };
        let end = timeout(PART, end).await;
        log.close().await;
        Ok(end.map_err(|_| LogError("the end of the log was not found".to_owned()))??)
    }

    async fn read(&self, from: Option<u64>) -> Result<broker::Records, LogError> {
        let mut session = self.session.write().await;
        if let Some(session) = session.take() {
            session.close().await;
        }
        let opened = RecordLog::open(&self.settings).await?;
        let records = opened.read(from).await?;
        *session = Some(Arc::new(opened));
        Ok(records)
    }
}

impl Snapshots for Stream {
    /// The parts, then the index: whoever finds an index knows that its parts stand before it.
    async fn put(&self, snapshot: &Snapshot) -> Result<(), LogError> {
        let log = RecordLog::open_snapshots(&self.settings).await?;
        let put = async {
            for part in snapshot.parts.iter().chain([&snapshot.index]) {
                log.append(part).await?;
            }
            Ok(())
        };
        let put: Result<(), broker::Error> = put.await;
        log.close().await;
        Ok(put?)
    }

    async fn get(&self) -> Result<Option<Snapshot>, LogError> {
        let log = RecordLog::open_snapshots(&self.settings).await?;
        let found = newest(&log).await;
        log.close().await;
        Ok(found?)
    }
}

/// The newest snapshot. If two workers wrote at once their parts are mixed, and the digest will say so.
async fn newest(log: &RecordLog) -> Result<Option<Snapshot>, broker::Error> {
    let mut last = log.read_last().await?;
    let (mut index, mut look) = (None, LOOK);
    while let Ok(record) = timeout(look, last.next()).await {
        index = Some(record?);
        look = MORE;
    }
    let Some((end, index)) = index else { return Ok(None) };
    let Some(count) = ledger::parts_of(&index) else { return Ok(None) };
    let first = end.saturating_sub(count.saturating_add(entries_of_the_broker(count)));
    let mut records = log.read(Some(first)).await?;
    let mut parts = VecDeque::new();
    loop {
        let Ok(record) = timeout(PART, records.next()).await else { return Ok(None) };
        let (offset, part) = record?;
        if offset >= end {
            break;
        }
        parts.push_back(part);
        if parts.len() as u64 > count {
            parts.pop_front();
        }
    }
    Ok((parts.len() as u64 == count).then(|| Snapshot { index, parts: parts.into() }))
}

/// How many entries of its own the broker may have between so many parts: one for each file.
fn entries_of_the_broker(parts: u64) -> u64 {
    2 + parts / PARTS_OF_A_FILE
}

impl Records for broker::Records {
    async fn next(&mut self) -> Result<(u64, Vec<u8>), LogError> {
        Ok(broker::Records::next(self).await?)
    }
}
