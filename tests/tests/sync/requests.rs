//! What a sync sends and says for each request.

use std::collections::{BTreeMap, BTreeSet};

use msgraph_emulator::{Application, Fault, Sku, Tenant, User};
use serde_json::json;
use system_tests::Testbed;

use crate::table::Table;
use crate::{end_of, everybody, sync, tenant, users};

#[tokio::test]
async fn a_full_sync_sends_everybody_once_in_pages_that_are_counted() {
    let mut testbed = Testbed::with(tenant(430)).build().await;
    let mut worker = testbed.worker().await;
    let mut pages = testbed.pages(None).await;
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!(
        (&end["complete"], &end["rows"], &end["attempts"]),
        (&json!(true), &json!(430), &json!(1)),
        "{end}"
    );
    assert_eq!(end["totals"]["people"], 430);
    assert_eq!((&end["mode"], &end["mode_done"]), (&json!("full"), &json!("full")));
    let count = end["pages"].as_u64().unwrap();
    assert!((4..10).contains(&count), "{end}");

    let (mut numbers, mut ids, mut table) = (BTreeSet::new(), BTreeSet::new(), Table::default());
    for _ in 0..count {
        let (key, page) = pages.next().await;
        assert_eq!(key, "users.user");
        assert_eq!(page["type"], "gatehouse.sync.page.v1");
        assert_eq!(page["causationid"], "all");
        assert_eq!(page["data"]["generation"], end["generation"]);
        assert_eq!(page["data"]["sync_id"], end["sync_id"]);
        assert!(ids.insert(page["id"].clone().to_string()), "a page has an id of its own");
        numbers.insert(page["data"]["number"].as_u64().unwrap());
        table.page(&page);
    }
    assert_eq!(numbers, (1..=count).collect());
    table.finished(&end);
    assert_eq!(table.people(), everybody(&testbed));
    assert_eq!(pages.waiting().await, 0);

    // The history keeps the end and no page.
    let seen =
        testbed.results.received().iter().filter(|result| result.event["type"] == "gatehouse.sync.page.v1");
    assert_eq!(seen.count(), 0);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_delta_sends_what_changed_and_a_forgotten_cursor_makes_it_a_full_sync() {
    let mut testbed = Testbed::with(tenant(120)).build().await;
    let mut worker = testbed.worker().await;
    let mut pages = testbed.pages(None).await;
    let mut table = Table::default();
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    for _ in 0..end["pages"].as_u64().unwrap() {
        table.page(&pages.next().await.1);
    }
    table.finished(&end);

    testbed
        .emulator
        .with_tenant(|tenant| tenant.set("person.7@contoso.example", "jobTitle", "Analyst"))
        .unwrap();
    let delta = |id: &str, cursor: &serde_json::Value| {
        sync(id, json!({ "what": "users", "mode": "delta", "cursor": cursor }))
    };
    testbed.publisher.event(&delta("changes", &end["cursor"])).await;
    let changes = end_of(&mut testbed, "changes").await;
    assert_eq!((&changes["mode_done"], &changes["complete"]), (&json!("delta"), &json!(true)), "{changes}");
    assert_eq!(changes["rows"], 1, "{changes}");
    let (_, page) = pages.next().await;
    let row = &page["data"]["rows"][0];
    assert_eq!((&row["kind"], &row["job_title"]), (&json!("user"), &json!("Analyst")), "{row}");
    table.page(&page);
    table.finished(&changes);
    assert_eq!(table.people(), everybody(&testbed), "a delta deletes nobody who did not change");

    testbed.emulator.with_tenant(Tenant::expire_delta_tokens);
    testbed.publisher.event(&delta("forgotten", &changes["cursor"])).await;
    let full = end_of(&mut testbed, "forgotten").await;
    assert_eq!((&full["mode"], &full["mode_done"]), (&json!("delta"), &json!("full")), "{full}");
    assert_eq!(full["notes"][0]["code"], "token_expired", "{full}");
    assert_eq!((&full["rows"], &full["complete"]), (&json!(120), &json!(true)));

    for cursor in [json!("tampered"), json!(format!("{}A", full["cursor"].as_str().unwrap()))] {
        testbed.publisher.event(&delta("tampered", &cursor)).await;
        let refused = end_of(&mut testbed, "tampered").await;
        assert_eq!(refused["state"], "rejected", "{refused}");
        assert_eq!(refused["failure"]["code"], "cursor_damaged", "{refused}");
    }
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_sync_of_licences_sends_who_has_them_what_was_bought_and_the_sums() {
    let licensed =
        |name: &str| User::new(&format!("{name}@contoso.example"), name).located("GB").licensed("SPE_E3");
    let tenant = Tenant::empty()
        .sku(Sku::new("SPE_E3", 10))
        .user(licensed("ada"))
        .user(licensed("edsger").disabled())
        .user(User::new("grace@contoso.example", "grace"));
    let prices = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(prices.path(), "SPE_E3,36.00,EUR\n").unwrap();
    let prices = prices.path().display();
    let mut testbed = Testbed::with(tenant).set("TENANTS__CONTOSO__SYNC__PRICES_FILE", prices).build().await;
    let mut worker = testbed.worker().await;
    let mut pages = testbed.pages(None).await;
    testbed.publisher.event(&sync("licences", json!({ "what": "licenses" }))).await;
    let end = end_of(&mut testbed, "licences").await;
    assert_eq!((&end["state"], &end["complete"]), (&json!("succeeded"), &json!(true)), "{end:#}");
    let totals = &end["totals"];
    assert_eq!(
        (&totals["people"], &totals["licensed"], &totals["skus"]),
        (&json!(3), &json!(2), &json!(1)),
        "{end:#}"
    );
    let mut rows = BTreeMap::new();
    for _ in 0..end["pages"].as_u64().unwrap() {
        let (key, page) = pages.next().await;
        rows.insert(key, page["data"]["rows"].clone());
    }
    assert_eq!(rows["licenses.license_assignment"].as_array().unwrap().len(), 2);
    let waste = &rows["licenses.waste"][0];
    assert_eq!(waste["user_principal_name"], "edsger@contoso.example", "{waste}");
    assert_eq!(totals["unused_cost"], json!({ "EUR": "288.00" }), "{totals}");
    let sku = &rows["licenses.sku"][0];
    assert_eq!(
        (&sku["part_number"], &sku["purchased"], &sku["assigned"], &sku["unassigned"]),
        (&json!("SPE_E3"), &json!(10), &json!(2), &json!(8)),
        "{sku}"
    );
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_delta_that_ends_in_the_middle_counts_only_the_pages_of_the_full_pass() {
    let mut testbed = Testbed::with(tenant(430)).build().await;
    let mut worker = testbed.worker().await;
    let mut pages = testbed.pages(None).await;
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    for number in 0..430 {
        let name = format!("person.{number}@contoso.example");
        testbed.emulator.with_tenant(|tenant| tenant.set(&name, "officeLocation", "O".repeat(100))).unwrap();
    }
    // Pages of changes have been sent by then.
    testbed.emulator.fault(Fault::status(410).path("*/users/delta*").nth(4));
    let delta = json!({ "what": "users", "mode": "delta", "cursor": end["cursor"] });
    testbed.publisher.event(&sync("interrupted", delta)).await;
    let end = end_of(&mut testbed, "interrupted").await;
    assert_eq!((&end["mode_done"], &end["complete"]), (&json!("full"), &json!(true)), "{end}");
    let (mut modes, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    let count = end["pages"].as_u64().unwrap();
    while (numbers.len() as u64) < count {
        let (_, page) = pages.next().await;
        if page["causationid"] == "interrupted" {
            modes.insert(page["data"]["mode"].as_str().unwrap().to_owned());
        }
        if page["data"]["generation"] == end["generation"] {
            numbers.insert(page["data"]["number"].as_u64().unwrap());
        }
    }
    assert_eq!(modes.len(), 2, "changes were sent before: {modes:?}");
    assert_eq!(numbers, (1..=count).collect(), "{end}");
    assert_eq!((&end["rows"], pages.waiting().await), (&json!(430), 0));
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn what_could_not_be_seen_is_no_reason_to_delete_it() {
    let blind = Application::default().roles(&["User.Read.All", "LicenseAssignment.Read.All"]);
    let mut testbed = Testbed::with(tenant(5).application(blind)).build().await;
    let mut worker = testbed.worker().await;
    let _pages = testbed.pages(None).await;
    testbed.publisher.event(&sync("people", json!({ "what": "users", "sign_ins": true }))).await;
    let end = end_of(&mut testbed, "people").await;
    assert_eq!((&end["state"], &end["kinds"]), (&json!("partial"), &json!(["user"])), "{end}");
    testbed.publisher.event(&sync("licences", json!({ "what": "licenses" }))).await;
    let end = end_of(&mut testbed, "licences").await;
    assert_eq!(end["kinds"], json!(["license_assignment", "sku", "waste"]), "{end}");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn totals_alone_need_nobody_who_listens_and_allow_to_delete_nothing() {
    let mut testbed = Testbed::with(tenant(30)).build().await;
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&sync("totals", json!({ "what": "users", "detail": "none" }))).await;
    let end = end_of(&mut testbed, "totals").await;
    assert_eq!(
        (&end["pages"], &end["rows"], &end["totals"]["people"]),
        (&json!(0), &json!(0), &json!(30)),
        "{end}"
    );
    assert_eq!(end["complete"], false);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn publish_waits_for_the_end_of_a_sync() {
    let mut testbed = Testbed::with(tenant(30)).build().await;
    let mut worker = testbed.worker_of("sync").await;
    let file =
        testbed.file("sync.json", &sync("waited", json!({ "what": "users", "detail": "none" })).to_string());
    let published = testbed.gatehouse(&["publish", "--wait", &file.display().to_string()]).await;
    let text = format!("{}{}", published.stdout, published.stderr);
    assert!(text.contains("published gatehouse.sync.requested.v1 as run"), "{text}");
    assert!(text.contains("people 30"), "{text}");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_of_one_queue_leaves_the_other_alone() {
    let mut testbed = Testbed::with(tenant(30)).build().await;
    let _pages = testbed.pages(None).await;
    let leaver = system_tests::events::offboarding("leaver", json!({ "upn": "person.3@contoso.example" }));
    let leaver = system_tests::events::with(leaver, "mode", "plan");
    let mut syncs = testbed.worker_of("sync").await;
    testbed.publisher.event(&leaver).await;
    testbed.publisher.event(&users("all")).await;
    end_of(&mut testbed, "all").await;
    assert_eq!(testbed.depth("workflows").await, 1);
    assert_eq!(syncs.terminate().await, Some(0));

    let mut workflows = testbed.worker_of("workflows").await;
    testbed.publisher.event(&users("again")).await;
    while testbed.results.next().await.key != "run.planned" {}
    assert_eq!(testbed.depth("sync").await, 1);
    workflows.answers("/readyz", 200).await;
    assert_eq!(workflows.terminate().await, Some(0));
    let worker = testbed.worker().await;
    end_of(&mut testbed, "again").await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
