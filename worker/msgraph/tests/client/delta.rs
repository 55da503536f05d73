//! Rounds of changes: up to their token, from a token, and with an expired one.

use msgraph::{DeltaStep, DeltaToken, Page, UsersDelta};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server, json, refusal};

fn page(entries: Value, seen: &Seen, link: &str, query: &str) -> Reply {
    let host = seen.header("host").unwrap();
    let link_to = format!("http://{host}/v1.0/users/delta?{query}");
    let body = json!({ "value": entries, (link): link_to });
    json(200, &body.to_string())
}

async fn step(round: &mut UsersDelta) -> DeltaStep {
    round.next().await.unwrap().unwrap()
}

/// The entries of a step that is not the last.
fn entries(step: DeltaStep) -> Vec<Value> {
    let page = match step {
        DeltaStep::Page(page) => Some(page),
        _ => None,
    };
    objects(&page.unwrap())
}

/// The entries of the last step, and its token.
fn end(step: DeltaStep) -> (Vec<Value>, DeltaToken) {
    let end = match step {
        DeltaStep::End(page, token) => Some((page, token)),
        _ => None,
    };
    let (page, token) = end.unwrap();
    (objects(&page), token)
}

fn objects(page: &Page) -> Vec<Value> {
    page.objects().unwrap()
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
    assert_eq!(entries(step(&mut round).await), [json!({ "id": "1", "displayName": "Ada" })]);
    assert!(entries(step(&mut round).await).is_empty());
    let (last, token) = end(step(&mut round).await);
    assert_eq!((&last[0]["id"], token.as_str()), (&json!("2"), "o/paque+1="));
    assert!(round.next().await.unwrap().is_none());

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
async fn a_round_from_now_on_begins_without_the_people_there_are() {
    let server = Server::start(|seen, _| page(json!([]), seen, "@odata.deltaLink", "$deltatoken=now")).await;
    let token = server.client().reader().users_delta_from_now(&["manager"]).await.unwrap();
    assert_eq!(token.as_str(), "now");
    let lines: Vec<_> = server.graph_requests().iter().map(Seen::line).collect();
    assert_eq!(lines, ["GET /v1.0/users/delta?$select=id,manager&$deltatoken=latest"]);
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
        assert!(entries(step(&mut round).await).is_empty());
        assert!(matches!(step(&mut round).await, DeltaStep::Resync));
        assert!(round.next().await.unwrap().is_none());
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
        let error = round.next().await.err().unwrap();
        assert!(error.to_string().contains(place), "{error}");
    }
    assert_eq!(end(step(&mut round).await), (Vec::new(), DeltaToken::new("t")));
}

#[tokio::test]
async fn a_round_stays_on_graph_s_host_and_takes_no_empty_token() {
    let server = Server::start(|_, _| {
        json(200, r#"{"value":[],"@odata.nextLink":"https://graph.contoso.example/v1.0/users/delta?a"}"#)
    })
    .await;
    let client = server.client();
    let mut round = client.reader().users_delta(&[], None).unwrap();
    assert!(entries(step(&mut round).await).is_empty());
    let error = round.next().await.err().unwrap();
    assert!(error.to_string().contains("another host"), "{error}");
    for token in [String::new(), "a".repeat(20_000)] {
        let refused = client.reader().users_delta(&[], Some(&DeltaToken::new(token)));
        assert!(refused.is_err_and(|error| error.to_string().contains("delta token")));
    }
    assert_eq!(server.graph_requests().len(), 1);
}
