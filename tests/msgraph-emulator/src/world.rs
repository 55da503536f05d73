//! Everything a running emulator knows, behind one lock that is never held across a wait.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::auth::Tokens;
use crate::batch;
use crate::error::Refusal;
use crate::faults::{End, Faults, Verdict};
use crate::graph::{self, Visit};
use crate::journal::{Journal, Outcome};
use crate::latency::Latency;
use crate::options::Options;
use crate::permissions;
use crate::reply::Reply;
use crate::request::Request;
use crate::route;
use crate::tenant::Tenant;

/// Every secret the emulator has seen, for tests that look for them where they must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Secrets {
    /// The client secrets of the applications.
    pub client_secrets: Vec<String>,
    /// The tokens issued.
    pub tokens: Vec<String>,
    /// The passwords received.
    pub passwords: Vec<String>,
}

/// The lock and what it guards.
#[derive(Debug)]
pub(crate) struct World(Mutex<Inside>);

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) tenant: Tenant,
    tokens: Tokens,
    passwords: Vec<String>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    latency: Latency,
    options: Options,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        Self(Mutex::new(Inside {
            tenant: options.tenant.clone(),
            tokens: Tokens::default(),
            passwords: Vec::new(),
            journal: Journal::default(),
            faults: Faults::default(),
            latency: Latency::new(options.latency, options.jitter),
            options,
        }))
    }

    /// A test that panicked while it changed the tenant has failed already; the others go on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request, or says by nothing that the connection is to be closed.
    pub(crate) async fn answer(&self, request: &Request) -> Option<Reply> {
        let (verdict, delay) = {
            let mut inside = self.lock();
            let verdict = inside.begin(request);
            let delay = verdict.delay + inside.latency.next();
            (verdict, delay)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let acts = matches!(verdict.end, None | Some(End::ActThenDrop));
        let is_known = request.is_batch() && self.lock().knows_caller(request);
        let (reply, outcome) = if acts && is_known {
            let lost = verdict.end.is_some();
            let reply = batch::answer(self, request, lost).await;
            let status = reply.as_ref().map(|reply| reply.status.as_u16());
            (reply, Outcome { status, effects: Vec::new(), fault: verdict.rule })
        } else {
            self.lock().finish(request, verdict)
        };
        self.lock().journal.write(request, outcome);
        reply
    }
}

impl Inside {
    /// Back to the start: tenant, journal, faults. Tokens stay good and secrets stay known, because
    /// a client and a test that looks for secrets outlive a reset.
    pub(crate) fn reset(&mut self) {
        self.tenant = self.options.tenant.clone();
        self.journal = Journal::default();
        self.faults = Faults::default();
        self.latency = Latency::new(self.options.latency, self.options.jitter);
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
        }
    }

    /// Looks at a request that has just arrived: what is to become of it, and when.
    pub(crate) fn begin(&mut self, request: &Request) -> Verdict {
        self.faults.judge(request)
    }

    /// Carries out a request that is not a batch, as far as its verdict lets it.
    pub(crate) fn finish(&mut self, request: &Request, verdict: Verdict) -> (Option<Reply>, Outcome) {
        let (reply, effects) = match verdict.end {
            Some(End::Drop) => (None, Vec::new()),
            Some(End::Reply(reply)) => (Some(reply), Vec::new()),
            Some(End::ActThenDrop) => (None, self.act(request).1),
            None => {
                let (reply, effects) = self.act(request);
                (Some(reply), effects)
            }
        };
        let status = reply.as_ref().map(|reply| reply.status.as_u16());
        (reply, Outcome { status, effects, fault: verdict.rule })
    }

    /// Whether a request has a token that is good.
    fn knows_caller(&self, request: &Request) -> bool {
        self.tokens.authenticate(&self.tenant, request).is_ok()
    }

    fn act(&mut self, request: &Request) -> (Reply, Vec<String>) {
        if request.is_token_request() {
            return (self.token(request), Vec::new());
        }
        match self.graph(request) {
            Ok(acted) => acted,
            Err(refusal) => (Reply::refusal(&refusal, request), Vec::new()),
        }
    }

    fn token(&mut self, request: &Request) -> Reply {
        if request.method != hyper::Method::POST {
            return Reply::refusal(&Refusal::method_not_allowed(), request);
        }
        self.tokens.answer(&self.tenant, request)
    }

    fn graph(&mut self, request: &Request) -> Result<(Reply, Vec<String>), Refusal> {
        let caller = self.tokens.authenticate(&self.tenant, request)?;
        let segments = request.segments()?;
        let operation = route::operation(&request.method, &segments)?;
        if !caller.has_any(permissions::any_of(&operation)) {
            return Err(Refusal::denied());
        }
        let mut visit = Visit {
            tenant: &mut self.tenant,
            caller: &caller,
            request,
            page_limit: self.options.page_limit,
            effects: Vec::new(),
            passwords: Vec::new(),
        };
        let answer = graph::answer(&mut visit, operation);
        let Visit { effects, passwords, .. } = visit;
        self.passwords.extend(passwords);
        Ok((answer?, effects))
    }
}
