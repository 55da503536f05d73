//! Totals: they agree with every report, and come from none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{APPS, PLATFORMS, ago, crowd, desk, on, switch, table};
use crate::harness::{Desk, read};

async fn totals(desk: &Desk, query: &str) -> Value {
    let control = format!("{}/_emulator/reports/totals{query}", desk.emulator.url());
    read(desk.http.get(control).send().await.unwrap()).await.1
}

#[tokio::test]
async fn what_was_used_in_all_days_is_what_the_files_say() {
    for seed in [1, 7, 23] {
        let desk = desk(crowd(seed, 600)).await;
        switch(&desk, json!({ "header_only": [ago(9)], "restated": { ago(12).to_string(): ago(3) } })).await;
        let totals = totals(&desk, "").await;
        let days = totals["days"].as_array().unwrap();
        assert_eq!(days.len(), 25, "27 days back, two late, one without rows");
        let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut suite: BTreeMap<String, u64> = BTreeMap::new();
        for day in days {
            let file = on(&desk, day["day"].as_str().unwrap().parse().unwrap()).await;
            assert_eq!(day["rows"], file.rows.len());
            assert_eq!(day["refresh_date"], file.column("Report Refresh Date")[0]);
            for app in APPS {
                assert_eq!(day["apps"][app], file.yes(app), "{app}");
            }
            for platform in PLATFORMS {
                assert_eq!(day["platforms"][platform], file.yes(platform), "{platform}");
            }
            for row in &file.rows {
                let upn = &row["User Principal Name"];
                let yes = row.iter().filter(|(_, value)| *value == "Yes");
                for (column, _) in yes {
                    used.entry(column.clone()).or_default().insert(upn.clone());
                }
                let has_suite = APPS[..5].iter().any(|app| row[*app] == "Yes");
                *suite.entry(upn.clone()).or_default() += u64::from(has_suite);
            }
        }
        let people = |column: &str| used.get(column).map_or(0, BTreeSet::len);
        for app in APPS {
            assert_eq!(totals["apps"][app]["people"], people(app), "{app}");
            for platform in PLATFORMS {
                let column = format!("{app} ({platform})");
                assert_eq!(totals["apps"][app]["platforms"][platform], people(&column), "{column}");
            }
        }
        let with_suite = suite.values().filter(|days| **days > 0);
        assert_eq!(totals["suite"]["people"], with_suite.count());
        assert_eq!(totals["suite"]["days"], suite.values().sum::<u64>());
        assert_eq!(totals["people"], suite.len());
    }
}

#[tokio::test]
async fn the_counts_of_the_service_are_the_rows_of_each_day() {
    let desk = desk(crowd(7, 600)).await;
    switch(&desk, json!({ "unknown_one_in": 20 })).await;
    let totals = totals(&desk, &format!("?first={}&last={}", ago(8), ago(3))).await;
    let counts = table(&desk, "getM365AppUserCounts(period='D30')").await;
    let days = totals["days"].as_array().unwrap();
    assert_eq!(days.len(), 6);
    assert!(totals["unknown"].as_u64().unwrap() > 10);
    for day in days {
        let row = counts.rows.iter().find(|row| row["Report Date"] == day["day"].as_str().unwrap()).unwrap();
        for app in APPS {
            assert_eq!(row[app], day["apps"][app].to_string());
        }
    }
}
