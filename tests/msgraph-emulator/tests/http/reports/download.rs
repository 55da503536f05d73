//! Files: on another host, without a token, good for some minutes, and made while they are sent.

use serde_json::json;

use super::{Table, address, crowd, csv, desk, on, switch, three, wednesday};

#[tokio::test]
async fn a_file_is_on_another_host_that_refuses_a_token() {
    let desk = desk(three()).await;
    let address = address(&desk, "getEmailActivityUserDetail(period='D7')").await;
    assert!(address.starts_with("http://127.0.0.2:"), "{address}");
    assert!(desk.emulator.url().starts_with("http://127.0.0.1:"));
    let with_token = desk.http.get(&address).bearer_auth(&desk.token).send().await.unwrap();
    assert_eq!(with_token.status(), 401);
    assert_eq!(desk.http.get(&address).send().await.unwrap().status(), 200);
    assert_eq!(desk.http.delete(&address).send().await.unwrap().status(), 405);

    // Neither host does the work of the other.
    let (host, path) = address.split_once("/data/").unwrap();
    let at_graph = format!("{}/data/{path}", desk.emulator.url());
    assert_eq!(desk.http.get(at_graph).send().await.unwrap().status(), 401);
    for path in ["/v1.0/users", "/_emulator/state", "/"] {
        assert_eq!(desk.http.get(format!("{host}{path}")).send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn an_address_ends() {
    let desk = desk(three()).await;
    let address = address(&desk, "getM365AppUserDetail(period='D7')").await;
    let file = address.rsplit('/').next().unwrap();
    for wrong in ["x", "", "MTAwMHxnZXRFbWFpbA"] {
        let answer = desk.http.get(address.replace(file, wrong)).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{wrong}");
    }
    switch(&desk, json!({ "address_seconds": 0 })).await;
    assert_eq!(desk.http.get(&address).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn columns_can_be_new_and_in_another_order_and_the_mark_missing() {
    let desk = desk(three()).await;
    let report = "getM365AppUserDetail(period='D30')";
    let usual = csv(&desk, report).await;
    assert!(usual.starts_with("\u{feff}Report Refresh Date,User Principal Name,"), "{usual}");
    switch(&desk, json!({ "new_columns": true, "without_mark": true })).await;
    let other = csv(&desk, report).await;
    assert!(other.starts_with("Copilot,Teams (Web),"), "{other}");
    let (usual, other) = (Table::read(&usual), Table::read(&other));
    assert_eq!(other.head.len(), usual.head.len() + 2);
    for name in &usual.head {
        assert_eq!(usual.column(name), other.column(name), "{name}");
    }
    switch(&desk, json!({ "blank_flags": true })).await;
    let blank = csv(&desk, report).await;
    assert!(!blank.contains(",No,No,") && blank.contains(",,"), "{blank}");
}

#[tokio::test]
async fn a_large_file_comes_in_pieces_that_can_break_off() {
    let desk = desk(crowd(7, 20_000)).await;
    let report = format!("getM365AppUserDetail(date={})", wednesday());
    let whole = csv(&desk, &report).await;
    assert!(whole.len() > 1_000_000, "{}", whole.len());
    assert_eq!(Table::read(&whole).rows.len(), on(&desk, wednesday()).await.rows.len());

    desk.spoil(json!({ "path": "/data/download/", "truncate": true, "times": 1 }));
    let truncated = csv(&desk, &report).await;
    assert!(whole.starts_with(&truncated) && truncated.len() < whole.len() && !truncated.ends_with('\n'));

    desk.spoil(json!({ "path": "/data/download/", "cut": 300_000, "times": 1 }));
    let answer = desk.http.get(address(&desk, &report).await).send().await.unwrap();
    assert!(answer.bytes().await.is_err());

    desk.spoil(json!({ "path": "reports/getM365AppUserDetail", "nth": 2, "status": 503 }));
    let statuses = async || desk.request("GET", &format!("reports/{report}")).send().await.unwrap().status();
    assert_eq!([statuses().await.as_u16(), statuses().await.as_u16()], [302, 503]);
}
