//! A lifelike crowd: what its list says, what one user says, and what the totals say are the same.

use std::collections::{BTreeMap, BTreeSet};

use msgraph_emulator::{Application, Options, Sku, Tenant};
use serde_json::{Value, json};

use crate::harness::{Desk, read};

const SIZE: u64 = 3_000;
const FIELDS: &str = "id,userPrincipalName,displayName,givenName,surname,mail,mailNickname,proxyAddresses,otherMails,\
    jobTitle,department,officeLocation,companyName,country,city,usageLocation,mobilePhone,userType,accountEnabled,\
    createdDateTime,employeeId,employeeType,employeeHireDate,employeeLeaveDateTime,onPremisesSyncEnabled,\
    onPremisesImmutableId,onPremisesLastSyncDateTime,onPremisesSamAccountName,assignedLicenses,\
    licenseAssignmentStates,externalUserState,businessPhones,state,lastPasswordChangeDateTime";

fn tenant() -> Tenant {
    let roles =
        ["User.ReadWrite.All", "Directory.Read.All", "AuditLog.Read.All", "User-LifeCycleInfo.Read.All"];
    let skus = ["SPE_E3", "EMS", "VISIO"].map(|name| Sku::new(name, 10).plan(&format!("PLAN_OF_{name}")));
    let tenant = skus.into_iter().fold(Tenant::empty(), Tenant::sku);
    tenant.application(Application::default().roles(&roles)).crowd(7, SIZE).lifelike()
}

async fn totals(desk: &Desk) -> Value {
    let control = format!("{}/_emulator/totals", desk.emulator.url());
    read(desk.http.get(control).send().await.unwrap()).await.1
}

/// Every user of a list.
async fn all(desk: &Desk, path: &str) -> Vec<Value> {
    let (mut users, mut path) = (Vec::new(), path.to_owned());
    loop {
        let page = desk.found(&path).await;
        users.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(link) => path = link.split_once("/v1.0/").unwrap().1.to_owned(),
            None => return users,
        }
    }
}

#[tokio::test]
async fn a_user_reads_alike_in_the_list_and_alone() {
    let desk = Desk::with(Options::new(tenant())).await;
    let expand = "$expand=manager($select=id,displayName)";
    let users = all(&desk, &format!("users?$select={FIELDS}&{expand}&$top=999")).await;
    let with_sign_ins = all(&desk, "users?$select=id,signInActivity&$top=500").await;
    assert_eq!(users.len() as u64, SIZE);
    for (listed, signed_in) in users.iter().zip(&with_sign_ins).step_by(37) {
        let id = listed["id"].as_str().unwrap();
        let mut alone = desk.found(&format!("users/{id}?$select={FIELDS}&{expand}")).await;
        alone.as_object_mut().unwrap().remove("@odata.context");
        assert_eq!(alone, *listed);
        let alone = desk.found(&format!("users/{id}?$select=id,signInActivity")).await;
        assert_eq!(alone.get("signInActivity"), signed_in.get("signInActivity"));
        let upn = listed["userPrincipalName"].as_str().unwrap().replace('#', "%23");
        assert_eq!(desk.found(&format!("users/{upn}")).await["id"], id);
    }
    assert_eq!(desk.emulator.state()["users"], json!({}), "reading holds nobody");
}

#[tokio::test]
async fn the_totals_are_those_of_the_list() {
    let desk = Desk::with(Options::new(tenant())).await;
    let users =
        all(&desk, &format!("users?$select={FIELDS},signInActivity&$expand=manager($select=id)")).await;
    let names: BTreeMap<String, &str> = ["SPE_E3", "EMS", "VISIO"].map(|name| (desk.sku(name), name)).into();
    let count = |of: &dyn Fn(&Value) -> bool| users.iter().filter(|user| of(user)).count() as u64;
    let totals = totals(&desk).await;
    let signed_in = |user: &Value| {
        let last = user["signInActivity"]["lastSuccessfulSignInDateTime"].as_str();
        last.is_some_and(|last| !last.starts_with("0001"))
    };
    let counts = [
        ("users", SIZE),
        ("guests", count(&|user| user["userType"] == "Guest")),
        ("disabled", count(&|user| user["accountEnabled"] == false)),
        ("synced", count(&|user| user["onPremisesSyncEnabled"] == true)),
        ("with_manager", count(&|user| user["manager"]["id"].is_string())),
        ("never_signed_in", count(&|user| !signed_in(user))),
        ("without_license", count(&|user| user["assignedLicenses"] == json!([]))),
    ];
    for (name, expected) in counts {
        assert_eq!(totals[name], expected, "{name}");
        assert!((1..=SIZE).contains(&expected), "{name} is {expected}");
    }
    let skus = desk.found("subscribedSkus").await;
    for (sku, name) in &names {
        let has = |user: &Value| {
            user["assignedLicenses"].as_array().unwrap().iter().any(|held| held["skuId"] == **sku)
        };
        let state = |user: &Value, by_group: bool, state: &str| {
            user["licenseAssignmentStates"].as_array().unwrap().iter().any(|held| {
                held["skuId"] == **sku
                    && held["assignedByGroup"].is_string() == by_group
                    && held["state"] == state
            })
        };
        let expected = json!({
            "holders": count(&has),
            "direct": count(&|user| state(user, false, "Active")),
            "by_group": count(&|user| state(user, true, "Active")),
            "both": count(&|user| state(user, false, "Active") && state(user, true, "Active")),
            "disabled": count(&|user| has(user) && user["accountEnabled"] == false),
            "guests": count(&|user| has(user) && user["userType"] == "Guest"),
            "failed": count(&|user| !has(user) && state(user, true, "Error")),
        });
        assert_eq!(totals["skus"][name], expected, "{name}");
        let bought = skus["value"].as_array().unwrap().iter().find(|one| one["skuId"] == **sku).unwrap();
        assert_eq!(bought["consumedUnits"], expected["holders"]);
    }
    let largest = totals["skus"].as_object().unwrap().values();
    assert!(largest.map(|sku| sku["holders"].as_u64().unwrap()).max().unwrap() > SIZE / 3);
    let states = users.iter().flat_map(|user| user["licenseAssignmentStates"].as_array().unwrap());
    let groups: BTreeSet<&str> = states.filter_map(|state| state["assignedByGroup"].as_str()).collect();
    assert_eq!(groups.len(), names.len());
    for group in groups {
        let group = desk.found(&format!("groups/{group}?$select=displayName")).await;
        assert!(group["displayName"].as_str().unwrap().starts_with("Licensed for "));
    }
}

#[tokio::test]
async fn changes_of_a_few_show_in_totals_and_in_the_next_round() {
    let desk = Desk::with(Options::new(tenant())).await;
    let before = totals(&desk).await;
    let (mut path, mut users) = ("users/delta?$select=accountEnabled,manager".to_owned(), BTreeMap::new());
    let link = loop {
        let page = desk.found(&path).await;
        for user in page["value"].as_array().unwrap() {
            users.insert(user["id"].as_str().unwrap().to_owned(), user.clone());
        }
        if let Some(link) = page["@odata.deltaLink"].as_str() {
            break link.split_once("/v1.0/").unwrap().1.to_owned();
        }
        path = page["@odata.nextLink"].as_str().unwrap().split_once("/v1.0/").unwrap().1.to_owned();
    };
    assert_eq!(users.len() as u64, SIZE);
    let managed = users.values().filter(|user| user.get("manager@delta").is_some()).count() as u64;
    assert_eq!(before["with_manager"], managed);

    let enabled = users.values().find(|user| user["accountEnabled"] == true).unwrap()["id"].as_str().unwrap();
    let block = Some(json!({ "accountEnabled": false }));
    assert_eq!(desk.send("PATCH", &format!("users/{enabled}"), block).await.0, 204);
    assert_eq!(totals(&desk).await["disabled"], before["disabled"].as_u64().unwrap() + 1);
    let first = desk.found("users/person-0000001@contoso.example?$select=id").await;
    let first = first["id"].as_str().unwrap();
    let reports: BTreeSet<&String> =
        users.iter().filter(|(_, user)| user["manager@delta"][0]["id"] == first).map(|(id, _)| id).collect();
    assert!(reports.len() > 3, "{reports:?}");
    assert_eq!(desk.send("DELETE", &format!("users/{first}"), None).await.0, 204);

    let round = desk.found(&link).await;
    let round = round["value"].as_array().unwrap();
    let gone = round.iter().filter(|user| user["manager@delta"][0]["@removed"]["reason"] == "deleted");
    assert_eq!(
        gone.map(|user| user["id"].as_str().unwrap()).collect::<BTreeSet<_>>(),
        reports.iter().map(|id| id.as_str()).collect()
    );
    let removed = round.iter().find(|user| user["id"] == first).unwrap();
    assert_eq!(removed["@removed"]["reason"], "changed");
    assert_eq!(
        totals(&desk).await["with_manager"],
        managed - reports.len() as u64 - u64::from(users[first].get("manager@delta").is_some())
    );
}
