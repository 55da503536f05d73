//! The page of a sync, without a browser: what it never has. The browser is in the tests with foreign software.

use msgraph_emulator::{Fault, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::bench::{Bench, ROLES};

fn tenant() -> Tenant {
    (0..9).fold(Tenant::contoso(), |tenant, number| {
        let upn = format!("u{number}@contoso.example");
        tenant.user(User::new(&upn, "Somebody").with("department", "<script>alert(1)</script>"))
    })
}

#[tokio::test]
async fn a_page_names_nobody_and_asks_for_no_changes() {
    let bench = Bench::of(tenant());
    let page = bench.name("people.html");
    bench.sync(&["users", "--out", &page]).await.ok();
    bench.sync(&["licenses", "--out", &bench.name("licenses.html")]).await.ok();
    for file in ["people.html", "licenses.html"] {
        let text = bench.text(file);
        for name in ["Lovelace", "Hopper", "Somebody", "@contoso.example"] {
            assert!(!text.contains(name), "{file}: {name}");
        }
        assert!(text.starts_with("<!doctype html>") && !text.contains("<script"), "{file}");
    }
    let refused = bench.sync(&["users", "--out", &page, "--cursor-file", &bench.name("cursor")]).await;
    assert!(refused.stderr.contains("leave out one of them"), "{refused:?}");
    assert_eq!(refused.code, Some(3));
}

/// A tenant whose use can be read.
fn of_usage(tenant: Tenant) -> Bench {
    let roles: Vec<_> = ROLES.into_iter().chain(["Reports.Read.All", "ReportSettings.Read.All"]).collect();
    Bench::with(tenant, &roles)
}

/// The rows of a figure's table, cell by cell.
fn rows(html: &str, figure: &str) -> Vec<Vec<String>> {
    let (_, rest) = html.split_once(&format!("<section id=\"{figure}\"")).unwrap();
    let body = rest.split("</section>").next().unwrap().split("<tbody>").nth(1).unwrap_or_default();
    let text = |cell: &str| cell.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
    let row = |row: &str| row.split("<t").skip(1).map(text).collect();
    body.split("<tr>").skip(1).map(row).collect()
}

/// What stands in place of a figure that is unknown, and of one below a thousand.
fn shown(number: &Value) -> String {
    number.as_u64().map_or_else(|| "unknown".to_owned(), |number| number.to_string())
}

#[tokio::test]
async fn a_page_of_usage_has_the_figures_of_the_report() {
    let bench = of_usage(Tenant::contoso().crowd(7, 700).lifelike());
    let out = bench.name("usage.html");
    let data = bench.report(&["usage", "--days", "5", "--out", &out]).await;
    let html = bench.text("usage.html");
    let (apps, days) = (rows(&html, "apps"), rows(&html, "days"));
    assert_eq!((apps.len(), days.len()), (8, 5));
    for row in &apps[..6] {
        assert_eq!(row[1], shown(&data["totals"]["people"][row[0].to_lowercase()]), "{row:?}");
    }
    let most = |row: &Vec<String>| row[1].parse::<u64>().unwrap();
    assert!(apps[..6].is_sorted_by_key(|row| std::cmp::Reverse(most(row))), "the most used come first");
    assert_eq!(apps[6][1], shown(&data["totals"]["people"]["suite"]));
    assert_eq!(rows(&html, "licensed")[0][1], shown(&data["totals"]["licensed"]));
    assert!(html.contains("5 of 5 days, from "), "what was counted stands below");
    assert!(!html.contains("What could not be seen"), "nothing is missing");
}

#[tokio::test]
async fn a_page_of_concealed_or_missing_usage_says_so_and_has_what_is_there() {
    let bench = of_usage(Tenant::contoso().crowd(7, 700).lifelike().concealing_names());
    let out = bench.name("usage.html");
    bench.sync(&["usage", "--days", "3", "--out", &out]).await.ok();
    let html = bench.text("usage.html");
    assert!(html.contains("Display concealed user, group, and site names"), "how to change it");
    assert!(rows(&html, "apps").iter().all(|row| row[1].parse::<u64>().unwrap() > 0), "totals are there");

    bench.sync(&["usage", "--days", "3", "--per-day", "--out", &out]).await.ok();
    let html = bench.text("usage.html");
    assert_eq!(rows(&html, "days").len(), 3);
    assert!(!html.contains("id=\"apps\""), "nothing was counted over several days");

    bench.emulator.with_tenant(|tenant| tenant.report_switches().lag_days = 40);
    bench.sync(&["usage", "--days", "3", "--out", &out]).await.ok();
    let html = bench.text("usage.html");
    assert!(html.contains("Some days are missing") && html.contains("no day yet"), "{html}");
    assert!(!html.contains("<td class=\"number\">0<"), "nothing is called zero that is unknown");
    let data = bench.report(&["usage", "--days", "3"]).await;
    let groups = data["groups"].as_array().unwrap();
    assert!(
        groups.len() > 3 && groups.iter().all(|group| group["active"].is_null() && group["teams"].is_null())
    );
}

#[tokio::test]
async fn a_page_is_complete_or_not_there() {
    let bench = of_usage(Tenant::contoso());
    let reports = "reports/getM365AppUserDetail";
    let files = "/data/download/";
    let faults = [
        Fault::status(403).path(reports).from(2),
        Fault::status(503).path(reports).from(2),
        serde_json::from_value(json!({ "path": files, "truncate": true, "from": 2 })).unwrap(),
        serde_json::from_value(json!({ "path": files, "cut": 100, "from": 2 })).unwrap(),
    ];
    for fault in faults {
        bench.emulator.clear_faults();
        bench.emulator.fault(fault.clone());
        let failed = bench.sync(&["usage", "--days", "4", "--out", &bench.name("usage.html")]).await;
        assert_eq!(failed.code, Some(1), "{fault:?}: {failed:?}");
        assert!(bench.files().is_empty(), "{:?}", bench.files());
    }
}

#[tokio::test]
async fn one_page_has_licences_usage_and_people() {
    let bench = of_usage(tenant().crowd(7, 700).lifelike());
    for (sync, days) in [("licenses", &[][..]), ("usage", &["--days", "3"][..]), ("users", &[][..])] {
        let out = bench.name(&format!("{sync}.html"));
        bench.sync(&[&[sync, "--out", &out][..], days].concat()).await.ok();
    }
    let page = bench.name("report.html");
    let told = bench.sync(&["report", "--days", "3", "--out", &page]).await;
    for told_part in ["Unused seats", "People by platform", "a page to read is in"] {
        assert!(told.stdout.contains(told_part), "{told_part}: {told:?}");
    }
    let all = bench.text("report.html");
    assert!(bench.text("licenses.html").contains("Whether people use what they have is not counted here"));
    assert!(all.contains("Whether people use what they have is under “Licensed, and inactive”"));
    let figures = [
        ("licenses.html", &["utilisation", "renewal", "unused", "wasted"][..]),
        ("usage.html", &["apps", "platforms", "days", "departments", "licensed"][..]),
        ("users.html", &["accounts", "people-by-department"][..]),
    ];
    for (single, figures) in figures {
        let single = bench.text(single);
        for figure in figures {
            assert_eq!(all.matches(&format!("<section id=\"{figure}\"")).count(), 1, "{figure}");
            assert_eq!(rows(&all, figure), rows(&single, figure), "{figure}");
        }
    }
    let report = bench.report(&["report", "--days", "3", "--out", &page]).await;
    assert_eq!(report["licenses"], bench.report(&["licenses"]).await["totals"]);
    assert_eq!(report["users"], bench.report(&["users"]).await["totals"]);
    assert_eq!(report["usage"], bench.report(&["usage", "--days", "3"]).await["totals"]);
    bench.report(&["report", "--days", "3", "--out", &page, "--min-group", "9"]).await;
    assert!(
        bench.text("report.html").contains("Departments of 9 people or more, as the directory names them")
    );
}

#[tokio::test]
async fn a_page_that_cannot_be_written_is_refused_before_anything_is_read() {
    let bench = of_usage(Tenant::contoso());
    let page = bench.name("no-folder/report.html");
    for sync in ["users", "licenses", "usage", "report"] {
        let refused = bench.sync(&[sync, "--out", &page]).await;
        assert_eq!(refused.code, Some(3), "{sync}: {refused:?}");
        assert!(refused.stderr.contains("cannot write"), "{sync}: {refused:?}");
    }
    assert_eq!(bench.emulator.journal().len(), 0, "a pass may take ten minutes");
}

#[tokio::test]
async fn one_page_is_complete_or_not_there() {
    let bench = of_usage(Tenant::contoso());
    let page = bench.name("report.html");
    for path in ["reports/getM365AppUserDetail", "subscribedSkus", "/users"] {
        bench.emulator.clear_faults();
        bench.emulator.fault(Fault::status(403).path(path));
        let failed = bench.sync(&["report", "--days", "2", "--out", &page]).await;
        assert_eq!(failed.code, Some(1), "{path}: {failed:?}");
        assert!(bench.files().is_empty(), "{path}: {:?}", bench.files());
    }
    let refused = bench.sync(&["report", "--out", &bench.name("report.csv")]).await;
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("must end in .html"), "{refused:?}");
}

#[tokio::test]
async fn a_sum_is_of_what_has_a_price_and_a_date_is_never_broken() {
    let ada = User::new("ada@contoso.example", "Ada Lovelace").located("GB").licensed("SPE_E3");
    let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 1)).sku(Sku::new("EMS", 9_000)).user(ada);
    let bench = Bench::of(tenant);
    let (page, prices) = (bench.name("licenses.html"), bench.name("prices.csv"));
    std::fs::write(&prices, "licence,price,currency\nSPE_E3,36,USD\n").unwrap();
    let human = bench.sync(&["licenses", "--prices", &prices]).await.ok();
    assert!(human.contains("no price is known") && !human.contains("0.00"), "{human}");
    bench.sync(&["licenses", "--prices", &prices, "--out", &page]).await.ok();
    let html = bench.text("licenses.html");
    assert!(html.contains("no price is known") && !html.contains("0.00 USD"), "{html}");
    assert!(html.contains("<td class=\"date\">") && html.contains("tbody .date { white-space: nowrap; }"));

    std::fs::write(&prices, "licence,price,currency\nEMS,1234.5,USD\n").unwrap();
    let human = bench.sync(&["licenses", "--prices", &prices]).await.ok();
    bench.sync(&["licenses", "--prices", &prices, "--out", &page]).await.ok();
    for shown in [human, bench.text("licenses.html")] {
        assert!(shown.contains("11,110,500.00 USD a month"), "{shown}");
    }
}
