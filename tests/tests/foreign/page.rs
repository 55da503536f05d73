//! The page of a sync in a browser: its figures are those of the rows, and nothing keeps people from reading it.

use std::collections::BTreeMap;
use std::path::Path;

use msgraph_emulator::{Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::repository;
use system_tests::worker_process::fetch;
use tokio::process::Command;

use crate::bench::Bench;
use crate::run;

/// Everybody's licences, one that nobody has, one that has too many people, and one with a name that is no name.
fn tenant() -> Tenant {
    let people = (0..11).fold(Tenant::contoso(), |tenant, number| {
        let department = match number {
            0..3 => "Few <b>&amp;",
            3..5 => "Two",
            _ => "Kitchen & \"Canteen\" <i>",
        };
        let upn = format!("u{number}@contoso.example");
        tenant.user(User::new(&upn, "Somebody").with("department", department))
    });
    let odd = Sku::new("<script>alert('odd')</script>", 7).plan("ODD");
    people.sku(odd).crowd(5, 2_000).lifelike()
}

/// What the browser finds on each page.
async fn look(pages: &[String]) -> Vec<Value> {
    let folder = |variable: &str| {
        let path = std::env::var(variable);
        let path = path.unwrap_or_else(|_| panic!("{variable} is not set: run `make test-foreign`"));
        Path::new(&repository::root()).join(path)
    };
    let (tools, shots) = (folder("FOREIGN_BROWSER"), folder("FOREIGN_SCREENSHOTS"));
    std::fs::create_dir_all(&shots).unwrap();
    let mut node = Command::new("node");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let chromium =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    let chromium = chromium.expect("found no chromium: run `make test-foreign`");
    node.arg(tools.join("look.mjs")).arg(chromium).arg(&shots).args(pages);
    let printed = run(node, "").await;
    let found: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(found.len(), pages.len());
    found
}

/// A number as the page writes it.
fn grouped(number: &Value) -> String {
    let digits = number.as_i64().unwrap().to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    groups.into_iter().map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join(",")
}

/// The rows of a figure by their first cell.
fn rows(found: &Value, figure: &str) -> BTreeMap<String, Vec<String>> {
    let rows = found["content"]["figures"][figure]["rows"].as_array().unwrap();
    let texts = |row: &Value| -> Vec<String> { serde_json::from_value(row.clone()).unwrap() };
    rows.iter().map(texts).map(|mut row| (row.remove(0), row)).collect()
}

/// The rows of a file, of one kind.
fn of_kind(bench: &Bench, file: &str, kind: &str) -> Vec<Value> {
    let text = bench.text(file);
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == kind).collect()
}

#[tokio::test]
async fn a_page_says_what_the_rows_say_and_everybody_can_read_it() {
    let bench = Bench::of(tenant());
    let mut pages = Vec::new();
    for sync in ["licenses", "users"] {
        pages.push(bench.name(&format!("{sync}.html")));
        bench.sync(&[sync, "--out", &bench.name(&format!("{sync}.ndjson"))]).await.ok();
        bench.sync(&[sync, "--out", pages.last().unwrap()]).await.ok();
    }
    let files = ["licenses.html", "licenses.ndjson", "users.html", "users.ndjson"];
    assert_eq!(bench.files(), files, "a page is one file");
    let totals = bench.report(&["licenses"]).await["totals"].clone();
    let found = look(&pages).await;
    let tiles =
        [("People with a licence", "licensed"), ("Seats in use", "assigned"), ("Unused seats", "unassigned")];
    for (tile, total) in tiles {
        assert_eq!(found[0]["content"]["tiles"][tile], grouped(&totals[total]), "{tile}");
    }
    for page in &found {
        can_be_read(page);
    }
    licenses(&bench, &found[0]);
    people(&bench, &found[1]);
}

/// What the tenant counts from one day to another, without any report.
async fn truth(bench: &Bench, first: &str, last: &str) -> Value {
    let host = bench.emulator.url().replace("http://", "");
    let path = format!("/_emulator/reports/totals?first={first}&last={last}");
    let (status, body) = fetch(&host, &path).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_page_of_usage_says_what_the_rows_and_the_tenant_say() {
    let reports = ["Reports.Read.All", "ReportSettings.Read.All"];
    let roles =
        [&reports[..], &["LicenseAssignment.Read.All", "User.Read.All", "Organization.Read.All"]].concat();
    let bench = Bench::with(tenant(), &roles);
    let missing = bench.emulator.with_tenant(|tenant| {
        let switches = tenant.report_switches();
        switches.unknown_one_in = 100;
        let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let day = day.saturating_sub(jiff::Span::new().days(5));
        switches.header_only.insert(day);
        day.to_string()
    });
    let page = bench.name("usage.html");
    bench.sync(&["usage", "--days", "7", "--out", &bench.name("usage.ndjson")]).await.ok();
    bench.sync(&["usage", "--days", "7", "--out", &page]).await.ok();
    let everything = bench.name("report.html");
    bench.sync(&["report", "--days", "7", "--out", &everything]).await.ok();
    let mut pages = look(&[page, everything]).await;
    pages.iter().for_each(can_be_read);
    let (found, report) = (pages.remove(0), pages.remove(0));
    for figure in ["apps", "platforms", "days", "departments", "licensed"] {
        assert_eq!(rows(&report, figure), rows(&found, figure), "{figure}");
    }
    for figure in ["utilisation", "renewal", "unused", "wasted", "accounts", "people-by-department"] {
        assert!(!rows(&report, figure).is_empty(), "{figure}");
    }

    let apps = of_kind(&bench, "usage.ndjson", "usage_app");
    let window = |key: &str| apps[0][key].as_str().unwrap().to_owned();
    let truth = truth(&bench, &window("from"), &window("to")).await;
    let names = ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"];
    let (of_apps, of_platforms) = (rows(&found, "apps"), rows(&found, "platforms"));
    for name in names {
        let people = |platform: &str| {
            let is_it = |row: &&Value| row["app"] == name.to_lowercase() && row["platform"] == platform;
            grouped(&apps.iter().find(is_it).unwrap()["people"])
        };
        assert_eq!(of_apps[name][0], people("any"), "{name}");
        assert_eq!(of_apps[name][0], grouped(&truth["apps"][name]["people"]), "{name}");
        let places = ["windows", "mac", "mobile", "web", "unknown"].map(people);
        assert_eq!(of_platforms[name], places, "{name}");
        let known = ["Windows", "Mac", "Mobile", "Web"]
            .map(|place| grouped(&truth["apps"][name]["platforms"][place]));
        assert_eq!(of_platforms[name][..4], known, "{name}");
    }
    assert_eq!(of_apps["Suite, without Teams"][0], grouped(&truth["suite"]["people"]));
    days(&bench, &found, &truth, &missing);

    let groups = of_kind(&bench, "usage.ndjson", "usage_group");
    let of_groups = rows(&found, "departments");
    assert_eq!(of_groups.len(), groups.len());
    for group in groups.iter().filter(|group| group["smaller"] == 0 && group["group"] != "(none)") {
        let numbers = ["people", "active", "suite", "teams"].map(|key| grouped(&group[key]));
        assert_eq!(of_groups[group["group"].as_str().unwrap()], numbers);
    }
    assert!(!bench.text("usage.html").contains("Few "), "three people are too few");
}

/// Each day as its row and the tenant have it, and the missing one as missing.
fn days(bench: &Bench, page: &Value, truth: &Value, missing: &str) {
    let of_days = rows(page, "days");
    assert_eq!((of_days.len(), &of_days[missing][0]), (7, &"no report".to_owned()));
    for row in of_kind(bench, "usage.ndjson", "usage_day").iter().filter(|row| row["state"] == "read") {
        let date = row["date"].as_str().unwrap();
        let numbers = ["people", "suite", "teams"].map(|key| grouped(&row[key]));
        assert_eq!(of_days[date], numbers, "{date}");
        let day = truth["days"].as_array().unwrap().iter().find(|day| day["day"] == date).unwrap();
        let counted = [&day["people"], &day["suite"], &day["apps"]["Teams"]].map(grouped);
        assert_eq!(of_days[date], counted, "{date}");
    }
    let unseen = page["content"]["unseen"].to_string();
    assert!(unseen.contains(missing) && unseen.contains("(Unknown)"), "{unseen}");
}

/// Nothing is broken, nothing leaves the window, axe finds nothing, and paper is white.
fn can_be_read(page: &Value) {
    let looks = page["looks"].as_array().unwrap();
    assert_eq!(looks.len(), 6);
    for look in looks {
        assert_eq!((&look["problems"], &look["violations"]), (&json!([]), &json!([])), "{look}");
        assert!(look["widest"].as_u64() <= look["width"].as_u64(), "{look}");
        let is_dark = look["background"] != "rgb(255, 255, 255)";
        assert_eq!(is_dark, look["colorScheme"] == "dark", "{look}");
    }
    assert_eq!(page["content"]["scripts"], 0);
    assert_eq!(page["paper"], "rgb(255, 255, 255)");
    assert!(page["printed"].as_u64() > Some(10_000), "{}", page["printed"]);
    assert_eq!(page["stopped"], "img-src", "the policy stops what is not of the page");
}

fn licenses(bench: &Bench, page: &Value) {
    let skus = of_kind(bench, "licenses.ndjson", "sku");
    let paid: Vec<_> = skus.iter().filter(|sku| sku["class"] == "paid").collect();
    let utilisation = rows(page, "utilisation");
    assert_eq!(utilisation.len(), paid.len());
    let name = |sku: &Value| match sku["name"].as_str() {
        Some(name) => name.to_owned(),
        None => {
            format!("{} (part number; Microsoft's list has no name)", sku["part_number"].as_str().unwrap())
        }
    };
    for sku in &paid {
        let numbers = ["assignable", "assigned", "unassigned", "over_assigned"].map(|key| grouped(&sku[key]));
        assert_eq!(utilisation[&name(sku)][..4], numbers, "{sku}");
    }
    assert!(utilisation.keys().any(|name| name.starts_with("<script>alert('odd')</script>")));

    let unused: BTreeMap<_, _> = paid
        .iter()
        .filter(|sku| sku["unassigned"] != 0)
        .map(|sku| (name(sku), vec![grouped(&sku["unassigned"])]))
        .collect();
    assert_eq!(rows(page, "unused"), unused);
    let wasted = ["blocked", "included_in_another", "group_errors"];
    let expected: BTreeMap<_, _> = paid
        .iter()
        .filter(|sku| wasted.iter().any(|key| sku[*key] != 0))
        .map(|sku| (name(sku), wasted.map(|key| grouped(&sku[key])).to_vec()))
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(rows(page, "wasted"), expected);
    // The rows of waste, counted by hand, are the same.
    let waste = of_kind(bench, "licenses.ndjson", "waste");
    let blocked = waste.iter().filter(|row| row["reason"] == "blocked_account").count();
    let of_page: i64 = paid.iter().map(|sku| sku["blocked"].as_i64().unwrap()).sum();
    assert_eq!(of_page, i64::try_from(blocked).unwrap());

    let purchases = of_kind(bench, "licenses.ndjson", "subscription");
    let renewal = page["content"]["figures"]["renewal"]["rows"].as_array().unwrap();
    assert_eq!(renewal.len(), purchases.len());
}

fn people(bench: &Bench, page: &Value) {
    let users = of_kind(bench, "users.ndjson", "user");
    let count =
        |is_one: &dyn Fn(&Value) -> bool| grouped(&json!(users.iter().filter(|user| is_one(user)).count()));
    let accounts = rows(page, "accounts");
    assert_eq!(page["content"]["tiles"]["People and accounts"], grouped(&json!(users.len())));
    assert_eq!(accounts["Can sign in"][0], count(&|user| user["account_enabled"] == true));
    assert_eq!(accounts["Guests"][0], count(&|user| user["user_type"] == "Guest"));
    assert_eq!(accounts["Mastered on premises"][0], count(&|user| user["on_premises_sync_enabled"] == true));

    let mut departments: BTreeMap<&str, u64> = BTreeMap::new();
    for department in users.iter().filter_map(|user| user["department"].as_str()) {
        *departments.entry(department).or_default() += 1;
    }
    let shown = rows(page, "people-by-department");
    let large = departments.iter().filter(|(_, people)| **people >= 5);
    for (department, people) in large.clone() {
        assert_eq!(shown[*department][0], grouped(&json!(people)), "{department}");
    }
    assert!(shown.contains_key("Kitchen & \"Canteen\" <i>"));
    let small = departments.iter().filter(|(_, people)| **people < 5);
    assert!(!shown.contains_key("Few <b>&amp;"), "three people are too few");
    let label = format!("({} smaller departments)", small.clone().count());
    assert_eq!(shown[&label][0], grouped(&json!(small.map(|(_, people)| people).sum::<u64>())));
    assert_eq!(shown.len(), large.count() + 2, "and who has none");
}
