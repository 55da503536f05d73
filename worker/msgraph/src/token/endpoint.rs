//! The sign-in service: sends a form and reads the answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::access_token::Token;
use super::proof::Form;
use crate::error::Error;
use crate::error::answer::Answer;
use crate::error::context::{Context, Peer};
use crate::error::sign_in::SignInRefusal;
use crate::http::response::{Response, read_body};
use crate::server_clock::ServerClock;
use crate::settings::endpoints::Endpoints;

/// A token is renewed this long before its end, or a tenth of its lifetime before if that is shorter.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// An answer has a few tokens.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// One application at the sign-in service of one tenant.
#[derive(Clone)]
pub(crate) struct SignInService {
    pub http: reqwest::Client,
    pub endpoints: Endpoints,
    pub client_id: String,
    pub clock: Arc<ServerClock>,
}

impl SignInService {
    /// The application with this id, as the settings have it.
    pub(crate) fn new(
        http: &reqwest::Client,
        endpoints: Endpoints,
        client_id: &str,
        clock: &Arc<ServerClock>,
    ) -> Self {
        let (http, clock) = (http.clone(), Arc::clone(clock));
        Self { http, endpoints, client_id: client_id.trim().to_owned(), clock }
    }

    /// One request for tokens.
    pub(super) async fn tokens(&self, form: Form) -> Result<Granted, Error> {
        // The lifetime counts from before the request, so that a slow answer cannot lengthen it.
        let asked_at = Instant::now();
        let (response, context) = self.post(self.endpoints.token_url.clone(), form).await?;
        let granted: GrantedFields = response.json()?;
        let unreadable = || Error::decode("`access_token` or `expires_in`", &context);
        let token = granted.token(asked_at).ok_or_else(unreadable)?;
        let refresh_token = granted.refresh_token.map(|text| text.0);
        let refresh_token = refresh_token.filter(|token| !token.expose_secret().is_empty());
        Ok(Granted { token, refresh_token, id_token: granted.id_token, scope: granted.scope })
    }

    /// One request for a device code.
    pub(super) async fn device_code<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let form = Form::empty().with("scope", self.endpoints.delegated_scope.as_str());
        self.post(self.endpoints.device_code_url.clone(), form).await?.0.json()
    }

    async fn post(&self, url: Url, form: Form) -> Result<(Response, Context), Error> {
        let context = Context {
            peer: Peer::SignIn,
            method: Method::POST,
            address: String::new(),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        let form = form.with("client_id", self.client_id.as_str());
        let request = self.http.post(url).form(&form.pairs());
        let request = request.header("client-request-id", &context.request_id);
        let sent = Timestamp::now();
        let response = request.send().await.map_err(|error| Error::transport(error, &context))?;
        self.clock.compared(response.headers(), sent);
        let status = response.status();
        let head = Answer::of_head(status.as_u16(), response.headers());
        let body = read_body(response, MAX_ANSWER_BYTES, &context, None).await;
        if !status.is_success() {
            let answer = head.with_body(&body.unwrap_or_default());
            let refusal = SignInRefusal::new(answer.sign_in_number, status.as_u16());
            return Err(Error::sign_in(refusal, answer, &context));
        }
        Ok((Response::new(head, body?, &context), context))
    }
}

/// The answer of the sign-in service.
pub(super) struct Granted {
    pub token: Token,
    /// The refresh token for the next request.
    pub refresh_token: Option<SecretString>,
    /// The identity of the person who signed in.
    pub id_token: Option<String>,
    /// The consented permissions, separated by spaces.
    pub scope: Option<String>,
}

#[derive(Deserialize)]
struct GrantedFields {
    access_token: SecretText,
    expires_in: Value,
    refresh_token: Option<SecretText>,
    id_token: Option<String>,
    scope: Option<String>,
}

/// A secret read from JSON.
pub(super) struct SecretText(pub(super) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl GrantedFields {
    fn token(&self, asked_at: Instant) -> Option<Token> {
        // Seconds are a number in the documentation of the v2.0 endpoint and a string in that of v1.0; both are read.
        let seconds = match &self.expires_in {
            Value::String(text) => text.parse().ok()?,
            other => other.as_u64()?,
        };
        // No token is valid for longer than about a day; the limit prevents an overflow of the clock.
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
        let fields = GrantedFields {
            access_token: SecretText("t0ken-value".into()),
            expires_in,
            refresh_token: None,
            id_token: None,
            scope: None,
        };
        fields.token(Instant::now())
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
