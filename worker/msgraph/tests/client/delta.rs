//! Rounds of changes: up to their token, from a token, and with an expired one.

use msgraph::{DeltaStep, DeltaToken, Removal, UserChange, UsersDelta};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server, json, refusal};

fn page(entries: Value, seen: &Seen, link: &str, query: &str) -> Reply {
    let host = seen.header("host").unwrap();
    let link_to = format!("http://{host}/v1.0/users/delta?{query}");
    let body = json!({ "value": entries, (link): link_to });
    json(200, &body.to_string())
}

async fn step(round: &mut UsersDelta<'_>) -> DeltaStep {
    round.next().await.unwrap().unwrap()
}

fn id_of(change: &UserChange) -> &str {
    match change {
        UserChange::Changed(user) => &user.id,
        UserChange::Removed { id, .. } => id,
    }
}

#[tokio::test]
async fn a_round_goes_from_the_first_person_to_the_token() {
    let server = Server::start(|seen, n| match n {
        1 => page(json!([{ "id": "1", "displayName": "Ada" }]), seen, "@odata.nextLink", "$skiptoken=a"),
        2 => page(json!([]), seen, "@odata.nextLink", "$skiptoken=b"),
        _ => page(json!([{ "id": "2" }]), seen, "@odata.deltaLink", "$deltatoken=o%2Fpaque+1%3D"),
    })
    .await;
    let client = server.client();
    let mut round = client.reader().users_delta(&["displayName"], None).unwrap();
    let DeltaStep::Page(first) = step(&mut round).await else { panic!("a page was expected") };
    let UserChange::Changed(ada) = &first[0] else { panic!("{first:?}") };
    assert_eq!((ada.id.as_str(), ada.display_name.as_deref()), ("1", Some("Ada")));
    assert_eq!(step(&mut round).await, DeltaStep::Page(Vec::new()));
    let DeltaStep::End(last, token) = step(&mut round).await else { panic!("the end was expected") };
    assert_eq!((id_of(&last[0]), token.as_str()), ("2", "o/paque+1="));
    assert_eq!(round.next().await.unwrap(), None);

    let lines: Vec<_> = server.graph_requests().iter().map(Seen::line).collect();
    assert_eq!(
        lines,
        [
            "GET /v1.0/users/delta?$select=id,displayName",
            "GET /v1.0/users/delta?$skiptoken=a",
            "GET /v1.0/users/delta?$skiptoken=b",
        ]
    );
    client.reader().users_delta(&[], Some(&token)).unwrap().next().await.unwrap();
    assert_eq!(server.graph_requests()[3].path, "/v1.0/users/delta?$deltatoken=o%2Fpaque%2B1%3D");
}

#[tokio::test]
async fn restorable_and_purged_people_are_distinguished() {
    let server = Server::start(|seen, _| {
        let entries = json!([
            { "id": "1", "@removed": { "reason": "changed" } },
            { "@removed": { "reason": "deleted" }, "id": "2", "displayName": null },
            { "id": "3", "@removed": {} },
            { "id": "4", "accountEnabled": false },
        ]);
        page(entries, seen, "@odata.deltaLink", "$deltatoken=t")
    })
    .await;
    let client = server.client();
    let mut round = client.reader().users_delta(&[], Some(&DeltaToken::new("s"))).unwrap();
    let DeltaStep::End(changes, _) = step(&mut round).await else { panic!("the end was expected") };
    let removals: Vec<_> = changes
        .iter()
        .map(|change| match change {
            UserChange::Changed(user) => (user.id.as_str(), None),
            UserChange::Removed { id, removal } => (id.as_str(), Some(*removal)),
        })
        .collect();
    assert_eq!(
        removals,
        [
            ("1", Some(Removal::Deleted)),
            ("2", Some(Removal::Purged)),
            ("3", Some(Removal::Deleted)),
            ("4", None)
        ]
    );
}

#[tokio::test]
async fn an_expired_token_asks_for_a_resync() {
    let refusals: [fn() -> Reply; 5] = [
        || refusal(410, "syncStateNotFound", "The sync state generation is not found."),
        || refusal(400, "SyncStateNotFound", "The sync state generation is not found."),
        || refusal(404, "resyncRequired", ""),
        || json(410, "").with("Location", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken="),
        || json(410, "<html>Gone</html>"),
    ];
    for reply in refusals {
        let server = Server::start(move |seen, n| match n {
            1 => page(json!([]), seen, "@odata.nextLink", "$skiptoken=a"),
            _ => reply(),
        })
        .await;
        let client = server.patient_client();
        let mut round = client.reader().users_delta(&[], Some(&DeltaToken::new("old"))).unwrap();
        assert_eq!(step(&mut round).await, DeltaStep::Page(Vec::new()));
        assert_eq!(step(&mut round).await, DeltaStep::Resync);
        assert_eq!(round.next().await.unwrap(), None);
        assert_eq!(server.graph_requests().len(), 2);
    }
}

#[tokio::test]
async fn an_incomplete_round_is_an_error_and_can_be_resumed() {
    let server = Server::start(|seen, n| match n {
        1 => json(200, r#"{"value":[]}"#),
        2 => page(json!([]), seen, "@odata.deltaLink", "$select=id"),
        3 => json(503, ""),
        4 => json(400, ""),
        _ => page(json!([]), seen, "@odata.deltaLink", "$deltatoken=t"),
    })
    .await;
    let client = server.client();
    let mut round = client.reader().users_delta(&[], None).unwrap();
    for place in ["`@odata.nextLink` or `@odata.deltaLink`", "`@odata.deltaLink`", "503", "400"] {
        let error = round.next().await.unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
    }
    assert_eq!(step(&mut round).await, DeltaStep::End(Vec::new(), DeltaToken::new("t")));
}

#[tokio::test]
async fn a_round_stays_on_graph_s_host_and_takes_no_empty_token() {
    let server = Server::start(|_, _| {
        json(200, r#"{"value":[],"@odata.nextLink":"https://graph.contoso.example/v1.0/users/delta?a"}"#)
    })
    .await;
    let client = server.client();
    let mut round = client.reader().users_delta(&[], None).unwrap();
    assert_eq!(step(&mut round).await, DeltaStep::Page(Vec::new()));
    let error = round.next().await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    for token in [String::new(), "a".repeat(20_000)] {
        let refused = client.reader().users_delta(&[], Some(&DeltaToken::new(token)));
        assert!(refused.is_err_and(|error| error.to_string().contains("delta token")));
    }
    assert_eq!(server.graph_requests().len(), 1);
}
