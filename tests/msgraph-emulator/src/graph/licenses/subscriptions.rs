//! Subscriptions of the tenant.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, Query, project};
use crate::http::reply::Reply;
use crate::tenant::Sku;

const SKU_PROPERTIES: &[&str] = &[
    "accountId",
    "accountName",
    "appliesTo",
    "capabilityStatus",
    "consumedUnits",
    "id",
    "prepaidUnits",
    "servicePlans",
    "skuId",
    "skuPartNumber",
    "subscriptionIds",
];

/// Every subscription on one page; Graph does not page them.
pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| SKU_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.subscribedSku", SKU_PROPERTIES)?;
    let skus = visit.tenant.skus.values();
    let value: Vec<Value> =
        skus.map(|sku| Value::Object(project(&names, |name| sku_property(visit, sku, name)))).collect();
    let context = format!("subscribedSkus{}", query.context_suffix());
    let context = metadata(visit.request, &context);
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

fn sku_property(visit: &Visit<'_>, sku: &Sku, name: &str) -> Option<Value> {
    let tenant = &visit.tenant;
    Some(match name {
        "accountId" => json!(tenant.id),
        "accountName" => json!(tenant.display_name),
        "appliesTo" => json!("User"),
        "capabilityStatus" => json!(sku.capability_status()),
        "consumedUnits" => json!(tenant.consumed(sku.id)),
        "id" => json!(format!("{}_{}", tenant.id, sku.id)),
        "prepaidUnits" => json!({
            "enabled": sku.enabled,
            "lockedOut": 0,
            "suspended": sku.suspended,
            "warning": sku.warning,
        }),
        "servicePlans" => service_plans(sku, &BTreeSet::new()),
        "skuId" => json!(sku.id),
        "skuPartNumber" => json!(sku.part_number),
        "subscriptionIds" => json!([Uuid::new_v5(&tenant.id, sku.id.as_bytes())]),
        _ => return None,
    })
}

pub(super) fn service_plans(sku: &Sku, disabled: &BTreeSet<Uuid>) -> Value {
    let plans = sku.plans.iter();
    plans
        .map(|plan| {
            let is_off = disabled.contains(&plan.id);
            json!({
                "appliesTo": "User",
                "provisioningStatus": if is_off { "Disabled" } else { "Success" },
                "servicePlanId": plan.id,
                "servicePlanName": plan.name,
            })
        })
        .collect()
}
