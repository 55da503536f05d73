//! Passes over licences.

use directory_sync::{LicenseClass, LicensesSummary, Prices, Sku, Subject};
use msgraph_emulator::{Fault, Group, Odd, Sku as Bought, TENANT_ID, Tenant, User};
use serde_json::{Value, json};

use crate::tenant::{Place, find, of_kind};

fn sku<'s>(found: &'s LicensesSummary, name: &str) -> &'s Sku {
    found.skus.iter().find(|sku| sku.readable_name() == name || sku.id().to_string() == name).unwrap()
}

#[tokio::test]
async fn who_has_what_is_what_the_tenant_says() {
    for (seed, people) in [(1, 0), (2, 700), (3, 2_345)] {
        let place = Place::of(Tenant::contoso().crowd(seed, people).lifelike());
        let (rows, found) = place.licenses(&Prices::default()).await;
        let totals = place.totals().await;
        let assignments = of_kind(&rows, "license_assignment");
        for row in of_kind(&rows, "sku") {
            let expected = &totals["skus"][row["part_number"].as_str().unwrap()];
            assert_eq!(row["people"], expected["holders"], "seed {seed}: {row}");
            assert_eq!(row["blocked"], expected["disabled"], "seed {seed}: {row}");
            assert_eq!(row["assigned"], expected["holders"], "seed {seed}: {row}");
            assert_eq!(row["cross_check"], Value::Null, "seed {seed}: {row}");
            let held: Vec<_> =
                assignments.iter().filter(|held| held["part_number"] == row["part_number"]).collect();
            let count = |is_one: &dyn Fn(&Value) -> bool| held.iter().filter(|held| is_one(held)).count();
            let by_group = |held: &Value| held["in_force"] == true && held["group_ids"] != json!([]);
            let direct = |held: &Value| held["in_force"] == true && held["direct"] == true;
            let both = count(&|held| by_group(held) && direct(held));
            assert_eq!(json!(both), expected["both"], "seed {seed}: {row}");
            assert_eq!(
                json!(count(&direct)),
                json!(expected["direct"].as_u64().unwrap()),
                "seed {seed}: {row}"
            );
            assert_eq!(
                json!(count(&by_group)),
                json!(expected["by_group"].as_u64().unwrap()),
                "seed {seed}: {row}"
            );
            let failed = count(&|held| held["in_force"] == false);
            assert_eq!(json!(failed), expected["failed"], "seed {seed}: an error uses no seat: {row}");
        }
        let number = |name: &str| totals[name].as_u64().unwrap();
        assert_eq!(found.totals.people, number("users"), "seed {seed}");
        assert_eq!(found.totals.licensed, number("users") - number("without_license"), "seed {seed}");
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }
}

#[tokio::test]
async fn seats_in_their_grace_period_are_assignable_and_cancelled_ones_are_not() {
    let e5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06".parse().unwrap();
    let tenant = Tenant::empty()
        .sku(Bought::new("SPE_E5", 300).id(e5).warning(20).suspended(300))
        .user(User::new("ada@contoso.example", "Ada Lovelace").located("GB").licensed("SPE_E5"));
    let (rows, found) = Place::of(tenant).licenses(&Prices::default()).await;
    let row = of_kind(&rows, "sku")[0];
    let numbers =
        ["purchased", "assignable", "assigned", "unassigned", "over_assigned"].map(|name| row[name].clone());
    assert_eq!(numbers, [json!(620), json!(320), json!(1), json!(319), json!(0)]);
    assert_eq!(
        (&row["name"], sku(&found, "Microsoft 365 E5").is_named()),
        (&json!("Microsoft 365 E5"), true)
    );
    assert_eq!(found.totals.unassigned, 319);
}

/// A tenant file with these licences and people.
fn file(skus: &Value, users: &Value) -> Tenant {
    let file = json!({
        "tenantId": TENANT_ID, "displayName": "Contoso", "verifiedDomains": ["contoso.example"],
        "skus": skus, "users": users,
    });
    Tenant::from_json(&file.to_string()).unwrap()
}

#[tokio::test]
async fn free_company_and_server_licences_stay_out_of_the_totals() {
    let skus = json!([
        { "skuPartNumber": "SPE_E3", "enabled": 10 },
        { "skuPartNumber": "FLOW_FREE", "enabled": 10_000 },
        { "skuPartNumber": "STREAM", "enabled": 1_000_000 },
        { "skuPartNumber": "MDATP_Server", "enabled": 50 },
        { "skuPartNumber": "WACONEDRIVEENTERPRISE", "enabled": 7, "appliesTo": "Company" },
    ]);
    let (_, found) = Place::of(file(&skus, &json!([]))).licenses(&Prices::default()).await;
    assert_eq!((found.totals.skus, found.totals.purchased, found.totals.unassigned), (1, 10, 10));
    let class = |part: &str| {
        let part = found
            .skus
            .iter()
            .map(|sku| serde_json::to_value(sku).unwrap())
            .find(|row| row["part_number"] == part);
        part.unwrap()["class"].as_str().unwrap().to_owned()
    };
    let classes = ["FLOW_FREE", "STREAM", "MDATP_Server", "WACONEDRIVEENTERPRISE"].map(class);
    assert_eq!(classes, ["free", "free", "never_assignable", "company"]);
    assert_eq!(found.skus.iter().filter(|sku| sku.class() == LicenseClass::Paid).count(), 1);
}

#[tokio::test]
async fn seats_that_no_person_has_are_explained_and_not_hidden() {
    let skus = json!([{ "skuPartNumber": "SPE_E3", "enabled": 10, "consumedByOthers": 3 }]);
    let (rows, _) = Place::of(file(&skus, &json!([]))).licenses(&Prices::default()).await;
    let row = of_kind(&rows, "sku")[0];
    assert_eq!((&row["assigned"], &row["people"]), (&json!(3), &json!(0)));
    assert!(row["cross_check"].as_str().unwrap().contains("devices or groups"), "{row}");
}

#[tokio::test]
async fn one_licence_can_have_several_purchases_and_each_has_its_day() {
    let skus = json!([{ "skuPartNumber": "SPE_E3", "enabled": 10, "subscriptions": [
        { "totalLicenses": 6, "status": "Enabled", "nextLifecycleDateTime": "2027-01-01T00:00:00Z" },
        { "totalLicenses": 4, "status": "Warning", "isTrial": true, "nextLifecycleDateTime": "2026-12-01T00:00:00Z" },
    ] }]);
    let tenant = || file(&skus, &json!([]));
    let (rows, found) = Place::of(tenant()).licenses(&Prices::default()).await;
    let rows = of_kind(&rows, "subscription");
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row["total"].clone(), row["status"].clone(), row["is_trial"].clone()))
        .collect();
    assert_eq!(seen, [(json!(6), json!("Enabled"), json!(false)), (json!(4), json!("Warning"), json!(true))]);
    assert_eq!(found.subscriptions[1].next_change(), Some("2026-12-01"));

    let place = Place::with(tenant(), &["LicenseAssignment.Read.All", "User.Read.All"]);
    let (rows, found) = place.licenses(&Prices::default()).await;
    assert_eq!(of_kind(&rows, "subscription").len(), 0);
    assert_eq!(found.notes[0].about, Subject::Renewals);
    assert!(
        found.notes[0].to_string().contains("unknown: grant Organization.Read.All"),
        "{}",
        found.notes[0]
    );
}

#[tokio::test]
async fn waste_is_named_with_its_reason_and_its_price() {
    let tenant = Tenant::empty()
        .sku(Bought::new("SMALL", 10).plan("TEAMS1"))
        .sku(Bought::new("LARGE", 10).plan("TEAMS1").plan("OFFICESUBSCRIPTION"))
        .user(User::new("ada@contoso.example", "Ada").located("GB").licensed("SMALL").licensed("LARGE"))
        .user(User::new("grace@contoso.example", "Grace").located("GB").licensed("LARGE").disabled());
    let prices = Prices::read("SMALL,0.10,EUR\nLARGE,36.005,EUR\n").unwrap();
    let (rows, found) = Place::of(tenant).licenses(&prices).await;
    let waste: Vec<Value> = of_kind(&rows, "waste").into_iter().cloned().collect();
    assert_eq!(waste.len(), 2, "{waste:?}");
    let small = find(&waste, "reason", "included_in_another");
    assert_eq!((&small["part_number"], &small["included_in"]), (&json!("SMALL"), &json!("LARGE")));
    assert_eq!((&small["monthly_price"], &small["currency"]), (&json!("0.10"), &json!("EUR")));
    let blocked = find(&waste, "reason", "blocked_account");
    assert_eq!((&blocked["display_name"], &blocked["monthly_price"]), (&json!("Grace"), &json!("36.005")));
    assert_eq!(found.totals.wasted_cost.to_string(), "36.105 EUR");
    // Nine small seats and eight large ones.
    assert_eq!(found.totals.unused_cost.to_string(), "288.94 EUR");
}

#[tokio::test]
async fn a_group_that_fails_is_named_or_at_least_its_id_is() {
    let tenant = || {
        let everyone = ["ada", "grace"]
            .into_iter()
            .fold(Group::security("Licensed").licensing("SPE_E3"), |group, name| {
                group.member(&format!("{name}@contoso.example"))
            });
        ["ada", "grace"]
            .into_iter()
            .fold(Tenant::empty().sku(Bought::new("SPE_E3", 1).plan("TEAMS1")), |tenant, name| {
                tenant.user(User::new(&format!("{name}@contoso.example"), name).located("GB"))
            })
            .group(everyone)
    };
    let place = Place::of(tenant());
    let (rows, found) = place.licenses(&Prices::default()).await;
    let failing: Vec<_> = of_kind(&rows, "waste");
    assert_eq!(failing.len(), 1, "{rows:?}");
    assert_eq!(
        (&failing[0]["reason"], &failing[0]["group_name"]),
        (&json!("group_error"), &json!("Licensed"))
    );
    assert_eq!(failing[0]["error"], "CountViolation");
    assert_eq!((found.skus[0].found().people, found.totals.group_errors), (1, 1));

    let place =
        Place::with(tenant(), &["LicenseAssignment.Read.All", "Organization.Read.All", "User.Read.All"]);
    let (rows, found) = place.licenses(&Prices::default()).await;
    let name = of_kind(&rows, "waste")[0]["group_name"].as_str().unwrap().to_owned();
    assert_eq!(name.len(), 36, "{name} is an id");
    assert_eq!(found.notes.iter().map(|note| note.about).collect::<Vec<_>>(), [Subject::GroupNames]);
}

#[tokio::test]
async fn lists_that_graph_does_not_tell_are_noted_and_not_empty() {
    let tenant = || {
        let person = |name: &str| User::new(&format!("{name}@contoso.example"), name).located("GB");
        Tenant::empty()
            .sku(Bought::new("SMALL", 10).plan("TEAMS1"))
            .sku(Bought::new("LARGE", 10).plan("TEAMS1").plan("OFFICESUBSCRIPTION"))
            .user(person("ada").licensed("SMALL").licensed("LARGE"))
            .user(person("grace").licensed("LARGE"))
    };
    let all = "whole";
    for (path, note, wasted, assignments) in [
        (all, None, 1, 3),
        ("/subscribedSkus", Some("the service plans of"), 0, 3),
        ("/users", Some("which licences 2 people have"), 0, 0),
    ] {
        let place = Place::of(tenant());
        if path != all {
            place.emulator.fault(Fault::odd(Odd::NullLists).method("GET").path(path));
        }
        let (rows, found) = place.licenses(&Prices::default()).await;
        let told: Vec<_> = found.notes.iter().filter(|note| note.about == Subject::Licenses).collect();
        assert_eq!(told.len(), usize::from(note.is_some()), "{path}: {:?}", found.notes);
        assert!(note.is_none_or(|note| told[0].why.contains(note)), "{told:?}");
        assert_eq!(of_kind(&rows, "waste").len(), wasted, "{path}: {rows:?}");
        assert_eq!(of_kind(&rows, "license_assignment").len(), assignments, "{path}");
    }
}

#[tokio::test]
async fn a_tenant_without_licences_is_no_error() {
    let (rows, found) = Place::of(Tenant::empty()).licenses(&Prices::default()).await;
    assert_eq!((rows.len(), found.totals.skus, found.totals.people), (0, 0, 0));
}
