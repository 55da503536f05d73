//! Tokens: issued to applications and for people, checked on every request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

use crate::clock;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::random::unguessable;
use crate::tenant::{Application, PRIVILEGED_ROLE_TEMPLATE, Tenant, User};

use super::assertion;
use super::caller::Caller;
use super::device::{Decision, Devices, PendingSignIn};
use super::form::{DEVICE_CODE, Form, Proof, Wish};
use super::refusal::NoToken;

/// The entry in `wids` of every application, whichever roles it holds (seen in tokens, 2024).
const NO_ROLE: Uuid = uuid!("0997a1d0-0d1d-4acb-b408-d5ca73121e90");

/// Directory roles whose holders may change administrators.
const PRIVILEGED_ROLES: [&str; 2] = ["Global Administrator", "Privileged Authentication Administrator"];

/// The tokens issued so far.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: HashMap<String, Issued>,
    refresh: HashMap<String, Refresh>,
    devices: Devices,
}

#[derive(Debug)]
struct Issued {
    client_id: String,
    /// The resource it is valid for.
    resource: String,
    /// `roles` of an application's own token, `scp` of one it has for a user.
    permissions: Arc<BTreeSet<String>>,
    user: Option<Uuid>,
    expires: Instant,
    revoked: bool,
}

/// The grant behind a refresh token.
#[derive(Debug)]
struct Refresh {
    client_id: String,
    user: Uuid,
    since: String,
    state: RefreshState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RefreshState {
    Good,
    Revoked,
    Expired,
}

impl Tokens {
    /// Every token and device code issued so far.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let tokens = self.issued.keys().chain(self.refresh.keys()).map(String::as_str);
        tokens.chain(self.devices.codes())
    }

    /// The sign-ins that wait for their person.
    pub(crate) fn pending(&self) -> Vec<PendingSignIn> {
        self.devices.pending()
    }

    /// Decides a sign-in; whether there is such a one, and such a user.
    pub(crate) fn decide(&mut self, tenant: &Tenant, user_code: &str, decision: &Decision) -> bool {
        let user = match decision {
            Decision::Approve(key) => tenant.user_id(key),
            Decision::Decline | Decision::Expire => None,
        };
        self.devices.decide(user_code, user, decision)
    }

    /// Ends every access token before its time.
    pub(crate) fn revoke_access(&mut self) {
        self.issued.values_mut().for_each(|issued| issued.revoked = true);
    }

    /// Ends every refresh token, as a new password does.
    pub(crate) fn revoke_refresh(&mut self) {
        self.refresh.values_mut().for_each(|refresh| refresh.state = RefreshState::Revoked);
    }

    /// Expires every refresh token, as if unused for too long.
    pub(crate) fn expire_refresh(&mut self) {
        self.refresh.values_mut().for_each(|refresh| refresh.state = RefreshState::Expired);
    }

    /// Answers a request to sign in.
    pub(crate) fn answer(&mut self, tenant: &Tenant, request: &Request) -> Reply {
        match self.grant(tenant, request) {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(refusal) => refusal.reply(request),
        }
    }

    fn grant(&mut self, tenant: &Tenant, request: &Request) -> Result<Value, NoToken> {
        let form = Form::read(request)?;
        check_directory(tenant, request)?;
        if request.is_device_code_request() {
            let application = form.application(tenant)?;
            return Ok(self.devices.begin(application, form.wish()?));
        }
        match form.require("grant_type")? {
            "client_credentials" => {
                let application = form.application(tenant)?;
                let wish = form.wish()?;
                check_proof(&form, application, request)?;
                let token = self.issue(tenant, application, &wish, None);
                Ok(body(application, token))
            }
            DEVICE_CODE => {
                let application = form.application(tenant)?;
                check_public(&form, application, request)?;
                let (user, wish) = self.devices.poll(form.require("device_code")?, application)?;
                self.for_user(tenant, application, user, &wish)
            }
            "refresh_token" => {
                let application = form.application(tenant)?;
                check_public(&form, application, request)?;
                // One that is used is always followed by a new one.
                let wish = Wish { refresh_token: true, ..form.wish()? };
                let user = self.refreshed(tenant, application, form.require("refresh_token")?)?;
                self.for_user(tenant, application, user, &wish)
            }
            _ => Err(NoToken::bad(
                "unsupported_grant_type",
                70003,
                "The app requested an unsupported grant type.",
            )),
        }
    }

    /// The user of a refresh token. A token that was followed by another stays valid: Entra does not take
    /// it back ("Refresh tokens in the Microsoft identity platform", read 2026-08).
    fn refreshed(&self, tenant: &Tenant, application: &Application, token: &str) -> Result<Uuid, NoToken> {
        let known = self.refresh.get(token).filter(|refresh| refresh.client_id == application.client_id);
        let refresh = known
            .ok_or_else(|| NoToken::invalid_grant(70_000, "The provided refresh token is not valid."))?;
        // Another password ends sessions as well (2025).
        let sessions_from = tenant
            .users
            .get(&refresh.user)
            .map(|user| user.sessions_from.as_str().max(user.password_from.as_str()));
        match refresh.state {
            RefreshState::Expired => {
                Err(NoToken::invalid_grant(70_008, "The refresh token has expired due to inactivity."))
            }
            RefreshState::Good if sessions_from.is_none_or(|from| from <= refresh.since.as_str()) => {
                Ok(refresh.user)
            }
            RefreshState::Revoked | RefreshState::Good => Err(NoToken::invalid_grant(
                50_173,
                "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
            )),
        }
    }

    /// The tokens an application gets for a user.
    fn for_user(
        &mut self,
        tenant: &Tenant,
        application: &Application,
        user: Uuid,
        wish: &Wish,
    ) -> Result<Value, NoToken> {
        let missing = || NoToken::invalid_grant(50_034, "The user account does not exist in the directory.");
        let user = tenant.users.get(&user).ok_or_else(missing)?;
        if !user.enabled {
            return Err(NoToken::invalid_grant(50_057, "The user account is disabled."));
        }
        if application.scopes.is_empty() {
            return Err(NoToken::invalid_grant(
                65_001,
                "The user or administrator has not consented to use the application.",
            ));
        }
        let token = self.issue(tenant, application, wish, Some(user));
        let mut body = body(application, token);
        if let Some(fields) = body.as_object_mut() {
            let scopes: Vec<&str> = application.scopes.iter().map(String::as_str).collect();
            fields.insert("scope".to_owned(), json!(scopes.join(" ")));
            if wish.refresh_token {
                let refresh = format!("1.{}{}", unguessable().simple(), unguessable().simple());
                fields.insert("refresh_token".to_owned(), json!(refresh));
                let stands_for = Refresh {
                    client_id: application.client_id.clone(),
                    user: user.id,
                    since: clock::now(),
                    state: RefreshState::Good,
                };
                self.refresh.insert(refresh, stands_for);
            }
            if wish.id_token {
                fields.insert("id_token".to_owned(), json!(id_token(tenant, application, user)));
            }
        }
        Ok(body)
    }

    fn issue(
        &mut self,
        tenant: &Tenant,
        application: &Application,
        wish: &Wish,
        user: Option<&User>,
    ) -> String {
        let mut claims = moments(application.expires_in);
        claims.insert("aud".to_owned(), json!(wish.resource));
        claims.insert("iss".to_owned(), json!(format!("https://sts.windows.net/{}/", tenant.id)));
        claims.insert("appid".to_owned(), json!(application.client_id));
        claims.insert("tid".to_owned(), json!(tenant.id));
        claims.insert("ver".to_owned(), json!("1.0"));
        if wish.handles_challenges {
            claims.insert("xms_cc".to_owned(), json!(["CP1"]));
        }
        let permissions = if user.is_some() { &application.scopes } else { &application.roles };
        match user {
            Some(user) => {
                let scopes: Vec<&str> = permissions.iter().map(String::as_str).collect();
                claims.insert("idtyp".to_owned(), json!("user"));
                claims.insert("oid".to_owned(), json!(user.id));
                claims.insert("upn".to_owned(), json!(user.upn));
                claims.insert("scp".to_owned(), json!(scopes.join(" ")));
            }
            None => {
                claims.insert("idtyp".to_owned(), json!("app"));
                let role = application.privileged.then_some(PRIVILEGED_ROLE_TEMPLATE);
                let wids: Vec<Uuid> = std::iter::once(NO_ROLE).chain(role).collect();
                claims.insert("wids".to_owned(), json!(wids));
                // Entra issues a token to an application without permissions: it has no `roles` at all.
                if !permissions.is_empty() {
                    claims.insert("roles".to_owned(), json!(permissions));
                }
            }
        }
        let token = jwt(&Value::Object(claims));
        let issued = Issued {
            client_id: application.client_id.clone(),
            resource: wish.resource.clone(),
            permissions: Arc::new(permissions.clone()),
            user: user.map(|user| user.id),
            expires: Instant::now() + Duration::from_secs(application.expires_in),
            revoked: false,
        };
        self.issued.insert(token.clone(), issued);
        token
    }

    /// Identifies the caller of a Graph request.
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
        if issued.revoked {
            return Err(Refusal::unauthenticated("The token has been revoked."));
        }
        if issued.resource.contains("//outlook.") != request.is_exchange_admin() {
            return Err(Refusal::unauthenticated("Access token validation failure. Invalid audience."));
        }
        let permissions = Arc::clone(&issued.permissions);
        let Some(user) = issued.user else {
            let key = issued.client_id.to_ascii_lowercase();
            let application = tenant.applications.get(&key);
            let privileged = application.is_some_and(|application| application.privileged);
            return Ok(Caller { permissions, privileged, writes: true });
        };
        let user = tenant.users.get(&user).filter(|user| user.enabled);
        let user = user.ok_or_else(|| Refusal::unauthenticated("The user account is gone or disabled."))?;
        let role = user.role.as_deref();
        Ok(Caller {
            permissions,
            privileged: role.is_some_and(|role| PRIVILEGED_ROLES.contains(&role)),
            writes: role.is_some(),
        })
    }
}

/// The body every grant ends in.
fn body(application: &Application, token: String) -> Value {
    json!({
        "token_type": "Bearer",
        "expires_in": application.expires_in,
        "ext_expires_in": application.expires_in,
        "access_token": token,
    })
}

/// The id token: tells the application which user signed in.
fn id_token(tenant: &Tenant, application: &Application, user: &User) -> String {
    let mut claims = moments(application.expires_in);
    claims.insert("aud".to_owned(), json!(application.client_id));
    claims.insert("tid".to_owned(), json!(tenant.id));
    claims.insert("oid".to_owned(), json!(user.id));
    claims.insert("preferred_username".to_owned(), json!(user.upn));
    claims.insert("name".to_owned(), json!(user.text("displayName")));
    jwt(&Value::Object(claims))
}

/// When a token begins and ends.
fn moments(life: u64) -> Map<String, Value> {
    let now = Timestamp::now().as_second();
    let ends = now.saturating_add(i64::try_from(life).unwrap_or(i64::MAX));
    [("iat", now), ("nbf", now), ("exp", ends)]
        .map(|(name, at)| (name.to_owned(), json!(at)))
        .into_iter()
        .collect()
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    // Clients do not check the signature, and cannot guess it.
    let signature = [unguessable().into_bytes(), unguessable().into_bytes()].concat();
    format!("{}.{}.{}", part(&header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

/// Refuses a directory that is not this one.
pub(super) fn check_directory(tenant: &Tenant, request: &Request) -> Result<(), NoToken> {
    let directory = request.path.trim_start_matches('/').split('/').next();
    let directory = directory.unwrap_or_default();
    let is_here = Uuid::try_parse(directory).is_ok_and(|id| id == tenant.id)
        || tenant.domains.iter().any(|domain| domain == directory);
    is_here.then_some(()).ok_or_else(|| {
        NoToken::bad(
            "invalid_request",
            90002,
            format!(
                "Tenant '{directory}' not found. Check to make sure you have the correct \
                 tenant ID and are signing into the correct cloud."
            ),
        )
    })
}

/// Refuses a request that does not prove to come from the application.
fn check_proof(form: &Form, application: &Application, request: &Request) -> Result<(), NoToken> {
    let client_id = &application.client_id;
    match form.proof()? {
        Proof::Secret(secret) if secret != application.client_secret => Err(NoToken::unauthorized(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request \
                 is the client secret value, not the client secret ID, for a secret added to \
                 app '{client_id}'."
            ),
        )),
        Proof::Secret(_) if application.secret_expired => Err(NoToken::unauthorized(
            7_000_222,
            format!("The provided client secret keys for app '{client_id}' are expired."),
        )),
        Proof::Secret(_) => Ok(()),
        Proof::Assertion(text) => {
            assertion::check(text, application, &format!("{}{}", request.base(), request.path))
        }
        Proof::None => Err(NoToken::unauthorized(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'.",
        )),
    }
}

/// Checks the proof of an application that acts for a person; a public one must not send any.
fn check_public(form: &Form, application: &Application, request: &Request) -> Result<(), NoToken> {
    match form.proof()? {
        Proof::None if application.public => Ok(()),
        _ if application.public => Err(NoToken::unauthorized(
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        )),
        _ => check_proof(form, application, request),
    }
}
