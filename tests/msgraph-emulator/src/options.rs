//! The options of an emulator.

use std::net::SocketAddr;
use std::time::Duration;

use crate::lag::replication::Lag;
use crate::limits::Limits;
use crate::tenant::Tenant;

/// The options of an emulator.
///
/// Without further options it answers at once, limits nothing, and
/// every read sees every write.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) tenant: Tenant,
    pub(crate) listen: SocketAddr,
    pub(crate) files: Option<SocketAddr>,
    pub(crate) page_limit: usize,
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) limits: Option<Limits>,
    pub(crate) new_users_after: Option<Lag>,
    pub(crate) stale_reads: Option<Lag>,
    pub(crate) exclusive_licensing: bool,
    pub(crate) https: bool,
    pub(crate) copy_pace: Duration,
    pub(crate) copies_end_early: bool,
}

impl Default for Options {
    /// [`Tenant::contoso`] on a free port of the loopback.
    fn default() -> Self {
        Self::new(Tenant::contoso())
    }
}

impl Options {
    /// A tenant on a free port of the loopback.
    #[must_use]
    pub fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            files: None,
            page_limit: usize::MAX,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            limits: None,
            new_users_after: None,
            stale_reads: None,
            exclusive_licensing: false,
            https: false,
            copy_pace: Duration::ZERO,
            copies_end_early: false,
        }
    }

    /// Listens on this address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Serves the files of reports at this address, instead of a free port of another loopback address.
    #[must_use]
    pub fn files(mut self, address: SocketAddr) -> Self {
        self.files = Some(address);
        self
    }

    /// Limits every page to this many objects, whatever `$top` says.
    #[must_use]
    pub fn page_limit(mut self, objects: usize) -> Self {
        self.page_limit = objects.max(1);
        self
    }

    /// Adds this latency to every round trip, token requests too; a batch is one round trip.
    #[must_use]
    pub fn latency(mut self, time: Duration) -> Self {
        self.latency = time;
        self
    }

    /// Makes round trips up to this much shorter or longer; the same ones after every reset.
    #[must_use]
    pub fn jitter(mut self, time: Duration) -> Self {
        self.jitter = time;
        self
    }

    /// Enforces the limits Microsoft publishes.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Hides a new user for this long.
    #[must_use]
    pub fn new_users_after(mut self, lag: Lag) -> Self {
        self.new_users_after = Some(lag);
        self
    }

    /// Makes reads show the state before a write for this long.
    #[must_use]
    pub fn stale_reads(mut self, lag: Lag) -> Self {
        self.stale_reads = Some(lag);
        self
    }

    /// Refuses a licence call while another one of the tenant is running, as Entra sometimes does.
    #[must_use]
    pub fn exclusive_licensing(mut self) -> Self {
        self.exclusive_licensing = true;
        self
    }

    /// Sets how long a copy of files takes for each item.
    #[must_use]
    pub fn copy_pace(mut self, time: Duration) -> Self {
        self.copy_pace = time;
        self
    }

    /// Makes every copy say that it is completed while it goes on, as copies of large folders were seen to do
    /// (onedrive-api-docs issue 1239, 2020-03-10).
    #[must_use]
    pub fn copies_end_early(mut self) -> Self {
        self.copies_end_early = true;
        self
    }

    /// Serves HTTPS, with a certificate of an authority created at the start.
    #[must_use]
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }
}
