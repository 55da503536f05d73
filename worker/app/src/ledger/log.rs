//! Where the records are: two functions, and RabbitMQ behind them.

use std::sync::Arc;

use broker::RecordLog;
use tokio::sync::RwLock;

/// A log that everybody appends to and reads.
pub(crate) trait Log: Send + Sync + 'static {
    /// The records from an offset on.
    type Records: Records;

    /// Appends a record. An error means that it may be in the log all the same, or come to it.
    fn append(&self, record: &[u8]) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Opens a session that begins at an offset, or with the first record. It ends the session before.
    fn read(&self, from: Option<u64>) -> impl Future<Output = Result<Self::Records, LogError>> + Send;
}

/// Records in their order, without a gap.
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

impl Records for broker::Records {
    async fn next(&mut self) -> Result<(u64, Vec<u8>), LogError> {
        Ok(broker::Records::next(self).await?)
    }
}
