//! Licences of a user: details, and the one call that assigns and removes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::subscriptions::service_plans;
use crate::graph::users::user::project_user;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Add, NotLicensed, USER_DEFAULTS};

const DETAIL_PROPERTIES: &[&str] = &["id", "servicePlans", "skuId", "skuPartNumber"];

pub(crate) fn list_details(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| DETAIL_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.licenseDetails", DETAIL_PROPERTIES)?;
    let user = visit.user(key)?;
    let held = user.disabled_plans();
    let value: Vec<Value> = held
        .iter()
        .filter_map(|(id, disabled)| Some((visit.tenant.skus.get(id)?, disabled)))
        .map(|(sku, disabled)| {
            let property = |name: &str| match name {
                // Opaque in Graph; here it follows from the user and the SKU.
                "id" => Some(json!(Uuid::new_v5(&user.id, sku.id.as_bytes()).simple().to_string())),
                "servicePlans" => Some(service_plans(sku, disabled)),
                "skuId" => Some(json!(sku.id)),
                "skuPartNumber" => Some(json!(sku.part_number)),
                _ => None,
            };
            Value::Object(project(&names, property))
        })
        .collect();
    let context = format!("users('{}')/licenseDetails{}", user.id, query.context_suffix());
    let context = metadata(visit.request, &context);
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

pub(crate) fn assign(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (adds, removes) = read_body(visit.request.object()?)?;
    let id = visit.user(key)?.id;
    let effects = visit
        .tenant
        .assign_licenses(id, &adds, &removes)
        .map_err(|why: NotLicensed| Refusal::bad_request(why.to_string()))?;
    visit.effects.extend(effects);
    let user = visit.user(key)?;
    let body = entity(visit, "users/$entity", project_user(user, USER_DEFAULTS));
    Ok(Reply::ok(&body))
}

/// Reads the two arrays, both of which Graph insists on.
fn read_body(mut body: Map<String, Value>) -> Result<(Vec<Add>, Vec<Uuid>), Refusal> {
    let mut take = |name: &str| match body.remove(name) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(Refusal::malformed(format!(
            "The parameter '{name}' is required by the action 'assignLicense' and must be a \
             collection."
        ))),
    };
    let (adds, removes) = (take("addLicenses")?, take("removeLicenses")?);
    if let Some(name) = body.keys().next() {
        return Err(Refusal::malformed(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the \
             operation 'assignLicense'."
        )));
    }
    let adds = adds.into_iter().map(read_add).collect::<Result<_, _>>()?;
    let removes = removes.iter().map(guid).collect::<Result<_, _>>()?;
    Ok((adds, removes))
}

fn read_add(value: Value) -> Result<Add, Refusal> {
    let of = "microsoft.graph.assignedLicense";
    let Value::Object(mut fields) = value else {
        return Err(Refusal::malformed(format!("An instance of '{of}' is expected.")));
    };
    let sku = guid(&fields.remove("skuId").unwrap_or_default())?;
    let disabled = match fields.remove("disabledPlans") {
        None => BTreeSet::new(),
        Some(Value::Array(plans)) => plans.iter().map(guid).collect::<Result<_, _>>()?,
        Some(_) => {
            return Err(Refusal::malformed("The property 'disabledPlans' must be a collection."));
        }
    };
    match fields.keys().next() {
        Some(name) if name != "@odata.type" => Err(Refusal::unknown_property(name, of)),
        _ => Ok(Add { sku, disabled }),
    }
}

fn guid(value: &Value) -> Result<Uuid, Refusal> {
    let text = value.as_str();
    text.and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| {
        Refusal::malformed(format!(
            "Cannot convert the literal '{}' to the expected type 'Edm.Guid'.",
            text.unwrap_or_default()
        ))
    })
}
