//! A running emulator, and its controls for tests.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use crate::auth::{Decision, PendingSignIn};
use crate::control::faults::Fault;
use crate::control::journal::Entry;
use crate::http::server::Server;
use crate::http::tls::Tls;
use crate::limits::Usage;
use crate::options::Options;
use crate::tenant::{Application, Tenant, TenantError};
use crate::world::{Inside, Secrets, World};

/// The credentials a client needs to ask for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The tenant's directory id.
    pub tenant_id: String,
    /// The application's client id.
    pub client_id: String,
    /// The application's client secret.
    pub client_secret: String,
}

/// The reasons an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tenant has a mistake.
    #[error("the tenant has a mistake: {0}")]
    Tenant(#[from] TenantError),
    /// The emulator cannot listen on the address.
    #[error("cannot listen on {address}; choose another address with --listen")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The certificate for HTTPS cannot be made.
    #[error("cannot make a certificate for {address}: {why}; start without HTTPS")]
    Certificate {
        /// The address it was for.
        address: SocketAddr,
        /// The reason.
        why: String,
    },
}

/// A running emulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    world: Arc<World>,
    address: SocketAddr,
    tls: Option<Tls>,
    _servers: [Server; 2],
}

impl Emulator {
    /// Starts an emulator on a thread of its own.
    ///
    /// # Errors
    ///
    /// The tenant has a mistake, the emulator cannot listen on the address, or no certificate can be made.
    pub fn start(options: Options) -> Result<Self, StartError> {
        options.tenant.check()?;
        let listen = options.listen;
        let at = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        let (files_listener, files) = beside(address, options.files)?;
        let tls = options.https.then(|| Tls::new(&[address.ip(), files.ip()])).transpose();
        let tls = tls.map_err(|why| StartError::Certificate { address, why: why.to_string() })?;
        let world = World::new(options, files);
        let server = Server::start(listener, Arc::clone(&world), tls.as_ref(), false).map_err(at)?;
        let files = Server::start(files_listener, Arc::clone(&world), tls.as_ref(), true).map_err(at)?;
        Ok(Self { world, address, tls, _servers: [server, files] })
    }

    /// The root of every address: Graph is at `/v1.0` below it, the token endpoint at
    /// `/{tenant id}/oauth2/v2.0/token`, the controls at `/_emulator`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate, in PEM, of the authority a client has to trust; nothing without HTTPS.
    #[must_use]
    pub fn certificate_authority(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.authority.as_str())
    }

    /// The credentials of the tenant's first application, by client id; empty if there is none.
    #[must_use]
    pub fn application(&self) -> Registration {
        let inside = self.world.lock();
        let application = inside.tenant.applications.values().next();
        let application = application.cloned().unwrap_or_else(|| Application::new("", ""));
        Registration {
            tenant_id: inside.tenant.id.to_string(),
            client_id: application.client_id,
            client_secret: application.client_secret,
        }
    }

    /// Every request so far, in the order they were answered.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.world.lock().journal.after(0).to_vec()
    }

    /// Every change that requests made so far, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        let entries = self.journal().into_iter();
        entries.flat_map(|entry| entry.effects).collect()
    }

    /// The number of round trips to Graph; a `$batch` is one.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        let journal = self.journal();
        journal.iter().filter(|entry| entry.batch.is_none() && !entry.token).count()
    }

    /// The requests to each service, by its name; counted also without limits.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<&'static str, Usage> {
        self.world.lock().limiter.usage().clone()
    }

    /// Empties the journal; numbers continue.
    pub fn clear_journal(&self) {
        self.world.lock().journal.clear();
    }

    /// Sets a rule that spoils requests, and returns its id.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.world.lock().faults.set(fault)
    }

    /// How many requests this rule has spoiled, or holds up at the moment.
    #[must_use]
    pub fn spoiled(&self, rule: u64) -> u64 {
        self.world.lock().faults.spoiled(rule)
    }

    /// Removes every rule.
    pub fn clear_faults(&self) {
        self.world.lock().faults.clear();
    }

    /// The whole tenant, without anything that differs between two equal runs.
    #[must_use]
    pub fn state(&self) -> Value {
        let mut inside = self.world.lock();
        inside.tenant.go_on_copying();
        inside.tenant.state()
    }

    /// The bytes of a file that a request wrote, by its path in a user's OneDrive.
    #[must_use]
    pub fn file(&self, user: &str, path: &str) -> Option<Vec<u8>> {
        self.world.lock().tenant.file_bytes(user, path)
    }

    /// Writes a file in a user's OneDrive, as the user would; returns whether there is one.
    pub fn write_file(&self, user: &str, path: &str, size: u64) -> bool {
        self.world.lock().tenant.write_file(user, path, size)
    }

    /// Deletes a file or folder in a user's OneDrive, as the user would; returns whether it was there.
    pub fn delete_file(&self, user: &str, path: &str) -> bool {
        self.world.lock().tenant.delete_file(user, path)
    }

    /// Every client secret, token, device code and password seen so far.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.world.lock().secrets()
    }

    /// The sign-ins on other devices that wait for their person.
    #[must_use]
    pub fn pending_sign_ins(&self) -> Vec<PendingSignIn> {
        self.world.lock().tokens.pending()
    }

    /// Decides a pending sign-in; returns whether it exists, and the user who approves it.
    pub fn decide_sign_in(&self, user_code: &str, decision: &Decision) -> bool {
        let mut inside = self.world.lock();
        let Inside { tenant, tokens, .. } = &mut *inside;
        tokens.decide(tenant, user_code, decision)
    }

    /// Ends every access token before its time.
    pub fn revoke_access_tokens(&self) {
        self.world.lock().tokens.revoke_access();
    }

    /// Ends every refresh token, as a new password does.
    pub fn revoke_refresh_tokens(&self) {
        self.world.lock().tokens.revoke_refresh();
    }

    /// Expires every refresh token, as if unused for too long.
    pub fn expire_refresh_tokens(&self) {
        self.world.lock().tokens.expire_refresh();
    }

    /// Sets the clock that the `Date` of every answer shows this far from the machine's.
    pub fn shift_clock(&self, seconds: i64) {
        self.world.lock().clock_shift = SignedDuration::from_secs(seconds);
    }

    /// Lets so many days pass for deleted users. Microsoft keeps them for thirty days.
    pub fn let_pass(&self, days: u32) {
        self.world.lock().tenant.let_pass(days);
    }

    /// Restores the tenant of the start, with an empty journal and no faults.
    pub fn reset(&self) {
        self.world.lock().reset();
    }

    /// Reads or changes the tenant between two requests; the journal does not record it.
    pub fn with_tenant<T>(&self, change: impl FnOnce(&mut Tenant) -> T) -> T {
        change(&mut self.world.lock().tenant)
    }
}

/// Listens for the host of report files: at this address, or else at one beside the emulator's own. That is another
/// loopback address, where there is one: a client takes it for another host, and keeps its token to itself.
fn beside(own: SocketAddr, files: Option<SocketAddr>) -> Result<(TcpListener, SocketAddr), StartError> {
    let another = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let is_local = own.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listener = match (files, is_local) {
        (Some(address), _) => bind(address),
        (None, true) => bind(another).or_else(|_| bind(SocketAddr::new(own.ip(), 0))),
        (None, false) => bind(SocketAddr::new(own.ip(), 0)),
    }?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { address: own, source })?;
    Ok((listener, address))
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })
}
