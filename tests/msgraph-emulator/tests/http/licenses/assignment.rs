//! Licences: seats, locations, plans, and the difference between direct and inherited.

use msgraph_emulator::{Options, Sku};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused, tenant};

const NOWHERE: &str = "99999999-9999-4999-8999-999999999999";

async fn assign(desk: &Desk, user: &str, add: &[&str], remove: &[&str]) -> (u16, Value) {
    let add: Vec<Value> = add.iter().map(|sku| json!({ "skuId": sku })).collect();
    let body = json!({ "addLicenses": add, "removeLicenses": remove });
    desk.send("POST", &format!("users/{user}/assignLicense"), Some(body)).await
}

async fn states(desk: &Desk, user: &str) -> Vec<Value> {
    let path = format!("users/{user}?$select=licenseAssignmentStates");
    let user = desk.found(&path).await;
    user["licenseAssignmentStates"].as_array().unwrap().clone()
}

async fn consumed(desk: &Desk, part_number: &str) -> Value {
    let skus = desk.found("subscribedSkus").await;
    let skus = skus["value"].as_array().unwrap();
    let sku = skus.iter().find(|sku| sku["skuPartNumber"] == part_number);
    sku.unwrap()["consumedUnits"].clone()
}

#[tokio::test]
async fn a_licence_is_assigned_and_removed_and_its_seat_counted() {
    let desk = Desk::open().await;
    let (ada, e3) = (desk.user(ADA), desk.sku("SPE_E3"));
    assert_eq!(consumed(&desk, "SPE_E3").await, 1);
    let (status, user) = assign(&desk, &ada, &[&e3], &[]).await;
    assert_eq!((status, &user["id"]), (200, &json!(ada)));
    assert_eq!(consumed(&desk, "SPE_E3").await, 2);
    assert_eq!(assign(&desk, &ada, &[&e3], &[]).await.0, 200, "again, without effect");
    assert_eq!(assign(&desk, &ada, &[], &[&e3]).await.0, 200);
    assert_eq!(consumed(&desk, "SPE_E3").await, 1);
    assert_eq!(
        desk.emulator.effects(),
        [format!("assign license SPE_E3 to user {ada}"), format!("remove license SPE_E3 from user {ada}"),]
    );
    let again = assign(&desk, &ada, &[], &[&e3]).await;
    refused(&again, 400, "Request_BadRequest", "does not have a corresponding license");
}

#[tokio::test]
async fn the_subscriptions_show_seats_and_plans() {
    let desk = Desk::with(Options::new(
        tenant().sku(Sku::new("LAPSED", 0).suspended(3)).sku(Sku::new("GRACE", 0).warning(2)),
    ))
    .await;
    let page = desk.found("subscribedSkus?$select=skuPartNumber,prepaidUnits,capabilityStatus").await;
    let skus = page["value"].as_array().unwrap();
    let of = |name: &str| skus.iter().find(|sku| sku["skuPartNumber"] == name).unwrap();
    assert_eq!(of("LAPSED")["capabilityStatus"], "Suspended");
    assert_eq!(of("GRACE")["capabilityStatus"], "Warning");
    assert_eq!(
        of("SPE_E3")["prepaidUnits"],
        json!({ "enabled": 2, "suspended": 0, "warning": 0, "lockedOut": 0 })
    );
    let lapsed = assign(&desk, ADA, &[&desk.sku("LAPSED")], &[]).await;
    refused(&lapsed, 400, "Request_BadRequest", "does not have any available licenses");
    assert_eq!(assign(&desk, ADA, &[&desk.sku("GRACE")], &[]).await.0, 200);
}

#[tokio::test]
async fn both_arrays_are_required_and_nothing_else_is_taken() {
    let desk = Desk::open().await;
    let path = format!("users/{ADA}/assignLicense");
    let cases = [
        (json!({ "addLicenses": [] }), "'removeLicenses' is required"),
        (json!({ "removeLicenses": [] }), "'addLicenses' is required"),
        (json!({ "addLicenses": [], "removeLicenses": [], "now": 1 }), "'now'"),
        (json!({ "addLicenses": [{ "skuId": "E3" }], "removeLicenses": [] }), "Edm.Guid"),
        (json!({ "addLicenses": ["x"], "removeLicenses": [] }), "assignedLicense"),
    ];
    for (body, fragment) in cases {
        let answer = desk.send("POST", &path, Some(body)).await;
        refused(&answer, 400, "BadRequest", fragment);
    }
}

#[tokio::test]
async fn assignments_are_refused_with_graph_s_reasons() {
    let desk = Desk::open().await;
    let (e3, ems) = (desk.sku("SPE_E3"), desk.sku("EMS"));
    let bad = "Request_BadRequest";
    let answer = assign(&desk, ADA, &[NOWHERE], &[]).await;
    refused(&answer, 400, bad, &format!("License {NOWHERE} does not correspond"));
    let answer = assign(&desk, EDSGER, &[&e3], &[]).await;
    refused(&answer, 400, bad, "invalid usage location");
    desk.emulator.with_tenant(|tenant| tenant.set(EDSGER, "usageLocation", "CU").unwrap());
    let answer = assign(&desk, EDSGER, &[&e3], &[]).await;
    refused(&answer, 400, bad, "invalid usage location");
    assert_eq!(assign(&desk, GRACE, &[&ems], &[]).await.0, 200);
    let answer = assign(&desk, ADA, &[&ems], &[]).await;
    refused(&answer, 400, bad, &format!("SKU {ems} does not have any available licenses"));
    let answer = assign(&desk, ADA, &[&e3, &ems], &[]).await;
    refused(&answer, 400, bad, "available licenses");
    assert_eq!(consumed(&desk, "SPE_E3").await, 1, "all or none");
    let answer = assign(&desk, NOWHERE, &[&e3], &[]).await;
    refused(&answer, 404, "Request_ResourceNotFound", NOWHERE);
}

#[tokio::test]
async fn plans_that_exclude_or_need_each_other_are_refused_by_id() {
    let desk = Desk::with(Options::new(
        tenant()
            .sku(Sku::new("EXCHANGESTANDARD", 5).plan_with(
                "EXCHANGE_S_STANDARD",
                &["EXCHANGE_S_ENTERPRISE"],
                &[],
            ))
            .sku(Sku::new("ARCHIVE", 5).plan_with("ARCHIVE", &[], &["EXCHANGE_S_ENTERPRISE"])),
    ))
    .await;
    let (e3, standard, archive) = (desk.sku("SPE_E3"), desk.sku("EXCHANGESTANDARD"), desk.sku("ARCHIVE"));
    let answer = assign(&desk, GRACE, &[&standard], &[]).await;
    refused(&answer, 400, "Request_BadRequest", "are mutually exclusive");
    let answer = assign(&desk, ADA, &[&archive], &[]).await;
    refused(&answer, 400, "Request_BadRequest", "depends on the service plan(s)");
    assert_eq!(assign(&desk, ADA, &[&archive, &e3], &[]).await.0, 200, "in one call");
    let answer = assign(&desk, ADA, &[], &[&e3]).await;
    refused(&answer, 400, "Request_BadRequest", "depends on the service plan(s)");
    assert_eq!(assign(&desk, ADA, &[], &[&e3, &archive]).await.0, 200);
}

#[tokio::test]
async fn a_licensing_group_gives_and_takes_at_once() {
    let desk = Desk::open().await;
    let (ada, ems, group) = (desk.user(ADA), desk.sku("EMS"), desk.group("Devices"));
    assert_eq!(desk.add("Devices", &ada).await.0, 204);
    let held = states(&desk, &ada).await;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0]["assignedByGroup"], group.as_str());
    assert_eq!((&held[0]["state"], &held[0]["error"]), (&json!("Active"), &json!("None")));
    assert_eq!(consumed(&desk, "EMS").await, 1);
    let direct = assign(&desk, &ada, &[], &[&ems]).await;
    refused(&direct, 400, "Request_BadRequest", "inherited from a group membership");

    let grace = desk.user(GRACE);
    assert_eq!(desk.add("Devices", &grace).await.0, 204);
    let states_of_grace = states(&desk, &grace).await;
    let short = states_of_grace.iter().find(|state| !state["assignedByGroup"].is_null()).unwrap();
    assert_eq!((&short["state"], &short["error"]), (&json!("Error"), &json!("CountViolation")));

    assert_eq!(desk.remove("Devices", &ada).await.0, 204);
    assert!(states(&desk, &ada).await.is_empty());
    assert_eq!(consumed(&desk, "EMS").await, 0);
}

#[tokio::test]
async fn direct_and_inherited_are_two_states_of_one_seat() {
    let desk = Desk::open().await;
    let (ada, ems) = (desk.user(ADA), desk.sku("EMS"));
    assert_eq!(assign(&desk, &ada, &[&ems], &[]).await.0, 200);
    assert_eq!(desk.add("Devices", &ada).await.0, 204);
    assert_eq!(states(&desk, &ada).await.len(), 2);
    assert_eq!(consumed(&desk, "EMS").await, 1);
    let user = desk.found(&format!("users/{ada}?$select=assignedLicenses")).await;
    assert_eq!(user["assignedLicenses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn disabled_plans_show_in_the_details_and_count_as_a_change() {
    let desk = Desk::open().await;
    let (ada, e3) = (desk.user(ADA), desk.sku("SPE_E3"));
    let skus = desk.found("subscribedSkus").await;
    let plan = skus["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sku| sku["skuId"] == e3.as_str())
        .unwrap()["servicePlans"][0]["servicePlanId"]
        .clone();
    let path = format!("users/{ada}/assignLicense");
    let with = |plans: Value| {
        json!({
            "addLicenses": [{ "skuId": e3, "disabledPlans": plans }],
            "removeLicenses": [],
        })
    };
    assert_eq!(desk.send("POST", &path, Some(with(json!([])))).await.0, 200);
    assert_eq!(desk.send("POST", &path, Some(with(json!([plan])))).await.0, 200);
    let details = desk.found(&format!("users/{ada}/licenseDetails")).await;
    assert_eq!(details["value"][0]["skuPartNumber"], "SPE_E3");
    let plans = details["value"][0]["servicePlans"].as_array().unwrap();
    let status = |id: &Value| {
        let plan = plans.iter().find(|plan| plan["servicePlanId"] == *id).unwrap();
        plan["provisioningStatus"].clone()
    };
    assert_eq!(status(&plan), "Disabled");
    assert_eq!(
        desk.emulator.effects().last().unwrap(),
        &format!("change plans of license SPE_E3 of user {ada}")
    );
    let foreign = desk.send("POST", &path, Some(with(json!([NOWHERE])))).await;
    refused(&foreign, 400, "Request_BadRequest", NOWHERE);
}
