//! What a sync shows at a terminal, and what it says as data.

use msgraph_emulator::{Sku, TENANT_ID, Tenant};
use serde_json::{Value, json};

use crate::bench::Bench;

/// Whether every line fits into 80 columns, and nothing draws progress into a script's output.
fn is_readable(text: &str) -> bool {
    text.lines().all(|line| line.chars().count() <= 80) && !text.contains('\u{1b}')
}

#[tokio::test]
async fn totals_of_people_fit_a_terminal_and_stay_data_for_a_script() {
    let bench = Bench::of(Tenant::contoso().crowd(1, 2_000).lifelike());
    let human = bench.sync(&["users", "--sign-ins"]).await;
    assert_eq!(human.stderr, "", "a script sees no progress");
    let human = human.ok();
    assert!(is_readable(&human), "{human}");
    for words in ["Everyone", "2,004", "can sign in", "guests", "With a licence", "Never signed in"] {
        assert!(human.contains(words), "{words}: {human}");
    }
    let data = bench.report(&["users", "--sign-ins"]).await;
    assert_eq!(
        (&data["sync"], &data["tenant"], &data["mode"]),
        (&json!("users"), &json!("contoso"), &json!("full"))
    );
    assert_eq!((&data["totals"]["people"], &data["sign_ins"]["people"]), (&json!(2004), &json!(2004)));
    assert_eq!((&data["notes"], data.get("rows")), (&json!([]), None));
}

#[tokio::test]
async fn what_could_not_be_seen_is_said_and_is_no_failure() {
    let bench = Bench::with(Tenant::contoso(), &["User.Read.All", "LicenseAssignment.Read.All"]);
    let human = bench.sync(&["users", "--sign-ins"]).await.ok();
    assert!(is_readable(&human), "{human}");
    for words in ["leave dates are unknown", "last sign-ins are unavailable"] {
        assert!(human.contains(words), "{words}: {human}");
    }
    let human = bench.sync(&["licenses"]).await.ok();
    assert!(human.contains("renewals are unknown: grant Organization.Read.All"), "{human}");
    let bench = Bench::with(Tenant::contoso(), &["Mail.Send"]);
    for sync in ["users", "licenses"] {
        let refused = bench.sync(&[sync]).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains("403"), "{refused:?}");
        let grant = if sync == "users" { "grant User.Read.All" } else { "grant LicenseAssignment.Read.All" };
        assert!(refused.stderr.contains(grant), "{refused:?}");
    }
}

#[tokio::test]
async fn utilisation_and_waste_fit_a_terminal_with_money_by_currency() {
    let tenant =
        Tenant::contoso().sku(Sku::new("FLOW_FREE", 10_000)).sku(Sku::new("BRAND_NEW", 3)).crowd(2, 3_000);
    let bench = Bench::of(tenant.lifelike());
    let prices = bench.name("prices.csv");
    std::fs::write(&prices, "licence,price,currency\nSPE_E3,36.005,EUR\nEMS,8.5,USD\n").unwrap();
    let human = bench.sync(&["licenses", "--prices", &prices]).await.ok();
    assert!(is_readable(&human), "{human}");
    for words in [
        "Microsoft 365 E3",
        "Unused seats\n",
        " EUR, ",
        " USD",
        "Blocked",
        "Group fails",
        "Not in these numbers",
    ] {
        assert!(human.contains(words), "{words}: {human}");
    }
    let data = bench.report(&["licenses", "--prices", &prices]).await;
    let skus = data["skus"].as_array().unwrap();
    let of = |part: &str| skus.iter().find(|sku| sku["part_number"] == part).unwrap();
    assert_eq!((&of("FLOW_FREE")["class"], &of("BRAND_NEW")["name"]), (&json!("free"), &json!(null)));
    let unused = of("SPE_E3")["unassigned"].as_i64().unwrap() * 36_005;
    let expected = format!("{}.{:03}", unused / 1000, unused % 1000);
    assert!(human.contains("a month, for those with a price") && human.contains("no price"), "{human}");
    let cost = data["totals"]["unused_cost"]["EUR"].as_str().unwrap();
    assert_eq!(cost.trim_end_matches('0'), expected.trim_end_matches('0'));
}

#[tokio::test]
async fn purchases_come_in_the_order_of_their_dates_and_undated_ones_last() {
    let sku = |part: &str, bought: Value| json!({ "skuPartNumber": part, "enabled": 5, "servicePlans": [], "subscriptions": bought });
    let dated = |part: &str, day: &str| {
        let next = format!("{day}T00:00:00Z");
        sku(part, json!([{ "totalLicenses": 5, "nextLifecycleDateTime": next }]))
    };
    let skus = [sku("UNDATED", json!([])), dated("LATER", "2031-02-01"), dated("SOONER", "2030-01-01")];
    let tenant = json!({ "tenantId": TENANT_ID, "displayName": "Contoso",
        "verifiedDomains": ["contoso.example"], "skus": skus });
    let tenant = Tenant::from_json(&tenant.to_string()).unwrap();
    let human = Bench::of(tenant).sync(&["licenses"]).await.ok();
    let (_, purchases) = human.split_once("Purchases").unwrap();
    let places = ["SOONER", "LATER", "UNDATED"].map(|part| purchases.find(part).unwrap());
    assert!(places.is_sorted(), "{purchases}");
    assert!(is_readable(&human) && !human.contains("A month"), "{human}");
}

#[tokio::test]
async fn a_tenant_without_data_is_shown_without_an_error() {
    let bench = Bench::of(Tenant::empty());
    for sync in ["users", "licenses"] {
        let human = bench.sync(&[sync]).await.ok();
        assert!(is_readable(&human) && human.contains("Tenant contoso"), "{human}");
        let out = bench.name(&format!("{sync}.json"));
        bench.sync(&[sync, "--out", &out]).await.ok();
        assert_eq!(bench.text(&format!("{sync}.json")), "[\n]\n");
    }
}
