//! Passes over last sign-ins.

use directory_sync::{SignInsPass, SignInsSummary, Subject};
use msgraph_emulator::{Tenant, User};
use serde_json::{Value, json};

use crate::tenant::{Place, row};

async fn sign_ins(place: &Place) -> (Vec<Value>, SignInsSummary) {
    let mut pass = SignInsPass::begin(place.client.reader()).unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = pass.next().await.unwrap() {
        rows.extend(batch.iter().map(row));
    }
    (rows, pass.finish().unwrap())
}

#[tokio::test]
async fn only_a_successful_sign_in_counts() {
    let place = Place::of(Tenant::contoso().crowd(7, 2_000).lifelike());
    let (rows, found) = sign_ins(&place).await;
    let totals = place.totals().await;
    assert_eq!(
        (found.people, found.never),
        (totals["users"].as_u64().unwrap(), totals["never_signed_in"].as_u64().unwrap())
    );
    assert_eq!(
        rows.iter().filter(|row| row["last_successful_sign_in"].is_null()).count() as u64,
        found.never
    );
    assert!(!rows.iter().any(|row| row.to_string().contains("0001-01-01")), "the year 1 means never");
    let requests = place.requests();
    assert!(requests[0].contains("$top=500") && requests.len() == 5, "five hundred a page: {requests:?}");
}

#[tokio::test]
async fn without_premium_or_the_permission_they_are_unavailable_and_nothing_fails() {
    let place = Place::with(Tenant::contoso(), &["User.Read.All"]);
    let (rows, found) = sign_ins(&place).await;
    assert_eq!((rows.len(), found.people), (0, 0));
    let note = found.unavailable.unwrap();
    assert_eq!(note.about, Subject::SignIns);
    assert!(note.why.contains("AuditLog.Read.All") && note.why.contains("Reports Reader"), "{note}");

    let basic = json!({
        "tenantId": msgraph_emulator::TENANT_ID, "displayName": "Contoso", "verifiedDomains": ["contoso.example"],
        "withoutPremium": true,
    });
    let basic = Tenant::from_json(&basic.to_string()).unwrap();
    let place = Place::of(basic.user(User::new("ada@contoso.example", "Ada Lovelace")));
    let (_, found) = sign_ins(&place).await;
    assert!(found.unavailable.unwrap().why.contains("P1"));
}
