//! Listings, deltas and reports of the emulator, a second reading of Graph's documentation.

use std::collections::BTreeSet;

use msgraph::{Client, DeltaStep, DeltaToken, Report, ReportSpan, User, UserFields, UserPatch};
use msgraph_emulator::{Application, Emulator, Options, Tenant};
use serde_json::{Value, json};

use crate::server::client;
use crate::testing::patient_settings;

fn emulator(tenant: Tenant) -> (Emulator, Client) {
    let roles = ["User.ReadWrite.All", "Reports.Read.All"];
    let tenant = tenant.application(Application::default().roles(&roles));
    let emulator = Emulator::start(Options::new(tenant)).unwrap();
    let client = client(patient_settings(&emulator));
    (emulator, client)
}

/// The entries of the rest of a round, and the token of the next; no token if everything has to be read again.
async fn round(client: &Client, since: Option<&DeltaToken>) -> (Vec<Value>, Option<DeltaToken>) {
    let mut round = client.reader().users_delta(&["accountEnabled"], since).unwrap();
    let mut all = Vec::new();
    loop {
        match round.next().await.unwrap().unwrap() {
            DeltaStep::Page(page) => all.extend(page.objects::<Value>().unwrap()),
            DeltaStep::End(page, token) => {
                all.extend(page.objects::<Value>().unwrap());
                assert!(round.next().await.unwrap().is_none());
                return (all, Some(token));
            }
            DeltaStep::Resync => return (all, None),
        }
    }
}

#[tokio::test]
async fn every_person_is_listed_once() {
    let (_emulator, client) = emulator(Tenant::contoso().crowd(3, 2_500));
    let mut users = client.reader().users(UserFields::of(&["displayName"])).unwrap();
    let mut ids = BTreeSet::new();
    while let Some(page) = users.next().await.unwrap() {
        let page: Vec<User> = page.objects().unwrap();
        assert!(page.len() <= 999);
        assert!(page.into_iter().all(|user| ids.insert(user.id)), "a person was listed twice");
    }
    assert_eq!(ids.len(), 2_504);
}

#[tokio::test]
async fn a_change_is_in_the_next_round_and_an_expired_token_asks_for_a_resync() {
    let (emulator, client) = emulator(Tenant::contoso().crowd(3, 250));
    let (everybody, token) = round(&client, None).await;
    assert_eq!(everybody.len(), 254);
    let ada = emulator.with_tenant(|tenant| tenant.user_id("ada@contoso.example")).unwrap().to_string();
    let patch = UserPatch { account_enabled: Some(false), ..UserPatch::default() };
    client.writer().update_user(&ada, &patch).await.unwrap();
    // A token is text: it can be stored and used again.
    let token = DeltaToken::new(token.unwrap().as_str());
    let (changes, token) = round(&client, Some(&token)).await;
    assert_eq!(changes, [json!({ "id": ada, "accountEnabled": false })]);

    emulator.with_tenant(|tenant| tenant.soft_delete(ada.parse().unwrap()));
    let (changes, token) = round(&client, token.as_ref()).await;
    assert_eq!(changes, [json!({ "id": ada, "@removed": { "reason": "changed" } })]);

    emulator.with_tenant(Tenant::expire_delta_tokens);
    assert_eq!(round(&client, token.as_ref()).await, (Vec::new(), None));
    assert_eq!(round(&client, None).await.0.len(), 253);
}

#[tokio::test]
async fn a_report_has_a_row_for_each_person() {
    let (emulator, client) = emulator(Tenant::contoso());
    for report in [Report::AppUsers, Report::ActiveUsers, Report::EmailActivity, Report::TeamsActivity] {
        let mut rows = client.reader().report(report, ReportSpan::D30).await.unwrap();
        let mut people = BTreeSet::new();
        while let Some(row) = rows.next().await.unwrap() {
            assert!(!row.is_concealed());
            row.refresh_date().unwrap();
            people.insert(row.person().to_owned());
        }
        // The administrator has no licence.
        assert_eq!(people.len(), 3, "{report:?}");
    }
    let mut rows = client.reader().report(Report::AppUsers, ReportSpan::D7).await.unwrap();
    let names = ["Report Period", "Last Activity Date", "Outlook", "Teams (Mobile)"];
    let [period, last, outlook, teams] = names.map(|name| rows.column(name).unwrap());
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!(row.number(period).unwrap(), Some(7));
    assert!(row.date(last).unwrap().is_none_or(|day| day <= row.refresh_date().unwrap()));
    assert!(row.flag(outlook).unwrap().is_some() && row.flag(teams).unwrap().is_some());

    let day = row.refresh_date().unwrap();
    emulator.with_tenant(|tenant| tenant.report_switches().inactive_rows = true);
    let mut rows = client.reader().report(Report::AppUsers, ReportSpan::On(day)).await.unwrap();
    assert!(rows.next().await.unwrap().is_some());
    drop(emulator);

    let (_emulator, client) = self::emulator(Tenant::contoso().concealing_names());
    let mut rows = client.reader().report(Report::TeamsActivity, ReportSpan::D90).await.unwrap();
    let row = rows.next().await.unwrap().unwrap();
    assert!(row.is_concealed(), "{}", row.person());
}
