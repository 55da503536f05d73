//! The form of a sign-in request: the fields of each grant, and their rules.

use serde_json::Value;

use super::refusal::NoToken;
use crate::http::request::{Request, pairs};
use crate::tenant::{Application, Tenant};

/// The grant type of a device's poll.
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The type of a JWT assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The scopes allowed beside `.default`.
const OPENID: [&str; 3] = ["offline_access", "openid", "profile"];

/// What Microsoft's libraries send with every grant beside its own fields: the claims of a client that can answer a
/// challenge, the wish for an id of the account, and telemetry (MSAL for Python 1.39 and for Node 5, 2026).
const BESIDE: [&str; 4] = ["claims", "client_info", "client-request-id", "x-ms-lib-capability"];
const TELEMETRY: [&str; 2] = ["x-app-", "x-client-"];

/// The fields of a request to sign in, decoded.
pub(super) struct Form(Vec<(String, String)>);

/// The proof that a request comes from the application.
pub(super) enum Proof<'a> {
    Secret(&'a str),
    Assertion(&'a str),
    None,
}

/// The tokens a request wants, and for which resource.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) resource: String,
    pub(super) refresh_token: bool,
    pub(super) id_token: bool,
    /// Whether the client can answer a challenge for other claims (`cp1`).
    pub(super) handles_challenges: bool,
}

impl Form {
    /// Reads the body; a field that belongs to no grant is refused.
    pub(super) fn read(request: &Request) -> Result<Self, NoToken> {
        let malformed = |text: String| NoToken::bad("invalid_request", 9_002_313, text);
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let fields = std::str::from_utf8(&request.body).ok().and_then(pairs);
        let fields = fields
            .filter(|_| is_form)
            .ok_or_else(|| malformed("Invalid request. Request is malformed or invalid.".to_owned()))?;
        let form = Self(fields);
        let own: &[&str] = match form.get("grant_type") {
            None => &["scope"],
            Some("refresh_token") => &["grant_type", "refresh_token", "scope"],
            Some(DEVICE_CODE) => &["grant_type", "device_code"],
            Some(_) => &["grant_type", "scope"],
        };
        let proof = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];
        let mut names = form.0.iter().map(|(name, _)| name.as_str());
        let is_beside =
            |name: &str| BESIDE.contains(&name) || TELEMETRY.iter().any(|start| name.starts_with(start));
        match names.find(|name| !own.contains(name) && !proof.contains(name) && !is_beside(name)) {
            None => Ok(form),
            Some(name) => {
                Err(malformed(format!("Invalid request. The parameter '{name}' is not one of this grant's.")))
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields.find(|(field, value)| field == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, NoToken> {
        self.get(name).ok_or_else(|| {
            NoToken::bad(
                "invalid_request",
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    }

    /// The application the form names.
    pub(super) fn application<'a>(&self, tenant: &'a Tenant) -> Result<&'a Application, NoToken> {
        let client_id = self.require("client_id")?;
        let application = tenant.applications.get(&client_id.to_ascii_lowercase());
        application.ok_or_else(|| {
            NoToken::bad(
                "unauthorized_client",
                700_016,
                format!(
                    "Application with identifier '{client_id}' was not found in the directory \
                     '{}'.",
                    tenant.display_name
                ),
            )
        })
    }

    /// The application's proof; a secret and an assertion together are refused.
    pub(super) fn proof(&self) -> Result<Proof<'_>, NoToken> {
        let kind = self.get("client_assertion_type");
        match (self.get("client_secret"), self.get("client_assertion")) {
            (Some(secret), None) if kind.is_none() => Ok(Proof::Secret(secret)),
            (None, Some(assertion)) if kind == Some(JWT_BEARER) => Ok(Proof::Assertion(assertion)),
            (None, None) if kind.is_none() => Ok(Proof::None),
            _ => Err(NoToken::bad(
                "invalid_request",
                9_002_313,
                "Invalid request. Send either 'client_secret', or 'client_assertion' with its type.",
            )),
        }
    }

    /// The wish in the scope: everything consented to for one resource.
    pub(super) fn wish(&self) -> Result<Wish, NoToken> {
        let scope = self.require("scope")?;
        let (openid, resources): (Vec<_>, Vec<_>) =
            scope.split_whitespace().partition(|word| OPENID.contains(word));
        let resource = match resources.as_slice() {
            [resource] => resource.strip_suffix("/.default"),
            _ => None,
        };
        let resource = resource.filter(|resource| resource.contains("://")).ok_or_else(|| {
            NoToken::bad(
                "invalid_scope",
                70011,
                format!(
                    "The provided request must include a 'scope' input parameter. The \
                     provided value for the input parameter 'scope' is not valid. The scope \
                     {scope} is not valid."
                ),
            )
        })?;
        let claims = self.claims()?;
        let asks = |word| openid.contains(&word);
        Ok(Wish {
            resource: resource.to_owned(),
            refresh_token: asks("offline_access"),
            id_token: asks("openid"),
            handles_challenges: claims.is_some_and(|claims| {
                let values = claims.pointer("/access_token/xms_cc/values").and_then(Value::as_array);
                values.is_some_and(|values| {
                    values.iter().filter_map(Value::as_str).any(|value| value.eq_ignore_ascii_case("cp1"))
                })
            }),
        })
    }

    /// The claims asked for, which are a JSON object. The words of the refusal are ours: no sample was found.
    fn claims(&self) -> Result<Option<Value>, NoToken> {
        let Some(text) = self.get("claims") else { return Ok(None) };
        let claims = serde_json::from_str(text).ok().filter(Value::is_object);
        let malformed =
            || NoToken::bad("invalid_request", 9_002_313, "The parameter 'claims' is not valid JSON.");
        claims.ok_or_else(malformed).map(Some)
    }
}
