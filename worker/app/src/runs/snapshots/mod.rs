//! What runs take away: kept before they do, and read when it is to be given back.

pub mod keep;

use actions::Remembered;
use broker::{History, Settings, Since};
use messages::{Kept, NotKept, ResultData, ResultEvent, Taken};
use msgraph::Seal;
use outcome::{Class, Failure};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

/// Reads what runs took. A session is opened for each reading: restores are rare.
#[derive(Clone)]
pub struct Snapshots {
    settings: Settings,
    seal: Option<Seal>,
}

/// What a run took.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The tenant that its event named.
    pub tenant: Option<String>,
    /// The workflow.
    pub workflow: String,
    /// The things, in the order in which they were taken.
    pub things: Vec<Remembered>,
    /// The number of the last entry of all snapshots when they were read.
    pub read: u64,
}

impl Snapshots {
    /// In the broker of these settings, sealed with this.
    pub fn new(settings: Settings, seal: Option<Seal>) -> Self {
        Self { settings, seal }
    }

    /// For how many days the record of what runs took is kept.
    pub fn kept_days(&self) -> u32 {
        self.settings.snapshots_kept.days
    }

    /// What this run took; nothing if that is not kept, or not any more.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read: time may help.
    pub async fn of(&self, run: Uuid) -> Result<Option<Snapshot>, Failure> {
        self.read(run, Since::First).await.map_err(|error| unread(&error))
    }

    /// Whether this run took something that was stored after this entry.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read: time may help.
    pub async fn took_after(&self, run: Uuid, entry: u64) -> Result<bool, Failure> {
        let since = Since::Offset(entry.saturating_add(1));
        let found = self.read(run, since).await.map_err(|error| unread(&error))?;
        Ok(found.is_some())
    }

    async fn read(&self, run: Uuid, since: Since) -> Result<Option<Snapshot>, broker::Error> {
        let session = History::open_snapshots(&self.settings).await?;
        let mut found = None;
        if let Some(end) = session.end().await? {
            let mut entries = session.read(since, &end, &[]).await?;
            while let Some(entry) = entries.next().await? {
                self.take_in(run, &entry.body, &mut found);
            }
            if let Some(found) = &mut found {
                found.read = end.offset;
            }
        }
        session.close().await;
        Ok(found)
    }

    /// A message that is no part of a snapshot of this run is passed over: nobody but workers may write there.
    fn take_in(&self, run: Uuid, body: &[u8], found: &mut Option<Snapshot>) {
        // Nearly all are of other runs, and the schema takes longer than a look at the text.
        let id = run.to_string();
        if !body.windows(id.len()).any(|window| window == id.as_bytes()) {
            return;
        }
        let Ok(ResultEvent { cause, data: ResultData::RunSnapshot(part), .. }) =
            ResultEvent::from_bytes(body)
        else {
            return;
        };
        if part.run_id == run {
            let snapshot = found.get_or_insert_with(Snapshot::default);
            snapshot.tenant = cause.tenant;
            snapshot.workflow = part.workflow;
            snapshot.things.extend(part.taken.into_iter().map(|kept| self.remembered(kept)));
        }
    }

    fn remembered(&self, kept: Kept) -> Remembered {
        let Kept { kind, user, object, sealed, not_kept } = kept;
        let opened = sealed.as_deref().map(|sealed| {
            let text = self.seal.as_ref()?.open(sealed)?;
            serde_json::from_str(text.expose_secret()).ok()
        });
        let lacks = match (&opened, not_kept) {
            (Some(Some(_)), _) | (None, None) => None,
            (Some(None), _) => Some("worker.key_file is not the one that it was sealed with"),
            (None, Some(NotKept::NoKey)) => Some("it was not kept, since worker.key_file was not set then"),
            (None, Some(NotKept::TooLarge)) => {
                Some("it was not kept, since it is larger than a message may be")
            }
        };
        let taken = Taken { kind, user, object, text: opened.flatten() };
        Remembered { taken, lacks: lacks.map(str::to_owned) }
    }
}

fn unread(error: &broker::Error) -> Failure {
    let detail = format!("what the run took could not be read: {error}");
    Failure::new(Class::Retry, "snapshot_unread", detail)
}
