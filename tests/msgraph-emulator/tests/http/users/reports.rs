//! The people whose manager a user is.

use serde_json::json;

use crate::harness::{Desk, EDSGER, GRACE, refused};

#[tokio::test]
async fn direct_reports_are_the_other_end_of_managers() {
    let desk = Desk::open().await;
    let of_grace = desk.found(&format!("users/{GRACE}/directReports")).await;
    assert_eq!(of_grace["value"][0]["displayName"], "Ada Lovelace");
    assert_eq!(of_grace["value"][0]["@odata.type"], "#microsoft.graph.user");
    let cast = desk.found(&format!("users/{GRACE}/directReports/graph.user?$select=displayName")).await;
    assert_eq!(cast["value"], json!([{ "displayName": "Ada Lovelace" }]));
    assert_eq!(desk.found(&format!("users/{EDSGER}/directReports")).await["value"], json!([]));
    refused(&desk.get("users/nobody/directReports").await, 404, "Request_ResourceNotFound", "nobody");
}
