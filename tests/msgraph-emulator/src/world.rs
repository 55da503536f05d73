//! The state of a running emulator, behind one lock that is never held across a wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::SignedDuration;
use serde::Serialize;
use uuid::Uuid;

use crate::auth::{self, Tokens};
use crate::batch;
use crate::control::faults::{End, Faults, Verdict};
use crate::control::journal::{Journal, Outcome};
use crate::graph::{self, Visit};
use crate::http::pace::Feed;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::lag::latency::Latency;
use crate::lag::replication::Replication;
use crate::limits::{Admission, Hold, Limiter};
use crate::options::Options;
use crate::route::permissions;
use crate::route::{self, Operation};
use crate::tenant::Tenant;

/// Every secret the emulator has seen; a test checks that none appears anywhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Secrets {
    /// The client secrets of the applications.
    pub client_secrets: Vec<String>,
    /// The tokens and device codes issued.
    pub tokens: Vec<String>,
    /// The passwords received.
    pub passwords: Vec<String>,
    /// The temporary access passes issued.
    pub passes: Vec<String>,
}

/// The state of a running emulator, behind its lock.
#[derive(Debug)]
pub(crate) struct World(Mutex<Inside>);

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) tenant: Tenant,
    pub(crate) tokens: Tokens,
    passwords: Vec<String>,
    passes: Vec<String>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    latency: Latency,
    pub(crate) limiter: Limiter,
    replication: Replication,
    /// Held by every licence call in progress.
    licensing: Arc<()>,
    options: Options,
    /// How far the clock of answers is from the machine's.
    pub(crate) clock_shift: SignedDuration,
    /// Where the files of reports are.
    files: SocketAddr,
    /// The world around this, for answers that go on after the lock is free.
    world: Weak<World>,
}

/// A request in progress: the decision about it, and the limits it occupies until it ends.
#[derive(Debug)]
pub(crate) struct Started {
    verdict: Verdict,
    admission: Admission,
    _holds: [Option<Hold>; 2],
}

impl Started {
    /// The delay that faults add.
    pub(crate) fn delay(&self) -> Duration {
        self.verdict.delay
    }
}

/// The answer to a request, and the changes it made.
type Acted = (Reply, Vec<String>);

impl World {
    pub(crate) fn new(options: Options, files: SocketAddr) -> Arc<Self> {
        Arc::new_cyclic(|world| {
            Self(Mutex::new(Inside {
                tenant: options.tenant.clone(),
                tokens: Tokens::default(),
                passwords: Vec::new(),
                passes: Vec::new(),
                journal: Journal::default(),
                faults: Faults::default(),
                latency: Latency::new(options.latency, options.jitter),
                limiter: Limiter::new(options.limits),
                replication: Replication::new(options.new_users_after, options.stale_reads),
                licensing: Arc::default(),
                options,
                clock_shift: SignedDuration::ZERO,
                files,
                world: Weak::clone(world),
            }))
        })
    }

    /// A test that panicked while it changed the tenant has failed already; the others continue.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request; `None` closes the connection.
    pub(crate) async fn answer(&self, request: &Request) -> Option<Reply> {
        let (started, delay) = {
            let mut inside = self.lock();
            let started = inside.begin(request);
            let delay = started.delay() + inside.latency.next();
            (started, delay)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let acts = started.verdict.end.as_ref().is_none_or(End::acts);
        let is_known = request.is_batch() && self.lock().knows_caller(request);
        let (reply, outcome) = if acts && is_known {
            let lost = matches!(started.verdict.end, Some(End::ActThenDrop));
            let reply = batch::answer(self, request, lost).await;
            let reply = reply.and_then(|reply| match started.verdict.end {
                None => Some(reply),
                Some(end) => end.spoil(reply),
            });
            let status = reply.as_ref().map(|reply| reply.status.as_u16());
            (reply, Outcome { status, effects: Vec::new(), fault: started.verdict.rule })
        } else {
            self.lock().finish(request, started)
        };
        self.lock().journal.write(request, outcome);
        reply
    }
}

impl Inside {
    /// Resets tenant, journal, faults, limits, lag and clock. Tokens stay valid and secrets stay
    /// known, because a client and a test that looks for secrets outlive a reset.
    pub(crate) fn reset(&mut self) {
        let options = &self.options;
        self.tenant = options.tenant.clone();
        self.journal = Journal::default();
        self.faults = Faults::default();
        self.latency = Latency::new(options.latency, options.jitter);
        self.limiter = Limiter::new(options.limits);
        self.replication = Replication::new(options.new_users_after, options.stale_reads);
        self.clock_shift = SignedDuration::ZERO;
    }

    /// Every secret seen so far.
    pub(crate) fn secrets(&self) -> Secrets {
        let applications = self.tenant.applications.values();
        let mut tokens: Vec<String> = self.tokens.all().map(str::to_owned).collect();
        tokens.sort();
        Secrets {
            client_secrets: applications.map(|application| application.client_secret.clone()).collect(),
            tokens,
            passwords: self.passwords.clone(),
            passes: self.passes.clone(),
        }
    }

    /// Checks a request that has just arrived: faults, then limits, then overlapping licence calls.
    pub(crate) fn begin(&mut self, request: &Request) -> Started {
        let mut verdict = self.faults.judge(request);
        let mut admission = Admission::default();
        let mut licensing = None;
        let acts = verdict.end.as_ref().is_none_or(End::acts);
        let is_graph = !request.is_token_request() && !request.is_batch();
        if acts && is_graph && self.knows_caller(request) {
            // The limit's owner matters only with limits set, and costs decoding the token.
            let application = self.options.limits.and_then(|_| request.application()).unwrap_or_default();
            admission = self.limiter.admit(request, &application, &self.tenant.id.to_string());
            let mut refused = admission.refused.take();
            if refused.is_none() && self.options.exclusive_licensing && request.is_license_call() {
                let overlaps = Arc::strong_count(&self.licensing) > 1;
                refused = overlaps.then(|| Reply::refusal(&Refusal::concurrent(), request));
                licensing = (!overlaps).then(|| Hold::on(&self.licensing));
            }
            if let Some(reply) = refused {
                verdict.end = Some(End::Reply(reply));
            }
        }
        let holds = [admission.take_hold(), licensing];
        Started { verdict, admission, _holds: holds }
    }

    /// Carries out a request that is not a batch, unless a fault or a limit prevents it.
    pub(crate) fn finish(&mut self, request: &Request, started: Started) -> (Option<Reply>, Outcome) {
        let Started { verdict, admission, .. } = started;
        let (reply, effects) = match verdict.end {
            Some(End::Drop) => (None, Vec::new()),
            Some(End::Reply(reply)) => (Some(reply), Vec::new()),
            Some(end) => {
                let (reply, effects) = self.act(request);
                (end.spoil(reply), effects)
            }
            None => {
                let (reply, effects) = self.act(request);
                (Some(reply), effects)
            }
        };
        let reply = reply.map(|reply| {
            let headers = admission.headers.into_iter();
            headers.fold(reply, |reply, (name, value)| reply.header(name, &value))
        });
        let status = reply.as_ref().map(|reply| reply.status.as_u16());
        (reply, Outcome { status, effects, fault: verdict.rule })
    }

    /// Whether a request has a token that is good.
    fn knows_caller(&self, request: &Request) -> bool {
        self.tokens.authenticate(&self.tenant, request).is_ok()
    }

    fn act(&mut self, request: &Request) -> Acted {
        self.tenant.go_on_copying();
        if request.is_token_request() {
            return (self.token(request), Vec::new());
        }
        if request.for_files {
            let downloaded = graph::onedrive::items::downloaded(&self.tenant, request);
            return (downloaded.unwrap_or_else(|| self.file(request)), Vec::new());
        }
        if let Some(found) =
            graph::onedrive::items::monitor(&self.tenant, request, self.options.copies_end_early)
        {
            return (found, Vec::new());
        }
        match self.graph(request) {
            Ok(acted) => acted,
            Err(refusal) => (Reply::refusal(&refusal, request), Vec::new()),
        }
    }

    /// A report's file. The lock is taken again for every piece of it.
    fn file(&self, request: &Request) -> Reply {
        let mut file = match graph::reports::file::open(&self.tenant, request) {
            Ok(file) => file,
            Err(refusal) => return Reply::refusal(&refusal, request),
        };
        let world = Weak::clone(&self.world);
        Reply::file(Feed::new(move || {
            let piece = file.piece(&world.upgrade()?.lock().tenant);
            piece.map(Bytes::from)
        }))
    }

    /// The root of the addresses of report files.
    fn files_root(&self, request: &Request) -> String {
        let scheme = if request.secure { "https" } else { "http" };
        let host = request.header("host").and_then(|host| host.rsplit_once(':')).map(|(host, _)| host);
        match host.filter(|_| self.files.ip().is_unspecified()) {
            Some(host) => format!("{scheme}://{host}:{}", self.files.port()),
            None => format!("{scheme}://{}", self.files),
        }
    }

    fn token(&mut self, request: &Request) -> Reply {
        if request.is_discovery() {
            return auth::discovery(&self.tenant, request);
        }
        if request.method != Method::POST {
            return Reply::refusal(&Refusal::method_not_allowed(), request);
        }
        self.tokens.answer(&self.tenant, request)
    }

    /// Holds the crowd's users that the request names, and carries it out.
    fn graph(&mut self, request: &Request) -> Result<Acted, Refusal> {
        let names = if self.tenant.has_crowd() { request.names() } else { Vec::new() };
        let names = names.into_iter();
        let held: Vec<Uuid> = names.filter_map(|name| self.tenant.hold(&name)).collect();
        let answer = self.replicated(request);
        if !answer.as_ref().is_ok_and(|(_, effects)| !effects.is_empty()) {
            held.into_iter().for_each(|user| self.tenant.release(user));
        }
        answer
    }

    /// Carries out a request, a read on the replica if it lags.
    fn replicated(&mut self, request: &Request) -> Result<Acted, Refusal> {
        let segments = request.segments()?;
        let operation = route::operation(&request.method, &segments);
        if let Some(mut replica) = self.replication.replica(&self.tenant) {
            let (passwords, passes) = (self.passwords.len(), self.passes.len());
            if replica.has_crowd() {
                for name in request.names() {
                    replica.hold(&name);
                }
            }
            std::mem::swap(&mut self.tenant, &mut replica);
            let answer = self.visit(request, operation.clone());
            std::mem::swap(&mut self.tenant, &mut replica);
            let is_unknown = matches!(&answer, Err(refusal) if refusal.status == 404);
            if is_unknown || !request.is_write() {
                self.replication.read();
                return answer;
            }
            // The tenant records the secrets of the write below; drop the replica's.
            self.passwords.truncate(passwords);
            self.passes.truncate(passes);
        }
        let before = self.replication.before(&self.tenant);
        let answer = self.visit(request, operation.clone())?;
        if !answer.1.is_empty() {
            self.replication.wrote(before);
            if operation == Ok(Operation::CreateUser) {
                let body = request.object()?;
                let upn = body.get("userPrincipalName").and_then(|upn| upn.as_str());
                let user = upn.and_then(|upn| self.tenant.user_id(upn));
                user.into_iter().for_each(|user| self.replication.created(user));
            }
        }
        Ok(answer)
    }

    /// Carries out an operation, if its caller may.
    fn visit(
        &mut self,
        request: &Request,
        operation: Result<Operation<'_>, Refusal>,
    ) -> Result<Acted, Refusal> {
        let caller = self.tokens.authenticate(&self.tenant, request)?;
        let operation = operation?;
        let needed = permissions::any_of(&operation);
        if !caller.has_any(needed) || (request.is_write() && !caller.writes) {
            return Err(permissions::denied(&request.segments()?, needed, &request.roles()));
        }
        let files = self.files_root(request);
        let mut visit = Visit {
            tenant: &mut self.tenant,
            caller: &caller,
            request,
            page_limit: self.options.page_limit,
            files: &files,
            copy_pace: self.options.copy_pace,
            effects: Vec::new(),
            passwords: Vec::new(),
            passes: Vec::new(),
        };
        let answer = graph::answer(&mut visit, operation);
        let Visit { effects, passwords, passes, .. } = visit;
        self.passwords.extend(passwords);
        self.passes.extend(passes);
        Ok((answer?, effects))
    }
}
