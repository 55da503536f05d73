//! Listings of several pages, and invalid links.

use msgraph::{Page, User, UserFields};

use crate::server::{Reply, Server, json, refusal};

/// The ids on a page.
fn ids(page: &Page) -> Vec<String> {
    page.objects::<User>().unwrap().into_iter().map(|user| user.id).collect()
}

fn page(ids: &[&str], next: Option<String>) -> Reply {
    let value: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({ "@odata.type": "#microsoft.graph.group", "id": id, "displayName": null }))
        .collect();
    let body = match next {
        Some(link) => serde_json::json!({ "value": value, "@odata.nextLink": link }),
        None => serde_json::json!({ "value": value }),
    };
    json(200, &body.to_string())
}

#[tokio::test]
async fn pages_are_followed_as_graph_wrote_the_links() {
    let server = Server::start(|seen, n| {
        let next = |token: &str| {
            Some(format!("http://{}/v1.0/next?$skiptoken={token}", seen.header("host").unwrap()))
        };
        match n {
            1 => page(&["1", "2"], next("a%2Fb'c,$d")),
            2 => page(&[], next("e")),
            _ => page(&["3"], None),
        }
    })
    .await;
    let groups = server.client().reader().groups_of("u").await.unwrap();
    assert_eq!(groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    let lines: Vec<_> = server.graph_requests().iter().map(crate::server::Seen::line).collect();
    assert!(lines[0].starts_with("GET /v1.0/users/u/memberOf?$select=id,"), "{}", lines[0]);
    assert_eq!(lines[1], "GET /v1.0/next?$skiptoken=a%2Fb%27c,$d");
    assert_eq!(lines[2], "GET /v1.0/next?$skiptoken=e");
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let elsewhere = Server::start(|_, _| page(&["stolen"], None)).await;
    let same_host_other_port = format!("{}/v1.0/next", elsewhere.url);
    let links = [
        same_host_other_port,
        "http://graph.contoso.example/v1.0/next".to_owned(),
        "https://127.0.0.1/v1.0/next".to_owned(),
        "/v1.0/next".to_owned(),
        "no link".to_owned(),
    ];
    for link in links {
        let next = link.clone();
        let server = Server::start(move |_, _| page(&["1"], Some(next.clone()))).await;
        let error = server.client().reader().groups_of("u").await.err().unwrap();
        assert!(error.is_decode() && error.to_string().contains("another host"), "{link}: {error}");
        assert_eq!(server.graph_requests().len(), 1, "{link}");
    }
    assert_eq!(elsewhere.graph_requests().len(), 0);
}

#[tokio::test]
async fn a_listing_of_everybody_asks_for_the_largest_page_once() {
    let server = Server::start(|seen, n| {
        let next = format!("http://{}/v1.0/users?$skiptoken={n}", seen.header("host").unwrap());
        page(&["1"], (n < 4).then_some(next))
    })
    .await;
    let client = server.client();
    let mut users = client.reader().users(UserFields::of(&["displayName"])).unwrap();
    let mut pages = 0;
    while let Some(page) = users.next().await.unwrap() {
        assert_eq!(ids(&page).len(), 1);
        pages += 1;
    }
    let requests = server.graph_requests();
    assert_eq!((pages, requests.len()), (4, 4));
    assert_eq!(requests[0].path, "/v1.0/users?$select=id,displayName&$top=999");
    assert_eq!(requests[1].path, "/v1.0/users?$skiptoken=1");
    client.reader().sign_ins().unwrap().next().await.unwrap();
    assert_eq!(server.graph_requests()[4].path, "/v1.0/users?$select=id,signInActivity&$top=500");
}

#[tokio::test]
async fn a_listing_resumes_at_the_page_that_failed() {
    let server = Server::start(|seen, n| match n {
        1 => page(&["1"], Some(format!("http://{}/v1.0/next", seen.header("host").unwrap()))),
        2 => json(503, ""),
        3 => refusal(400, "Directory_ExpiredPageToken", "The specified page token value has expired"),
        _ => page(&["2"], None),
    })
    .await;
    let client = server.client();
    let mut users = client.reader().users(UserFields::of(&[])).unwrap();
    assert_eq!(ids(&users.next().await.unwrap().unwrap()), ["1"]);
    assert!(users.next().await.err().unwrap().is_transient());
    assert!(users.next().await.err().unwrap().is_listing_expired());
    assert_eq!(ids(&users.next().await.unwrap().unwrap()), ["2"]);
    assert!(users.next().await.unwrap().is_none());
    assert_eq!(server.graph_requests().len(), 4);
}

#[tokio::test]
async fn a_listing_whose_links_form_a_circle_ends() {
    let server = Server::start(|seen, n| {
        let next = format!("http://{}/v1.0/users?page={}", seen.header("host").unwrap(), n % 3);
        page(&[], Some(next))
    })
    .await;
    let client = server.client();
    let mut users = client.reader().users(UserFields::of(&[])).unwrap();
    let error = loop {
        match users.next().await {
            Ok(page) => assert!(page.is_some(), "it ended as if there were no circle"),
            Err(error) => break error,
        }
    };
    assert!(error.is_decode() && error.to_string().contains("does not end"), "{error}");
    assert!(server.graph_requests().len() < 12);
}

#[tokio::test]
async fn a_page_that_fails_is_requested_again() {
    let server = Server::start(|seen, n| match n {
        1 => page(&["1"], Some(format!("http://{}/v1.0/next", seen.header("host").unwrap()))),
        2 => Reply::Break,
        _ => page(&["2"], None),
    })
    .await;
    assert_eq!(server.patient_client().reader().groups_of("u").await.unwrap().len(), 2);
}
