//! Reports in JSON: page by page, and the same as the files.

use serde_json::{Value, json};

use super::{APPS, Table, crowd, desk, on, switch, table, three, wednesday};

#[tokio::test]
async fn people_come_in_pages_of_two_hundred_and_say_what_the_file_says() {
    let desk = desk(crowd(7, 2_000)).await;
    let day = wednesday();
    let file = on(&desk, day).await;
    let mut path = format!("reports/getM365AppUserDetail(date={day})?$format=application/json");
    let (mut people, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = desk.found(&path).await;
        let values = page["value"].as_array().unwrap();
        pages.push(values.len());
        people.extend(values.iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(link) => path = link.split_once("/v1.0/").unwrap().1.to_owned(),
            None => break,
        }
    }
    let last = pages.pop().unwrap();
    assert!(pages.len() > 3 && pages.iter().all(|size| *size == 200) && last <= 200, "{pages:?} {last}");
    assert_eq!(people.len(), file.rows.len());
    for (person, row) in people.iter().zip(&file.rows) {
        same(person, row);
    }
}

/// Compares a person in JSON with a row of the file.
fn same(person: &Value, row: &std::collections::BTreeMap<String, String>) {
    assert_eq!(person["userPrincipalName"], row["User Principal Name"].as_str());
    assert_eq!(person["lastActivityDate"], row["Last Activity Date"].as_str());
    let details = person["details"].as_array().unwrap();
    assert_eq!((details.len(), details[0].as_object().unwrap().len()), (1, 35), "{person}");
    let pairs = [("windows", "Windows"), ("powerPoint", "PowerPoint"), ("oneNoteWeb", "OneNote (Web)")];
    for (small, name) in pairs.into_iter().chain([("teamsMobile", "Teams (Mobile)")]) {
        assert_eq!(details[0][small], row[name] == "Yes", "{small}");
    }
    assert_eq!(details[0]["reportPeriod"], 1);
}

#[tokio::test]
async fn a_page_is_as_large_as_asked_and_what_is_missing_is_null() {
    let desk = desk(three().concealing_names()).await;
    switch(&desk, json!({ "concealed_as": "empty", "blank_flags": true })).await;
    let path = "reports/getM365AppUserDetail(period='D7')?$format=application%2Fjson&$top=2";
    let page = desk.found(path).await;
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("&$top=2&$skiptoken="));
    assert_eq!(page["value"][0]["userPrincipalName"], Value::Null);
    let flags = page["value"][0]["details"][0].as_object().unwrap();
    assert!(flags.values().all(|flag| flag != &json!(false)));
}

#[tokio::test]
async fn counts_are_one_object_with_every_day() {
    let desk = desk(crowd(7, 800)).await;
    let page = desk.found("reports/getM365AppUserCounts(period='D30')?$format=application/json").await;
    let days = page["value"][0]["userCounts"].as_array().unwrap().clone();
    let file: Table = table(&desk, "getM365AppUserCounts(period='D30')").await;
    assert_eq!((days.len(), file.rows.len()), (30, 30));
    for (day, row) in days.iter().zip(&file.rows) {
        assert_eq!(day["reportDate"], row["Report Date"].as_str());
        let small = ["outlook", "word", "excel", "powerPoint", "oneNote", "teams"];
        for (small, app) in small.into_iter().zip(APPS) {
            assert_eq!(day[small].to_string(), row[app]);
        }
    }
    assert_eq!(page["value"][0]["reportPeriod"], 30);
}
