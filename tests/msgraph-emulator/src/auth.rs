//! Tokens: issued for a client secret, checked on every request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Refusal;
use crate::reply::Reply;
use crate::request::{Request, pairs};
use crate::tenant::{Application, Tenant};

/// The form fields a client credentials request may have.
const FIELDS: [&str; 4] = ["client_id", "client_secret", "grant_type", "scope"];

/// The tokens issued so far.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: HashMap<String, Issued>,
}

#[derive(Debug)]
struct Issued {
    client_id: String,
    roles: Arc<BTreeSet<String>>,
    expires: Instant,
}

/// Who makes a Graph request, and what the token allows.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The permissions at the time the token was issued, as in Entra.
    roles: Arc<BTreeSet<String>>,
    /// Whether the application may change administrators.
    pub(crate) privileged: bool,
}

impl Caller {
    /// Whether the token has one of these permissions.
    pub(crate) fn has_any(&self, roles: &[&str]) -> bool {
        roles.iter().any(|&role| self.roles.contains(role))
    }
}

/// A refusal of the token endpoint: status, `error`, AADSTS code, sentence.
struct NoToken(StatusCode, &'static str, u64, String);

impl NoToken {
    fn bad(error: &'static str, code: u64, text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, error, code, text.into())
    }

    fn unauthorized(code: u64, text: impl Into<String>) -> Self {
        Self(StatusCode::UNAUTHORIZED, "invalid_client", code, text.into())
    }

    fn reply(&self, request: &Request) -> Reply {
        let Self(status, error, code, text) = self;
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = &request.request_id;
        let correlation = request.client_request_id();
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} \
                 Timestamp: {now}"
            ),
            "error_codes": [code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
        });
        Reply::json(*status, &body)
    }
}

impl Tokens {
    /// Every token issued so far.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.issued.keys().map(String::as_str)
    }

    /// Answers a request to the token endpoint.
    pub(crate) fn answer(&mut self, tenant: &Tenant, request: &Request) -> Reply {
        match self.grant(tenant, request) {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(refusal) => refusal.reply(request),
        }
    }

    fn grant(&mut self, tenant: &Tenant, request: &Request) -> Result<Value, NoToken> {
        let form = Form::read(request)?;
        let directory = request.path.trim_start_matches('/').split('/').next();
        let directory = directory.unwrap_or_default();
        let is_here = Uuid::try_parse(directory).is_ok_and(|id| id == tenant.id)
            || tenant.domains.iter().any(|domain| domain == directory);
        if !is_here {
            return Err(NoToken::bad(
                "invalid_request",
                90002,
                format!(
                    "Tenant '{directory}' not found. Check to make sure you have the correct \
                     tenant ID and are signing into the correct cloud."
                ),
            ));
        }
        if form.require("grant_type")? != "client_credentials" {
            return Err(NoToken::bad(
                "unsupported_grant_type",
                70003,
                "The app requested an unsupported grant type.",
            ));
        }
        let client_id = form.require("client_id")?;
        let application = tenant.applications.get(&client_id.to_ascii_lowercase());
        let application = application.ok_or_else(|| {
            NoToken::bad(
                "unauthorized_client",
                700_016,
                format!(
                    "Application with identifier '{client_id}' was not found in the directory \
                     '{}'.",
                    tenant.display_name
                ),
            )
        })?;
        let resource = form.resource()?;
        form.check_secret(application)?;
        let token = self.issue(tenant, application, resource);
        Ok(json!({
            "token_type": "Bearer",
            "expires_in": application.expires_in,
            "ext_expires_in": application.expires_in,
            "access_token": token,
        }))
    }

    fn issue(&mut self, tenant: &Tenant, application: &Application, resource: &str) -> String {
        let now = Timestamp::now().as_second();
        let lifetime = i64::try_from(application.expires_in).unwrap_or(i64::MAX);
        let mut claims = json!({
            "aud": resource,
            "iss": format!("https://sts.windows.net/{}/", tenant.id),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(lifetime),
            "appid": application.client_id,
            "idtyp": "app",
            "tid": tenant.id,
            "ver": "1.0",
        });
        // Entra issues a token to an application without permissions: it has no `roles` at all.
        if let (Some(fields), false) = (claims.as_object_mut(), application.roles.is_empty()) {
            fields.insert("roles".to_owned(), json!(application.roles));
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        // A signature nobody can check, but nobody can guess either.
        let signature = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let token = format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode(signature));
        let issued = Issued {
            client_id: application.client_id.clone(),
            roles: Arc::new(application.roles.clone()),
            expires: Instant::now() + Duration::from_secs(application.expires_in),
        };
        self.issued.insert(token.clone(), issued);
        token
    }

    /// Finds out who makes a Graph request.
    pub(crate) fn authenticate(&self, tenant: &Tenant, request: &Request) -> Result<Caller, Refusal> {
        let token = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer"))
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Refusal::unauthenticated("Access token is empty."))?;
        let issued = self.issued.get(token).ok_or_else(|| {
            Refusal::unauthenticated("CompactToken parsing failed with error code: 80049217")
        })?;
        if issued.expires <= Instant::now() {
            return Err(Refusal::unauthenticated("Lifetime validation failed, the token is expired."));
        }
        let key = issued.client_id.to_ascii_lowercase();
        Ok(Caller {
            roles: Arc::clone(&issued.roles),
            privileged: tenant.applications.get(&key).is_some_and(|application| application.privileged),
        })
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn read(request: &Request) -> Result<Self, NoToken> {
        let malformed = |text: String| NoToken::bad("invalid_request", 9_002_313, text);
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let fields = std::str::from_utf8(&request.body).ok().and_then(pairs);
        let fields = fields
            .filter(|_| is_form)
            .ok_or_else(|| malformed("Invalid request. Request is malformed or invalid.".to_owned()))?;
        match fields.iter().find(|(name, _)| !FIELDS.contains(&name.as_str())) {
            None => Ok(Self(fields)),
            Some((name, _)) => {
                Err(malformed(format!("Invalid request. The parameter '{name}' is not one of this grant's.")))
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields.find(|(field, value)| field == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn require(&self, name: &str) -> Result<&str, NoToken> {
        self.get(name).ok_or_else(|| {
            NoToken::bad(
                "invalid_request",
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    }

    /// The resource a scope stands for.
    fn resource(&self) -> Result<&str, NoToken> {
        let scope = self.require("scope")?;
        scope
            .strip_suffix("/.default")
            .filter(|resource| resource.contains("://") && !resource.contains(' '))
            .ok_or_else(|| {
                NoToken::bad(
                    "invalid_scope",
                    70011,
                    format!(
                        "The provided request must include a 'scope' input parameter. The \
                         provided value for the input parameter 'scope' is not valid. The scope \
                         {scope} is not valid."
                    ),
                )
            })
    }

    fn check_secret(&self, application: &Application) -> Result<(), NoToken> {
        let client_id = &application.client_id;
        let secret = self.get("client_secret").ok_or_else(|| {
            NoToken::unauthorized(
                7_000_218,
                "The request body must contain the following parameter: 'client_assertion' or \
                 'client_secret'.",
            )
        })?;
        if secret != application.client_secret {
            return Err(NoToken::unauthorized(
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request \
                     is the client secret value, not the client secret ID, for a secret added to \
                     app '{client_id}'."
                ),
            ));
        }
        if application.secret_expired {
            return Err(NoToken::unauthorized(
                7_000_222,
                format!("The provided client secret keys for app '{client_id}' are expired."),
            ));
        }
        Ok(())
    }
}
