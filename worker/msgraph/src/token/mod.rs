//! Access tokens: fetched once for all waiting callers, renewed before they expire.
//!
//! `credential` authenticates the application, `proof` writes it into a form, `endpoint` is the sign-in service,
//! `device` a person's first sign-in, `grants` reads what a token permits.
//!
//! **Guarantees.** At most one token request is in progress at a time. Callers that waited for it share its
//! outcome, including a failure, so a wrong secret is tried once and not once per caller. While a token is still
//! valid, only the caller that fetches the next one waits for it.

pub(crate) mod access_token;
mod certificate;
pub(crate) mod credential;
pub(crate) mod device;
pub(crate) mod endpoint;
pub(crate) mod grants;
mod proof;
mod refresh_token;
mod secret_file;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::retry::Retry;
use crate::observer::{Observer, Outcome, TokenReport};
use crate::settings::Settings;
use access_token::Token;
use credential::{Credential, SecretSource};
use endpoint::SignInService;
use grants::Grants;
use proof::Form;

/// After a failed early renewal, the old token is used this long before the next attempt.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The tokens of one tenant.
pub(crate) struct Tokens {
    service: SignInService,
    credential: Credential,
    observer: Arc<dyn Observer>,
    /// Held by the caller that fetches a token.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many fetches have ended.
    fetched: u64,
    /// Why the last fetch failed, if it did.
    failure: Option<Error>,
    /// The latest refresh token of a service account whose first one was given as a value.
    refresh_token: Option<SecretString>,
}

impl Tokens {
    pub(crate) fn new(service: SignInService, settings: &Settings, observer: Arc<dyn Observer>) -> Self {
        Self {
            service,
            credential: settings.credential.clone(),
            observer,
            turn: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// A token that is valid now.
    pub(crate) async fn current(&self, retry: &mut Retry) -> Result<Token, Error> {
        let (token, seen) = {
            let state = self.state();
            (state.token.clone(), state.fetched)
        };
        let now = Instant::now();
        match token {
            Some(token) if now < token.renew_at => Ok(token),
            // In boxes: each call would hold the size of these, which are rare.
            Some(token) if now < token.expires_at => Ok(Box::pin(self.renewed_early(token)).await),
            _ => Box::pin(self.fetched_since(seen, retry)).await,
        }
    }

    /// The permissions of the token that is valid now.
    pub(crate) async fn grants(&self, budget: Duration) -> Result<Grants, Error> {
        let token = self.current(&mut Retry::new(budget)).await?;
        let header = token.header.to_str().unwrap_or_default();
        Ok(Grants::of_token(header.trim_start_matches("Bearer ")).unwrap_or_default())
    }

    /// The token that replaces one that Graph rejected.
    pub(crate) async fn replacing(&self, rejected: &Token, retry: &mut Retry) -> Result<Token, Error> {
        let seen = {
            let state = self.state();
            match &state.token {
                Some(token) if token.generation != rejected.generation => return Ok(token.clone()),
                _ => state.fetched,
            }
        };
        let next = Box::pin(self.fetched_since(seen, retry)).await;
        if next.as_ref().is_err_and(Error::is_credentials) {
            // Nobody uses it again, so that it is known that there is none.
            self.state().token.take_if(|token| token.generation == rejected.generation);
        }
        next
    }

    /// The next token for one that still works; the same token if another caller is fetching or the fetch fails.
    async fn renewed_early(&self, token: Token) -> Token {
        let Ok(_turn) = self.turn.try_lock() else { return token };
        // One attempt: the old token still works.
        match self.fetch_and_keep(&mut Retry::new(Duration::ZERO)).await {
            Ok(renewed) => renewed,
            Err(_) => {
                if let Some(kept) = &mut self.state().token {
                    kept.renew_at = Instant::now() + TRY_AGAIN_AFTER;
                }
                token
            }
        }
    }

    /// The outcome of the first fetch that ends after `seen` of them: another caller's or this one's.
    async fn fetched_since(&self, seen: u64, retry: &mut Retry) -> Result<Token, Error> {
        let _turn = self.turn.lock().await;
        {
            let state = self.state();
            if state.fetched != seen {
                match (&state.failure, &state.token) {
                    (Some(failure), _) => return Err(failure.clone()),
                    (None, Some(token)) => return Ok(token.clone()),
                    (None, None) => {}
                }
            }
        }
        self.fetch_and_keep(retry).await
    }

    /// Fetches with retries and stores the outcome; the caller holds the turn.
    async fn fetch_and_keep(&self, retry: &mut Retry) -> Result<Token, Error> {
        let outcome = loop {
            let started = Instant::now();
            let outcome = self.fetch().await;
            let report = match &outcome {
                Ok(_) => Outcome::Status(200),
                Err(error) => error.outcome(),
            };
            self.observer.token(&TokenReport { outcome: report, elapsed: started.elapsed() });
            let wait = outcome.as_ref().err().and_then(|error| retry.wait_after(error));
            let Some(wait) = wait else { break outcome };
            tokio::time::sleep(wait).await;
        };
        let mut state = self.state();
        state.fetched += 1;
        match outcome {
            Ok(mut token) => {
                token.generation = state.fetched;
                state.failure = None;
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Sends one token request and stores a new refresh token before the access token may be used.
    async fn fetch(&self) -> Result<Token, Error> {
        let form = self.prove().await?;
        let used = form.refresh_token();
        let granted = self.service.tokens(form).await?;
        // Nothing awaits between the answer and the start of this task, and the task continues without its caller:
        // a new refresh token is lost only with the process.
        if let (Credential::ServiceAccount(source), Some(used), Some(next)) =
            (&self.credential, used, granted.refresh_token)
        {
            self.keep(source, used, next).await?;
        }
        Ok(granted.token)
    }

    /// The form that authenticates the application. Reads files and signs on a thread that may block.
    async fn prove(&self) -> Result<Form, Error> {
        let credential = match (&self.credential, &self.state().refresh_token) {
            (Credential::ServiceAccount(SecretSource::Value(_)), Some(latest)) => {
                Credential::ServiceAccount(SecretSource::Value(latest.clone()))
            }
            (credential, _) => credential.clone(),
        };
        let SignInService { client_id, endpoints, .. } = &self.service;
        if credential.is_at_hand() {
            return credential.prove(client_id, endpoints);
        }
        let (client_id, endpoints) = (client_id.clone(), endpoints.clone());
        let proved = tokio::task::spawn_blocking(move || credential.prove(&client_id, &endpoints)).await;
        proved.map_err(|_| Error::credential("the credential's file cannot be read; check its content"))?
    }

    /// Stores the refresh token that replaces the one before.
    async fn keep(&self, source: &SecretSource, used: SecretString, next: SecretString) -> Result<(), Error> {
        match source {
            SecretSource::Value(_) => {
                self.state().refresh_token = Some(next);
                Ok(())
            }
            SecretSource::File(file) => {
                let file = file.clone();
                let replaced =
                    tokio::task::spawn_blocking(move || refresh_token::replace(&file, &used, &next)).await;
                replaced.map_err(|_| Error::internal("the refresh token's file could not be written"))?
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
