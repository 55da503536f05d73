//! Where to sign in: the document that Microsoft's libraries read before they ask for a token.

use hyper::{Method, StatusCode};
use serde_json::json;

use super::tokens::check_directory;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::tenant::Tenant;

/// The addresses of a directory's endpoints ("OpenID Connect on the Microsoft identity platform", 2025), as far as
/// they are served here, and those that the standard demands.
pub(crate) fn discovery(tenant: &Tenant, request: &Request) -> Reply {
    if request.method != Method::GET {
        return Reply::refusal(&Refusal::method_not_allowed(), request);
    }
    if let Err(refusal) = check_directory(tenant, request) {
        return refusal.reply(request);
    }
    let root = format!("{}/{}", request.base(), tenant.id);
    let body = json!({
        "token_endpoint": format!("{root}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": format!("{root}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{root}/v2.0"),
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
        "tenant_region_scope": "EU",
        "cloud_instance_name": request.header("host").unwrap_or("localhost"),
    });
    Reply::json(StatusCode::OK, &body)
}
