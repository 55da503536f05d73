//! One request on the tenant, and the helpers of every operation.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::auth::Caller;
use crate::http::paging::metadata;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::{Request, segments_of};
use crate::tenant::{Tenant, User};

/// One request: tenant, caller, request, and the changes it made.
pub(crate) struct Visit<'a> {
    pub(crate) tenant: &'a mut Tenant,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    /// The most objects a page may have.
    pub(crate) page_limit: usize,
    /// The root of the addresses of report files.
    pub(crate) files: &'a str,
    /// How long a copy takes for each item.
    pub(crate) copy_pace: Duration,
    /// The changes the request made.
    pub(crate) effects: Vec<String>,
    /// The passwords it brought.
    pub(crate) passwords: Vec<String>,
    /// The passes it gave out.
    pub(crate) passes: Vec<String>,
}

/// The answer of an operation.
pub(crate) type Answer = Result<Reply, Refusal>;

impl Visit<'_> {
    /// The user with this id or user principal name.
    pub(crate) fn user(&self, key: &str) -> Result<&User, Refusal> {
        let id = self.tenant.user_id(key);
        id.and_then(|id| self.tenant.users.get(&id)).ok_or_else(|| Refusal::not_found(key))
    }

    /// The id of the group with this id; groups have no other key.
    pub(crate) fn group_id(&self, key: &str) -> Result<Uuid, Refusal> {
        let id = Uuid::try_parse(key)
            .map_err(|_| Refusal::bad_request(format!("Invalid object identifier '{key}'.")))?;
        let is_there = self.tenant.groups.contains_key(&id);
        is_there.then_some(id).ok_or_else(|| Refusal::not_found(key))
    }

    /// Refuses unless the application may touch the sensitive side of this user.
    pub(crate) fn check_administrator(&self, user: Uuid) -> Result<(), Refusal> {
        if self.tenant.is_administrator(user) && !self.caller.privileged {
            return Err(Refusal::denied());
        }
        Ok(())
    }

    /// The key of the object in the body's `@odata.id`, which is all the body has.
    pub(crate) fn reference(&self) -> Result<String, Refusal> {
        let body = self.request.object()?;
        let invalid = || Refusal::bad_request("Invalid value specified for property '@odata.id'.");
        if let Some(name) = body.keys().find(|name| *name != "@odata.id") {
            return Err(Refusal::malformed(format!(
                "The property '{name}' is not one of an entity reference."
            )));
        }
        let address = body.get("@odata.id").and_then(|id| id.as_str());
        let address = address.ok_or_else(invalid)?;
        address_key(self.request, address).ok_or_else(invalid)
    }
}

/// The key of the user or group at an address of Graph, or of this emulator.
pub(crate) fn address_key(request: &Request, address: &str) -> Option<String> {
    let base = request.base();
    let path = ["https://graph.microsoft.com", base.as_str()]
        .iter()
        .find_map(|root| address.strip_prefix(root)?.strip_prefix("/v1.0/"))?;
    let segments = segments_of(path).ok()?;
    match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["users" | "directoryObjects" | "groups", key] => Some(key.to_owned()),
        _ => None,
    }
}

/// One object with its context.
pub(crate) fn entity(visit: &Visit<'_>, context: &str, mut fields: Map<String, Value>) -> Value {
    let context = metadata(visit.request, context);
    fields.insert("@odata.context".to_owned(), json!(context));
    Value::Object(fields)
}
