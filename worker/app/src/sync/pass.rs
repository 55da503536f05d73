//! One pass: from the tenant into pages, under one generation.

use directory_sync::{
    Cursor, CursorProblem, Error, FullPassReason, LicensesPass, Prices, SignInsPass, User, UsersDelta,
    UsersPass,
};
use jiff::Timestamp;
use messages::{Cause, ResultEvent, SyncDetail, SyncMode, SyncNote, SyncPage, SyncRows, SyncSubject};
use msgraph::{Client, Reader};
use outcome::{Class, Failure};

use super::ending::{Ended, Summary};
use super::job::Job;
use super::pages::Pages;
use super::sender::{Sender, Stopped};
use super::source::{Batch, Source, Wanted};

/// One pass.
pub struct Pass<'a> {
    pub(super) job: &'a Job,
    pub(super) generation: i64,
    pub(super) prices: &'a Prices,
    mode: SyncMode,
    pub(super) pages: Pages,
    pub(super) sender: Sender<'a>,
}

impl<'a> Pass<'a> {
    /// A pass that has read nothing.
    pub fn new(job: &'a Job, generation: i64, prices: &'a Prices, sender: Sender<'a>) -> Self {
        let mode = job.request.mode;
        Self { job, generation, prices, mode, pages: pages(job, generation, mode), sender }
    }

    /// Rows that the broker has stored.
    pub fn rows(&self) -> u64 {
        self.sender.stored().rows
    }

    /// The end of this pass.
    pub fn ended(&self, summary: Option<Summary>, failure: Option<Failure>) -> Ended {
        Ended {
            generation: Some(self.generation),
            mode_done: Some(self.mode),
            pages: self.sender.stored().pages,
            rows: self.rows(),
            days: Vec::new(),
            summary,
            failure,
            is_cancelled: false,
        }
    }

    /// Reads the people or the licences of the tenant and sends what it finds.
    pub async fn run(&mut self, tenant: &Client) -> Result<Summary, Stopped> {
        let request = &self.job.request;
        let reader = tenant.reader();
        let mut summary = match (request.what, &request.cursor) {
            (SyncSubject::Users, None) => self.everyone(reader).await?,
            (SyncSubject::Users, Some(cursor)) => self.changes(reader, &Cursor::new(cursor)).await?,
            (SyncSubject::Licenses, _) => self.licenses(reader).await?,
            (SyncSubject::Usage, _) => {
                return Err(Failure::new(Class::Fault, "internal", "usage is read in parts").into());
            }
        };
        if request.sign_ins {
            let sign_ins = SignInsPass::begin(reader).map_err(failed)?;
            summary = summary.and("sign_ins", self.read(self.wanted(sign_ins)).await?);
        }
        self.send_rest().await?;
        Ok(self.checked(summary))
    }

    /// Sends the pages that are not full. What follows is reported only when the broker has stored every page.
    pub(super) async fn send_rest(&mut self) -> Result<(), Stopped> {
        for page in self.pages.rest() {
            self.sender.send(&page).await?;
        }
        self.sender.flush().await
    }

    /// Sends rows, but for the last page of each kind.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Stopped> {
        for row in batch.rows() {
            for page in self.pages.push(&row) {
                self.sender.send(&page).await?;
            }
        }
        Ok(())
    }

    /// Whether rows are asked for, and not the totals alone.
    pub(super) fn wants_rows(&self) -> bool {
        self.job.request.detail == SyncDetail::Pages
    }

    /// A pass that hands out rows if they are asked for.
    pub(super) fn wanted<P>(&self, pass: P) -> Wanted<P> {
        Wanted { pass, rows: self.wants_rows() }
    }

    async fn everyone(&mut self, reader: Reader<'_>) -> Result<Summary, Stopped> {
        let wants_rows = self.wants_rows();
        let batches = move |users: &[User<'_>]| Batch::of(users, wants_rows);
        let pass = self.sender.meanwhile(UsersPass::begin(reader, batches)).await?.map_err(failed)?;
        Ok(self.read(pass).await?)
    }

    async fn licenses(&mut self, reader: Reader<'_>) -> Result<Summary, Stopped> {
        let pass = self.sender.meanwhile(LicensesPass::begin(reader, self.prices)).await?.map_err(failed)?;
        Ok(self.read(self.wanted(pass)).await?)
    }

    /// Reads what changed, or everything if that can no longer be told.
    async fn changes(&mut self, reader: Reader<'_>, cursor: &Cursor) -> Result<Summary, Stopped> {
        let changes = match UsersDelta::begin(reader, cursor) {
            Ok(round) => self.read(self.wanted(round)).await,
            Err(error) => Err(failed(error)),
        };
        let reason = match changes {
            Err(Interrupted::FullPassNeeded(reason)) => reason,
            Err(Interrupted::Stopped(stopped)) => return Err(stopped),
            Ok(summary) => return Ok(summary),
        };
        if let FullPassReason::Cursor(CursorProblem::Damaged | CursorProblem::OtherTenant) = reason {
            let detail =
                "send back the cursor of a sync.finished of this tenant, unchanged, or ask for a full sync";
            return Err(Failure::rejected(reason.code(), format!("{reason}; {detail}")).into());
        }
        tracing::info!(code = reason.code(), "a full pass takes the place of a delta");
        // Changes that were sent already are of a generation that never ends.
        self.sender.start_over().await?;
        self.generation = self.generation.saturating_add(1);
        self.mode = SyncMode::Full;
        self.pages = pages(self.job, self.generation, self.mode);
        let mut summary = self.everyone(reader).await?;
        let detail = format!("{reason}: everything was read");
        summary.notes.insert(0, SyncNote { code: reason.code().to_owned(), detail });
        Ok(summary)
    }

    /// Sends everything that a source has, but for the last page of each kind.
    pub(super) async fn read<S: Source>(&mut self, mut source: S) -> Result<Summary, Interrupted> {
        while let Some(batch) = self.sender.meanwhile(source.next()).await?.map_err(failed)? {
            self.send(&batch).await?;
            self.sender.give_way().await?;
        }
        let without = || Failure::new(Class::Fault, "internal", "a pass ended without a summary");
        source.summary().ok_or_else(|| without().into())
    }

    /// The summary with what the pages say of it.
    pub(super) fn checked(&self, mut summary: Summary) -> Summary {
        let Pages { cut, lost, .. } = self.pages;
        if cut > 0 {
            let detail = format!("{cut} rows are larger than a page and lack the fields in cut_fields");
            summary.notes.push(SyncNote { code: "rows_cut".to_owned(), detail });
        }
        if lost > 0 {
            let detail = format!("{lost} rows are larger than a page and were not sent");
            summary.notes.push(SyncNote { code: "rows_lost".to_owned(), detail });
            summary.is_partial = true;
            summary.kinds.clear();
        }
        if self.job.request.detail == SyncDetail::None {
            // Without pages there is nothing that could replace what an earlier pass has sent.
            summary.kinds.clear();
        }
        summary
    }
}

/// Why a source was not read to its end.
pub(super) enum Interrupted {
    /// Only a full pass can tell.
    FullPassNeeded(FullPassReason),
    /// The pass stops.
    Stopped(Stopped),
}

impl From<Stopped> for Interrupted {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<Failure> for Interrupted {
    fn from(failure: Failure) -> Self {
        Self::Stopped(failure.into())
    }
}

/// Where only a delta can need a full pass, this is a defect.
impl From<Interrupted> for Stopped {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Stopped(stopped) => stopped,
            Interrupted::FullPassNeeded(reason) => {
                Failure::new(Class::Fault, "internal", reason.to_string()).into()
            }
        }
    }
}

pub(super) fn failed(error: Error) -> Interrupted {
    match error {
        Error::NoReports(error) => {
            let message = Error::NoReports(error.clone()).to_string();
            Failure { message, ..Failure::from(actions::Error::from(error)) }.into()
        }
        Error::NotGranted(error, permission) => {
            let message = Error::NotGranted(error.clone(), permission).to_string();
            Failure { message, ..Failure::from(actions::Error::from(error)) }.into()
        }
        Error::Graph(error) => Failure::from(actions::Error::from(error)).into(),
        Error::FullPassNeeded(reason) => Interrupted::FullPassNeeded(reason),
    }
}

fn pages(job: &Job, generation: i64, mode: SyncMode) -> Pages {
    let (sync_id, what) = (job.event.run_id(), job.request.what);
    let empty = SyncPage {
        sync_id,
        generation,
        what,
        mode,
        kind: String::new(),
        number: 0,
        rows: SyncRows::from_json("[]"),
    };
    let cause = Cause::from(&job.event);
    Pages::new(empty, move |page| ResultEvent::new(cause.clone(), Timestamp::now(), page))
}
