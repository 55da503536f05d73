//! Groups and the organization.

use msgraph_emulator::{Group, Options, TENANT_ID};
use serde_json::{Value, json};

use crate::harness::{Desk, refused, tenant};

#[tokio::test]
async fn a_group_is_found_by_name_and_read_by_id() {
    let desk = Desk::open().await;
    let id = desk.group("Engineers");
    let select = "$select=id,displayName";
    let page = desk.found(&format!("groups?{select}&$filter=displayName eq 'engineers'")).await;
    assert_eq!(page["value"], json!([{ "id": id, "displayName": "Engineers" }]));
    let page = desk.found(&format!("groups?{select}&$filter=mailNickname eq 'engineers'")).await;
    assert_eq!(page["value"][0]["id"], id.as_str());
    let page = desk.found(&format!("groups?{select}&$filter=displayName in ('Nobody','engineers')")).await;
    assert_eq!(page["value"], json!([{ "id": id, "displayName": "Engineers" }]));
    let group = desk.found(&format!("groups/{id}")).await;
    assert_eq!(group["securityEnabled"], true);
    assert_eq!(group["groupTypes"], json!([]));
    let nowhere = "99999999-9999-4999-8999-999999999999";
    let missing = desk.get(&format!("groups/{nowhere}")).await;
    refused(&missing, 404, "Request_ResourceNotFound", nowhere);
    let named = desk.get("groups/Engineers").await;
    refused(&named, 400, "Request_BadRequest", "Invalid object identifier");
    let unknown = desk.get("groups?$select=shoeSize").await;
    refused(&unknown, 400, "BadRequest", "'shoeSize'");
}

#[tokio::test]
async fn an_ambiguous_name_finds_every_group_of_it() {
    let desk = Desk::with(Options::new(tenant().group(Group::security("Engineers")))).await;
    let page = desk.found("groups?$filter=displayName eq 'Engineers'").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn kinds_differ_by_their_flags() {
    let desk = Desk::open().await;
    let flags = "$select=groupTypes,mailEnabled,securityEnabled,onPremisesSyncEnabled,\
                 isAssignableToRole,resourceProvisioningOptions";
    let kinds: [(&str, Value); 7] = [
        ("Engineers", json!([[], false, true, null, null, []])),
        ("Project", json!([["Unified"], true, false, null, null, ["Team"]])),
        ("Everybody", json!([["DynamicMembership"], false, true, null, null, []])),
        ("Building 7", json!([[], false, true, true, null, []])),
        ("Newsletter", json!([[], true, false, null, null, []])),
        ("Shift Leads", json!([[], true, true, null, null, []])),
        ("Operators", json!([[], false, true, null, true, []])),
    ];
    for (name, expected) in kinds {
        let group = desk.found(&format!("groups/{}?{flags}", desk.group(name))).await;
        let found = json!([
            group["groupTypes"],
            group["mailEnabled"],
            group["securityEnabled"],
            group["onPremisesSyncEnabled"],
            group["isAssignableToRole"],
            group["resourceProvisioningOptions"],
        ]);
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn the_organization_names_its_domains() {
    let desk = Desk::open().await;
    let page = desk.found("organization?$select=id,verifiedDomains").await;
    assert_eq!(page["value"][0]["id"], TENANT_ID.to_string());
    assert_eq!(page["value"][0]["verifiedDomains"][0]["name"], "contoso.example");
}
