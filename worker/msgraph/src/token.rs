//! Access tokens by client secret: fetched once however many callers wait, renewed before they expire.
//!
//! **Guarantees.** At most one token request is under way at a time. Callers that waited for it share its
//! outcome, a failure too, so a wrong secret is tried once and not once a caller. While a token is still valid
//! nobody waits for its successor but the one caller that fetches it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::{Context, Error, Peer};
use crate::observer::{Observer, Outcome, TokenReport};
use crate::refusal::SignInRefusal;
use crate::response::{Answer, Response, read_body};
use crate::retry::Retry;
use crate::settings::{Endpoints, Settings};

/// A token is renewed this long before its end, or a tenth of its life before when that is shorter.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// After an early renewal failed, the old token serves this long before the next try.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// A token answer holds one token.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A token as the header that carries it; the header is marked sensitive and prints as such.
#[derive(Clone)]
pub(crate) struct Token {
    pub header: HeaderValue,
    generation: u64,
    renew_at: Instant,
    expires_at: Instant,
}

impl Token {
    /// Grows with every token of a tenant.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

/// The tokens of one tenant.
pub(crate) struct Tokens {
    http: reqwest::Client,
    endpoints: Endpoints,
    client_id: String,
    client_secret: SecretString,
    observer: Arc<dyn Observer>,
    /// Held by whoever is fetching.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many fetches have ended.
    fetched: u64,
    /// Why the last of them failed, if it did.
    failure: Option<Error>,
}

impl Tokens {
    pub(crate) fn new(
        http: reqwest::Client,
        endpoints: Endpoints,
        settings: &Settings,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            http,
            endpoints,
            client_id: settings.client_id.trim().to_owned(),
            client_secret: settings.client_secret.clone(),
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
            Some(token) if now < token.expires_at => Ok(self.renewed_early(token).await),
            _ => self.fetched_since(seen, retry).await,
        }
    }

    /// The token that replaces one Graph did not accept.
    pub(crate) async fn replacing(&self, rejected: &Token, retry: &mut Retry) -> Result<Token, Error> {
        let seen = {
            let state = self.state();
            match &state.token {
                Some(token) if token.generation != rejected.generation => return Ok(token.clone()),
                _ => state.fetched,
            }
        };
        self.fetched_since(seen, retry).await
    }

    /// The successor of a token that still works; the token itself when somebody else is fetching, or fails to.
    async fn renewed_early(&self, token: Token) -> Token {
        let Ok(_turn) = self.turn.try_lock() else { return token };
        // One attempt: the old token is good enough to go on with.
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

    /// The outcome of the first fetch to end after `seen` of them: somebody else's, or our own.
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

    /// Fetches with retries and keeps the outcome; the caller holds the turn.
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

    /// One token request.
    async fn fetch(&self) -> Result<Token, Error> {
        let context = Context {
            peer: Peer::SignIn,
            method: Method::POST,
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose_secret()),
            ("scope", self.endpoints.scope.as_str()),
        ];
        // The life counts from before the request, so that a slow answer cannot lengthen it.
        let asked_at = Instant::now();
        let request = self.http.post(self.endpoints.token_url.clone()).form(&form);
        let request = request.header("client-request-id", &context.request_id);
        let response = request.send().await.map_err(|error| Error::transport(error, &context))?;
        let status = response.status();
        let head = Answer::of_head(status.as_u16(), response.headers());
        let body = read_body(response, MAX_ANSWER_BYTES, &context).await;
        if !status.is_success() {
            let answer = head.with_body(&body.unwrap_or_default());
            let refusal = SignInRefusal::new(answer.sign_in_number, status.as_u16());
            return Err(Error::sign_in(refusal, answer, &context));
        }
        let granted: Granted = Response::new(head, body?, &context).json()?;
        granted.into_token(asked_at).ok_or_else(|| Error::decode("`access_token` or `expires_in`", &context))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretText,
    expires_in: Value,
}

/// A secret read from JSON.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl Granted {
    fn into_token(self, asked_at: Instant) -> Option<Token> {
        // Seconds are a number in the v2.0 endpoint's documentation and a string in v1.0's; both are read.
        let seconds = match &self.expires_in {
            Value::String(text) => text.parse().ok()?,
            other => other.as_u64()?,
        };
        // No token lives longer than a day or so; the limit keeps the clock from overflowing.
        let life = Duration::from_secs(seconds.min(7 * 24 * 60 * 60));
        let token = self.access_token.0.expose_secret();
        let mut header =
            HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
        header.set_sensitive(true);
        Some(Token {
            header,
            generation: 0,
            renew_at: asked_at + life - RENEW_BEFORE.min(life / 10),
            expires_at: asked_at + life,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(expires_in: Value) -> Option<Token> {
        Granted { access_token: SecretText("t0ken-value".into()), expires_in }.into_token(Instant::now())
    }

    #[test]
    fn a_token_is_renewed_five_minutes_or_a_tenth_of_its_life_early() {
        for (expires_in, early) in [(3600, 300), (100, 10), (0, 0)] {
            let token = granted(expires_in.into()).unwrap();
            assert_eq!(token.expires_at - token.renew_at, Duration::from_secs(early), "{expires_in}");
        }
    }

    #[test]
    fn the_life_may_be_text_and_must_be_there() {
        assert!(granted("3599".into()).is_some());
        for missing in [Value::Null, "".into(), "soon".into(), (-1).into()] {
            assert!(granted(missing.clone()).is_none(), "{missing}");
        }
        assert!(granted(u64::MAX.into()).is_some());
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = granted(3600.into()).unwrap();
        assert!(!format!("{:?}", token.header).contains("t0ken-value"));
    }
}
