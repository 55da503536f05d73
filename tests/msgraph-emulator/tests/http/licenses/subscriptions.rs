//! What a tenant bought: SKUs with their units, and the subscriptions behind them.

use msgraph_emulator::{Application, Options, TENANT_ID, Tenant};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, refused};

fn tenant(skus: &Value, roles: &[&str]) -> Tenant {
    let file = json!({
        "tenantId": TENANT_ID, "displayName": "Contoso", "verifiedDomains": ["contoso.example"], "skus": skus,
        "users": [{ "userPrincipalName": ADA, "displayName": "Ada Lovelace", "usageLocation": "GB", "licenses": ["EMS"] }],
    });
    Tenant::from_json(&file.to_string()).unwrap().application(Application::default().roles(roles))
}

fn bought() -> Value {
    json!([
        { "skuPartNumber": "EMS", "enabled": 300, "warning": 20, "suspended": 30, "lockedOut": 4,
          "consumedByOthers": 7, "servicePlans": [{ "servicePlanName": "INTUNE_A" }],
          "subscriptions": [
              { "totalLicenses": 300, "nextLifecycleDateTime": "2027-01-01T00:00:00Z", "commerceSubscriptionId": "one",
                "createdDateTime": "2024-01-01T00:00:00Z", "ownerType": "User", "ownerId": "o", "ownerTenantId": "t" },
              { "totalLicenses": 54, "status": "Warning", "isTrial": true } ] },
        { "skuPartNumber": "STORAGE", "enabled": 1, "appliesTo": "Company" },
        { "skuPartNumber": "GONE", "enabled": 0, "capabilityStatus": "Deleted" },
    ])
}

#[tokio::test]
async fn one_sku_has_several_subscriptions_with_dates_of_their_own() {
    let roles = ["Organization.Read.All", "LicenseAssignment.ReadWrite.All", "User.Read.All"];
    let desk = Desk::with(Options::new(tenant(&bought(), &roles))).await;
    let page = desk.found("directory/subscriptions").await;
    let all = page["value"].as_array().unwrap();
    let of = |name: &str| all.iter().filter(|one| one["skuPartNumber"] == name).collect::<Vec<_>>();
    let ems = of("EMS");
    assert_eq!((all.len(), ems.len()), (4, 2));
    assert_eq!(
        *ems[0],
        json!({
            "id": ems[0]["id"], "skuId": desk.sku("EMS"), "skuPartNumber": "EMS", "commerceSubscriptionId": "one",
            "status": "Enabled", "isTrial": false, "totalLicenses": 300, "createdDateTime": "2024-01-01T00:00:00Z",
            "nextLifecycleDateTime": "2027-01-01T00:00:00Z", "ownerType": "User", "ownerId": "o", "ownerTenantId": "t",
            "serviceStatus": ems[0]["serviceStatus"],
        })
    );
    assert_eq!(ems[0]["serviceStatus"][0]["servicePlanName"], "INTUNE_A");
    assert_eq!((&ems[1]["status"], &ems[1]["isTrial"]), (&json!("Warning"), &json!(true)));

    let skus = desk.found("subscribedSkus").await;
    let sku = |name: &str| {
        let mut skus = skus["value"].as_array().unwrap().iter();
        skus.find(|sku| sku["skuPartNumber"] == name).unwrap().clone()
    };
    let units = json!({ "enabled": 300, "warning": 20, "suspended": 30, "lockedOut": 4 });
    assert_eq!((&sku("EMS")["prepaidUnits"], &sku("EMS")["consumedUnits"]), (&units, &json!(8)));
    assert_eq!(sku("EMS")["subscriptionIds"], json!([ems[0]["id"], ems[1]["id"]]));
    assert_eq!(sku("STORAGE")["appliesTo"], "Company");
    assert_eq!(sku("STORAGE")["subscriptionIds"], json!([of("STORAGE")[0]["id"]]));
    assert_eq!(sku("GONE")["capabilityStatus"], "Deleted");
    let add = json!({ "addLicenses": [{ "skuId": desk.sku("STORAGE") }], "removeLicenses": [] });
    let answer = desk.send("POST", &format!("users/{ADA}/assignLicense"), Some(add)).await;
    refused(&answer, 400, "Request_BadRequest", "does not correspond to a valid company License");
}

#[tokio::test]
async fn subscriptions_need_a_permission_that_skus_do_not() {
    let desk = Desk::with(Options::new(tenant(&bought(), &["LicenseAssignment.Read.All"]))).await;
    desk.found("subscribedSkus").await;
    refused(&desk.get("directory/subscriptions").await, 403, "Authorization_RequestDenied", "");
}

#[tokio::test]
async fn a_tenant_may_have_bought_nothing_and_have_nobody() {
    let desk = Desk::with(Options::new(Tenant::empty())).await;
    for path in ["users", "subscribedSkus", "directory/subscriptions", "groups"] {
        let page = desk.found(path).await;
        assert_eq!(page["value"], json!([]), "{path}");
        assert!(page.get("@odata.nextLink").is_none());
    }
}
