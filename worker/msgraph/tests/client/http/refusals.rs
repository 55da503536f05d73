//! Error answers of every form, classified by status first and body second.

use msgraph::{Error, UserKey};

use crate::server::{Reply, Server, json, refusal};

async fn refused(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let server = Server::start(move |_, _| reply()).await;
    server.client().writer().set_account_enabled("1", true).await.unwrap_err()
}

#[tokio::test]
async fn an_error_answer_is_split_into_its_parts() {
    let error = refused(|| {
        json(
            400,
            r#"{"error":{"code":"Request_BadRequest","message":"Another object with the same value for property X.",
                "details":[{"code":"ObjectConflict","message":"For Ada","target":"userPrincipalName"}],
                "innererror":{"code":"outer","request-id":"r-1","innerError":{"code":"deepest"}}}}"#,
        )
    })
    .await;
    assert_eq!((error.status(), error.code()), (Some(400), "Request_BadRequest"));
    assert_eq!(error.request_id(), Some("r-1"));
    assert!(error.mentions("SAME VALUE") && error.mentions("for ada") && !error.mentions("other value"));
    assert!(error.is_already_exists() && !error.is_conflict() && !error.is_transient());
    assert_eq!(
        error.to_string(),
        "Microsoft Graph answered 400 Request_BadRequest / deepest about userPrincipalName (PATCH /users/…, request r-1)"
    );
}

#[tokio::test]
async fn the_request_id_of_the_header_is_preferred_and_ours_is_the_last_resort() {
    let error =
        refused(|| refusal(403, "Authorization_RequestDenied", "").with("request-id", "from-header")).await;
    assert_eq!(error.request_id(), Some("from-header"));
    let server = Server::start(|_, _| json(403, "")).await;
    let error = server.client().writer().revoke_sessions("1").await.unwrap_err();
    assert_eq!(error.request_id(), server.graph_requests()[0].header("client-request-id"));
}

#[tokio::test]
async fn a_body_that_says_nothing_leaves_the_status() {
    for body in ["", "<html><title>Error</title>", r#"{"error":{"code":""}}"#, r#"{"error":null}"#, "[]", "{"]
    {
        for (status, is) in [
            (401, Error::is_unauthorized as fn(&Error) -> bool),
            (403, Error::is_forbidden),
            (404, Error::is_not_found),
            (409, Error::is_conflict),
            (412, Error::is_conflict),
            (412, Error::is_transient),
            (423, Error::is_transient),
            (429, Error::is_throttled),
            (429, Error::is_transient),
            (500, Error::is_transient),
            (503, Error::is_transient),
        ] {
            let error = refused(move || json(status, body)).await;
            assert!(is(&error) && error.code().is_empty(), "{status} {body}: {error:?}");
            assert!(!error.is_ambiguous() && !error.is_credentials() && !error.is_decode());
        }
    }
}

#[tokio::test]
async fn a_code_or_id_that_could_carry_a_name_is_dropped() {
    let error = refused(|| refusal(400, "Ada Lovelace\n", "").with("request-id", "ada lovelace")).await;
    assert_eq!((error.code(), error.request_id()), ("", Some("6e9a3c1c-0001")));
}

#[tokio::test]
async fn absence_counts_from_graph_and_not_from_a_proxy() {
    let missing = || refusal(404, "Request_ResourceNotFound", "Resource '1' does not exist");
    let server = Server::start(move |_, _| missing()).await;
    let (client, ada) = (server.client(), UserKey::Upn("ada@contoso.example".into()));
    assert_eq!(client.reader().user(&ada, &[]).await.unwrap(), None);
    assert_eq!(client.reader().manager("1").await.unwrap(), None);
    assert_eq!(client.reader().group("1").await.unwrap(), None);
    client.writer().remove_member("g", "1").await.unwrap();

    for body in ["", "<html>404 Not Found</html>", r#"{"error":{"code":""}}"#] {
        let server = Server::start(move |_, _| json(404, body)).await;
        let client = server.client();
        assert!(client.reader().user(&ada, &[]).await.is_err_and(|error| error.is_not_found()), "{body}");
        assert!(client.reader().manager("1").await.is_err(), "{body}");
        assert!(client.writer().remove_member("g", "1").await.is_err(), "{body}");
    }
}
