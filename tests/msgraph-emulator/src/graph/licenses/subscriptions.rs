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

const SUBSCRIPTION_PROPERTIES: &[&str] = &[
    "commerceSubscriptionId",
    "createdDateTime",
    "id",
    "isTrial",
    "nextLifecycleDateTime",
    "ownerId",
    "ownerTenantId",
    "ownerType",
    "serviceStatus",
    "skuId",
    "skuPartNumber",
    "status",
    "totalLicenses",
];

/// Every subscription, several of one SKU if it was bought several times ("companySubscription resource type", 2025).
pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| SUBSCRIPTION_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.companySubscription", SUBSCRIPTION_PROPERTIES)?;
    let tenant = &visit.tenant;
    let bought = tenant.skus.values().flat_map(|sku| {
        let subscriptions = sku.subscriptions(tenant.id).into_iter();
        subscriptions.map(move |subscription| (sku, subscription))
    });
    let value: Vec<Value> = bought
        .map(|(sku, subscription)| {
            let property = |name: &str| {
                Some(match name {
                    "commerceSubscriptionId" => json!(subscription.commerce_subscription_id),
                    "createdDateTime" => json!(subscription.created_date_time),
                    "id" => json!(subscription.id),
                    "isTrial" => json!(subscription.is_trial),
                    "nextLifecycleDateTime" => json!(subscription.next_lifecycle_date_time),
                    "ownerId" => json!(subscription.owner_id),
                    "ownerTenantId" => json!(subscription.owner_tenant_id),
                    "ownerType" => json!(subscription.owner_type),
                    "serviceStatus" => service_plans(sku, &BTreeSet::new()),
                    "skuId" => json!(sku.id),
                    "skuPartNumber" => json!(sku.part_number),
                    "status" => json!(subscription.status),
                    "totalLicenses" => json!(subscription.total_licenses),
                    _ => return None,
                })
            };
            Value::Object(project(&names, property))
        })
        .collect();
    let context = metadata(visit.request, &format!("directory/subscriptions{}", query.context_suffix()));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

/// Every SKU on one page; Graph does not page them.
pub(crate) fn list_skus(visit: &mut Visit<'_>) -> Answer {
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
        "appliesTo" => json!(sku.applies_to),
        "capabilityStatus" => json!(sku.capability_status()),
        "consumedUnits" => json!(tenant.consumed(sku.id)),
        "id" => json!(format!("{}_{}", tenant.id, sku.id)),
        "prepaidUnits" => json!({
            "enabled": sku.enabled,
            "lockedOut": sku.locked_out,
            "suspended": sku.suspended,
            "warning": sku.warning,
        }),
        "servicePlans" => service_plans(sku, &BTreeSet::new()),
        "skuId" => json!(sku.id),
        "skuPartNumber" => json!(sku.part_number),
        "subscriptionIds" => {
            let subscriptions = sku.subscriptions(tenant.id).into_iter();
            subscriptions.map(|subscription| json!(subscription.id)).collect()
        }
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
