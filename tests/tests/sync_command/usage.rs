//! Usage at a terminal and as a file: the figures are those of the tenant, and what is missing is said.

use msgraph_emulator::{Concealment, Fault, Tenant};
use serde_json::{Value, json};

use crate::bench::{Bench, ROLES};

/// Everything that a sync of usage can use.
fn roles() -> Vec<&'static str> {
    ROLES.into_iter().chain(["Reports.Read.All", "ReportSettings.Read.All"]).collect()
}

fn bench(seed: u64, people: u64) -> Bench {
    Bench::with(Tenant::contoso().crowd(seed, people).lifelike(), &roles())
}

/// Who used what, by the emulator's own count.
async fn truth(bench: &Bench, from: &Value, to: &Value) -> Value {
    let address = bench.emulator.url();
    let address = address.strip_prefix("http://").unwrap();
    let range = format!("first={}&last={}", from.as_str().unwrap(), to.as_str().unwrap());
    let (status, text) =
        system_tests::worker_process::fetch(address, &format!("/_emulator/reports/totals?{range}")).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a row says of an app on a platform in the longest window.
fn figure<'r>(rows: &'r [Value], app: &str, platform: &str, window: u64) -> &'r Value {
    let is = |row: &&Value| {
        row["kind"] == "usage_app"
            && row["app"] == app.to_lowercase()
            && row["platform"] == platform.to_lowercase()
            && row["window_days"] == window
    };
    rows.iter().find(is).unwrap()
}

#[tokio::test]
async fn totals_are_those_of_the_tenant() {
    for (seed, people, days) in [(1, 900, 28), (7, 400, 7), (23, 1_500, 12)] {
        let bench = bench(seed, people);
        let out = bench.name("usage.ndjson");
        let days_text = days.to_string();
        let data = bench.report(&["usage", "--days", &days_text, "--out", &out, "--min-group", "1"]).await;
        let totals = &data["totals"];
        assert_eq!(totals["window_state"], "complete", "{totals}");
        let truth = truth(&bench, &totals["from"], &totals["to"]).await;
        let rows = rows(&bench.text("usage.ndjson"));
        for app in ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"] {
            let (expected, any) = (&truth["apps"][app], figure(&rows, app, "any", days));
            assert_eq!(
                (&any["people"], &any["person_days"]),
                (&expected["people"], &expected["days"]),
                "{app}"
            );
            assert_eq!(figure(&rows, app, "desktop", days)["people"], expected["desktop"], "{app}");
            assert_eq!(figure(&rows, app, "unknown", days)["people"], expected["platform_unknown"], "{app}");
            for platform in ["Windows", "Mac", "Mobile", "Web"] {
                let found = &figure(&rows, app, platform, days)["people"];
                assert_eq!(found, &expected["platforms"][platform], "{app} {platform}");
            }
            assert_eq!(totals["people"][app.to_lowercase()], expected["people"]);
        }
        let suite = figure(&rows, "suite", "any", days);
        assert_eq!(suite["people"], truth["suite"]["people"]);
        assert_eq!(suite["person_days"], truth["suite"]["days"]);
        for platform in ["Windows", "Mac", "Mobile", "Web"] {
            let found = &figure(&rows, "suite", platform, days)["people"];
            assert_eq!(found, &truth["suite"]["platforms"][platform], "{platform}");
        }
        let of = |kind: &str| rows.iter().filter(move |row| row["kind"] == kind).collect::<Vec<_>>();
        let sum = |name: &str| of("usage_person").iter().map(|row| row[name].as_u64().unwrap()).sum::<u64>();
        assert_eq!(
            (sum("app_days"), sum("suite_days")),
            (truth["app_days"].as_u64().unwrap(), truth["suite"]["days"].as_u64().unwrap())
        );
        for day in truth["days"].as_array().unwrap() {
            let found =
                rows.iter().find(|row| row["kind"] == "usage_day" && row["date"] == day["day"]).unwrap();
            assert_eq!(
                (&found["people"], &found["suite"]),
                (&day["people"], &day["suite"]),
                "{}",
                day["day"]
            );
            assert_eq!((&found["word"], &found["cross_check"]), (&day["apps"]["Word"], &json!(null)));
            let used = of("usage").into_iter().filter(|row| row["date"] == day["day"]).count();
            assert_eq!(json!(used), day["people"]);
        }
        for (department, apps) in truth["departments"].as_object().unwrap() {
            let group =
                of("usage_group").into_iter().find(|row| row["group"] == department.as_str()).unwrap();
            for (app, people) in apps.as_object().unwrap() {
                assert_eq!(&group[app.to_lowercase()], people, "{department} {app}");
            }
        }
    }
}

#[tokio::test]
async fn tables_with_bars_fit_a_terminal() {
    let bench = bench(3, 1_200);
    let human = bench.sync(&["usage", "--days", "7"]).await;
    assert_eq!(human.stderr, "", "a script sees no progress");
    let human = human.ok();
    assert!(human.lines().all(|line| line.chars().count() <= 80), "{human}");
    for words in [
        "use of apps from",
        "7 of 7 days; Microsoft made the figures on",
        "Outlook",
        "█",
        "Suite, without Teams",
        "People by platform",
        "Departments",
        "of these inactive",
    ] {
        assert!(human.contains(words), "{words}: {human}");
    }
    let days = bench.sync(&["usage", "--days", "3", "--per-day"]).await.ok();
    assert!(days.contains("PowerPoint") && days.lines().all(|line| line.chars().count() <= 80), "{days}");
}

#[tokio::test]
async fn equal_figures_whether_inactive_people_have_rows_or_not() {
    let bench = bench(5, 300);
    let few = bench.report(&["usage", "--days", "5"]).await;
    bench.emulator.with_tenant(|tenant| tenant.report_switches().inactive_rows = true);
    let mut many = bench.report(&["usage", "--days", "5"]).await;
    let mut few = few;
    for data in [&mut few, &mut many] {
        data["days"].as_array_mut().unwrap().iter_mut().for_each(|day| day["rows"] = json!(0));
    }
    assert_eq!(few, many);
}

#[tokio::test]
async fn equal_figures_however_the_files_are_written() {
    let bench = bench(8, 300);
    let plain = bench.report(&["usage", "--days", "4"]).await;
    bench.emulator.with_tenant(|tenant| {
        let switches = tenant.report_switches();
        (switches.new_columns, switches.without_mark, switches.blank_flags) = (true, true, true);
    });
    assert_eq!(bench.report(&["usage", "--days", "4"]).await, plain);
}

#[tokio::test]
async fn people_are_counted_under_every_form_of_a_pseudonym_and_found_under_none() {
    let bench = bench(9, 300);
    let plain = bench.report(&["usage", "--days", "4"]).await;
    for form in [Concealment::Digits, Concealment::Guid, Concealment::UpperGuid, Concealment::Marked] {
        bench.emulator.with_tenant(|tenant| {
            let switches = tenant.report_switches();
            (switches.concealed_as, switches.always_concealed) = (form, true);
        });
        let data = bench.report(&["usage", "--days", "4"]).await;
        assert_eq!(data["totals"]["window_state"], "concealed", "{form:?}");
        assert_eq!(data["totals"]["people"], plain["totals"]["people"], "{form:?}");
        assert_eq!(data["totals"]["inactive"], 0);
    }
    bench.emulator.with_tenant(|tenant| tenant.report_switches().concealed_as = Concealment::Empty);
    let data = bench.report(&["usage", "--days", "4"]).await;
    assert_eq!(data["totals"]["window_state"], "concealed");
    assert_eq!(data["totals"]["people"], json!({}), "nobody can be told apart: unknown, and not zero");
    let suites = |data: &Value| {
        let days = data["days"].as_array().unwrap().iter();
        days.map(|day| day["suite"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(suites(&data), suites(&plain), "days have their figures");
}

#[tokio::test]
async fn where_nobody_can_be_told_apart_or_a_day_is_missing_the_terminal_says_what_is_known() {
    let bench = bench(9, 300);
    let days = bench.report(&["usage", "--days", "4"]).await["days"].clone();
    bench.emulator.with_tenant(|tenant| {
        let missing = serde_json::from_value(days[1]["date"].clone()).unwrap();
        tenant.report_switches().header_only.insert(missing);
    });
    let human = bench.sync(&["usage", "--days", "4"]).await.ok();
    let of = |words: &str| human.lines().find(|line| line.contains(words)).unwrap_or_default().to_owned();
    assert!(of("inactive on every day").trim().ends_with("unknown"), "{human}");
    assert!(of("Licences none of whose apps").trim().ends_with("unknown"), "{human}");
    assert!(human.contains("days missing") && human.contains("(it has no rows)"), "{human}");

    bench.emulator.with_tenant(|tenant| {
        let switches = tenant.report_switches();
        (switches.concealed_as, switches.always_concealed) = (Concealment::Empty, true);
    });
    let human = bench.sync(&["usage", "--days", "4"]).await.ok();
    assert!(human.lines().all(|line| line.chars().count() <= 80), "{human}");
    for (number, day) in days.as_array().unwrap().iter().enumerate() {
        let date: jiff::civil::Date = day["date"].as_str().unwrap().parse().unwrap();
        let date = date.strftime("%b %d").to_string();
        let line = human.lines().find(|line| line.trim_start().starts_with(&date)).unwrap();
        let suite = if number == 1 { "missing".to_owned() } else { day["suite"].to_string() };
        assert_eq!(line.split_whitespace().nth(2), Some(suite.as_str()), "{human}");
    }
}

#[tokio::test]
async fn a_renamed_person_is_one_person() {
    let bench = bench(10, 50);
    let out = bench.name("usage.ndjson");
    let days = ["usage", "--days", "6", "--out", &out];
    let plain = bench.report(&days).await;
    let renamed = json!([{ "user": "ada@contoso.example", "was": "ada.byron@contoso.example",
        "on": plain["days"][2]["date"] }]);
    bench.emulator.with_tenant(|tenant| {
        tenant.report_switches().renamed = serde_json::from_value(renamed).unwrap();
        // The former name is still an address.
        tenant.set("ada@contoso.example", "mail", "ada.byron@contoso.example").unwrap();
    });
    let data = bench.report(&days).await;
    let rows = rows(&bench.text("usage.ndjson"));
    let ada: Vec<_> = rows
        .iter()
        .filter(|row| row["kind"] == "usage_person" && row["display_name"] == "Ada Lovelace")
        .collect();
    assert_eq!((ada.len(), &ada[0]["found_by"]), (1, &json!("alias")), "{ada:?}");
    assert_eq!(data["totals"]["not_found"], 0);
}

#[tokio::test]
async fn a_report_that_is_refused_or_cut_leaves_no_file_and_no_short_day() {
    let bench = bench(2, 300);
    let out = bench.name("usage.ndjson");
    let report = "*/reports/getM365AppUserDetail*";
    let cut: Fault =
        serde_json::from_value(json!({ "path": "/data/download/", "nth": 5, "truncate": true })).unwrap();
    for fault in [Fault::status(403).path(report).nth(3), Fault::status(503).path(report).nth(3), cut] {
        bench.emulator.clear_faults();
        bench.emulator.fault(fault);
        let failed = bench.sync(&["usage", "--days", "5", "--out", &out]).await;
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
        assert_eq!(bench.files(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn names_that_are_concealed_are_said_with_the_clicks_that_change_it() {
    let tenant = Tenant::contoso().crowd(4, 200).lifelike().concealing_names();
    let bench = Bench::with(tenant, &roles());
    let human = bench.sync(&["usage", "--days", "3"]).await.ok();
    let words = human.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Settings > Org settings > Reports and clear"), "{human}");
    let data = bench.report(&["usage", "--days", "3"]).await;
    assert_eq!(data["totals"]["window_state"], "concealed");
    assert_eq!(data["totals"]["inactive"], 0);
    assert!(data["totals"]["people"]["suite"].as_u64() > Some(0), "{data}");
}

#[tokio::test]
async fn pseudonyms_need_a_key_and_name_nobody() {
    let bench = bench(6, 100);
    let refused = bench.sync(&["usage", "--days", "2", "--pseudonyms"]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("tenants.contoso.sync.pseudonym_key_file"), "{refused:?}");
    std::fs::write(bench.path("key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let key = ("TENANTS__CONTOSO__SYNC__PSEUDONYM_KEY_FILE", bench.name("key"));
    let out = bench.name("usage.ndjson");
    bench.sync_with(&["usage", "--days", "2", "--pseudonyms", "--out", &out], &[key]).await.ok();
    let text = bench.text("usage.ndjson");
    assert!(text.contains("\"usage_person\"") && !text.contains('@'), "{}", &text[..2_000.min(text.len())]);
}
