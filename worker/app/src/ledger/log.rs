//! Where the records are: a few functions, and RabbitMQ behind them; and the stream of their snapshots.

use std::{sync::Arc, time::Duration};

use broker::{Found, RecordLog};
use tokio::{sync::RwLock, time::timeout};

/// How long the broker may take to hand out a record that is there.
pub(super) const THERE: Duration = Duration::from_secs(10);

/// A session with the stream of snapshots.
pub(crate) trait Messages: Send + Sync + 'static {
    /// The messages from an offset on.
    type Records: Records;

    /// Appends a message.
    fn append(&self, message: &[u8]) -> impl Future<Output = Result<(), LogError>> + Send;

    /// The messages from an offset on.
    fn read_from(&self, offset: u64) -> impl Future<Output = Result<Self::Records, LogError>> + Send;

    /// The messages from near the end on, or those that are yet to come.
    fn read_last(&self) -> impl Future<Output = Result<Self::Records, LogError>> + Send;

    /// Ends the session.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// A log that everybody appends to and reads.
pub(crate) trait Log: Send + Sync + 'static {
    /// The records from an offset on.
    type Records: Records;
    /// A session with the stream of snapshots.
    type Snapshots: Messages;

    /// Appends a record. An error means that it may be in the log all the same, or come to it.
    fn append(&self, record: &[u8]) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Appends a record that means nothing, and answers with about where it stands: where the log ends.
    fn end(&self, mark: &[u8]) -> impl Future<Output = Result<u64, LogError>> + Send;

    /// Opens a session that begins at an offset, or with the first record. It ends the session before.
    fn read(&self, from: Option<u64>) -> impl Future<Output = Result<Self::Records, LogError>> + Send;

    /// Opens a session with the stream of snapshots.
    fn snapshots(&self) -> impl Future<Output = Result<Self::Snapshots, LogError>> + Send;
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

    /// Looks at queues through the session: for that alone nobody opens a connection.
    pub(super) async fn look(&self, queues: &[String]) -> Result<Vec<Found>, LogError> {
        let session = self.session.read().await.clone();
        let session = session.ok_or_else(|| LogError("no session is open".to_owned()))?;
        Ok(session.look(queues).await?)
    }
}

impl Log for Stream {
    type Records = broker::Records;
    type Snapshots = RecordLog;

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
        let end = timeout(THERE, end).await;
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

    async fn snapshots(&self) -> Result<RecordLog, LogError> {
        Ok(RecordLog::open_snapshots(&self.settings).await?)
    }
}

impl Messages for RecordLog {
    type Records = broker::Records;

    async fn append(&self, message: &[u8]) -> Result<(), LogError> {
        Ok(RecordLog::append(self, message).await?)
    }

    async fn read_from(&self, offset: u64) -> Result<broker::Records, LogError> {
        Ok(self.read(Some(offset)).await?)
    }

    async fn read_last(&self) -> Result<broker::Records, LogError> {
        Ok(self.read_last().await?)
    }

    async fn close(&self) {
        RecordLog::close(self).await;
    }
}

impl Records for broker::Records {
    async fn next(&mut self) -> Result<(u64, Vec<u8>), LogError> {
        Ok(broker::Records::next(self).await?)
    }
}
