//! Refusals in Microsoft Graph's own words, and the answers made of them.

use hyper::StatusCode;
use serde_json::{Value, json};

/// A refusal, as Graph words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// `error.code`.
    pub(crate) code: String,
    /// `error.message`.
    pub(crate) message: String,
    /// `error.details[0].code` and `.target`, if Graph sends them.
    pub(crate) detail: Option<(&'static str, String)>,
}

impl Refusal {
    /// A refusal without details.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), detail: None }
    }

    fn with_detail(mut self, code: &'static str, target: &str) -> Self {
        self.detail = Some((code, target.to_owned()));
        self
    }

    /// 400 `Request_BadRequest`, the directory's general refusal.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// 400 `BadRequest`, the gateway's refusal: the directory never saw the request.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 400 `Request_UnsupportedQuery`.
    pub(crate) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// 401 `InvalidAuthenticationToken`.
    pub(crate) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// 403 `Authorization_RequestDenied`, with the same text for every reason.
    pub(crate) fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// 409, two calls that exclude each other were made at once.
    pub(crate) fn concurrent() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "Directory_ConcurrencyViolation",
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
        )
    }

    /// 404 `Request_ResourceNotFound`, naming what is missing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            format!(
                "Resource '{what}' does not exist or one of its queried \
                 reference-property objects are not present."
            ),
        )
    }

    /// 405, the path is known and the method is not.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// 400, no such path.
    pub(crate) fn unknown_segment(segment: &str) -> Self {
        Self::malformed(format!("Resource not found for the segment '{segment}'."))
    }

    /// 400, a body names a property that the type does not have.
    pub(crate) fn unknown_property(name: &str, of: &str) -> Self {
        Self::bad_request(format!(
            "The property '{name}' does not exist on type '{of}'. Make sure to only use property \
             names that are defined by the type."
        ))
    }

    /// 400, a property has a value the directory does not accept.
    pub(crate) fn invalid_value(property: &str) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}' of resource 'User'."))
            .with_detail("InvalidValue", property)
    }

    /// 400, a property that must be given is missing.
    pub(crate) fn required(property: &str) -> Self {
        Self::bad_request(format!("A value is required for property '{property}' of resource 'User'."))
    }

    /// 400, another object has this value already.
    pub(crate) fn conflict(property: &str) -> Self {
        Self::bad_request(format!(
            "Another object with the same value for property {property} already exists."
        ))
        .with_detail("ObjectConflict", property)
    }

    /// 400, the domain of a user principal name is not one of the tenant's.
    pub(crate) fn unverified_domain() -> Self {
        Self::bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one \
             of the verified domain names in your organization.",
        )
        .with_detail("InvalidValue", "userPrincipalName")
    }

    /// 400, the object is mastered on premises.
    pub(crate) fn synced_user() -> Self {
        Self::bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync \
             objects or objects currently undergoing migration.",
        )
    }

    /// 400, the object was mastered on premises once (microsoftgraph/microsoft-graph-docs-contrib issue 3564, 2023).
    pub(crate) fn external_object() -> Self {
        Self::bad_request(
            "Unable to update the specified properties for objects that have originated within an external service.",
        )
    }

    /// 400, the group is mastered on premises.
    pub(crate) fn synced_group() -> Self {
        Self::bad_request(
            "Unable to update the specified properties for objects that have originated within \
             an external service.",
        )
    }

    /// The body of Graph's error answer.
    pub(crate) fn body(&self, date: &str, request_id: &str, client_request_id: &str) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": date,
                "request-id": request_id,
                "client-request-id": client_request_id,
            },
        });
        if let (Some((code, target)), Some(fields)) = (&self.detail, error.as_object_mut()) {
            fields.insert(
                "details".to_owned(),
                json!([{ "code": code, "message": self.message, "target": target }]),
            );
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_there_only_where_graph_gives_them() {
        let conflict = Refusal::conflict("userPrincipalName").body("d", "r", "c");
        assert_eq!(conflict["error"]["details"][0]["code"], "ObjectConflict");
        assert_eq!(conflict["error"]["innerError"]["client-request-id"], "c");
        let denied = Refusal::denied().body("d", "r", "c");
        assert!(denied["error"].get("details").is_none());
    }
}
