//! The client of command-line tools: publish, listen, count.

use broker::{Client, Outgoing};

use crate::{
    proxy::Proxy,
    support::{amqp_url, id, with_broker, with_id, within},
};

#[tokio::test]
async fn results_are_heard_from_the_moment_of_listening() {
    with_broker(async |fixture| {
        let mut all = fixture.client.results(&["#"]).await.unwrap();
        let mut some = fixture.client.results(&["run.*", "operator.replayed"]).await.unwrap();
        for key in ["step.changed", "run.succeeded", "operator.replayed"] {
            fixture.publish(&with_id(Outgoing::result(key, "{}"), key)).await;
        }
        for key in ["step.changed", "run.succeeded", "operator.replayed"] {
            assert_eq!(id(&within("a result", all.next()).await.unwrap()), key);
        }
        for key in ["run.succeeded", "operator.replayed"] {
            assert_eq!(id(&within("a result", some.next()).await.unwrap()), key);
        }
        all.close().await;
        some.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_listener_reports_a_lost_connection() {
    with_broker(async |fixture| {
        let proxy = Proxy::start(&amqp_url()).await;
        let mut settings = fixture.settings.clone();
        settings.url = proxy.url.clone().into();
        let client = Client::connect(&settings).await.unwrap();
        let mut results = client.results(&["#"]).await.unwrap();
        proxy.cut();
        assert!(within("the listener to notice", results.next()).await.unwrap_err().is_session_lost());
        let lost =
            within("the publisher to notice", client.publisher().publish(&Outgoing::result("a", "{}"))).await;
        assert!(lost.unwrap_err().is_session_lost());
    })
    .await;
}

#[tokio::test]
async fn a_missing_queue_has_no_depth() {
    with_broker(async |fixture| {
        assert_eq!(fixture.client.depth("nobody.knows.this.queue").await.unwrap(), None);
        fixture.publish_work("m-1").await;
        fixture.wait_for_depth(&fixture.work_queue(), 1).await;
    })
    .await;
}
