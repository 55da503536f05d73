//! Schedules: one token in each interval, whoever offers it and however often.

use std::time::Duration;

use broker::{Client, Origin, Outgoing, Schedule};
use futures_util::future::join_all;
use lapin::options::QueueDeleteOptions;

use crate::support::{QUEUE, raw_channel, with_broker};

fn schedule(every: Duration) -> Schedule {
    Schedule { name: "contoso.users".to_owned(), queue: QUEUE.to_owned(), every }
}

async fn delete(prefix: &str, every: &str) {
    let queue = format!("{prefix}.schedule.contoso.users.{every}");
    let channel = raw_channel().await;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
}

#[tokio::test]
async fn of_tokens_offered_at_once_one_is_taken_and_fires() {
    with_broker(async |fixture| {
        let schedule = schedule(Duration::from_millis(300));
        let clients = join_all((0..4).map(async |_| {
            let client = Client::connect(&fixture.settings).await.unwrap();
            client.keep_schedule(&schedule).await.unwrap();
            client
        }))
        .await;
        let mut running = fixture.start();
        for round in 0..2 {
            let token = Outgoing::token(&schedule, format!("round {round}"));
            let offers = clients.iter().flat_map(|client| [client, client]);
            let offers = join_all(offers.map(|client| client.publisher().offer(&token))).await;
            let taken = offers.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
            assert_eq!(taken, 1);
            let message = running.next_settled().await;
            assert_eq!(message.body, format!("round {round}").into_bytes());
            assert_eq!(message.origin, Origin::Worker);
        }
        running.stop().await;
        delete(&fixture.settings.prefix, "300ms").await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_may_not_declare_offers_nothing_to_a_queue_that_is_missing() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.declare = false;
        let schedule = schedule(Duration::from_secs(300));
        let client = Client::connect(&settings).await.unwrap();
        assert!(client.keep_schedule(&schedule).await.unwrap_err().is_configuration());
        fixture.client.keep_schedule(&schedule).await.unwrap();
        client.keep_schedule(&schedule).await.unwrap();
        delete(&fixture.settings.prefix, "300s").await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_nobody_takes_comes_back_and_one_that_is_refused_says_so_at_once() {
    with_broker(async |fixture| {
        let page = Outgoing::page("users.user", "{}");
        let publisher = fixture.client.publisher();
        assert!(publisher.offer(&page).await.unwrap_err().is_unroutable());
        let bounded = crate::support::BoundedQueue::make(fixture, 1).await;
        let (queue, exchange) = (bounded.name.as_str().into(), fixture.topology.pages());
        let (options, none) =
            (lapin::options::QueueBindOptions::default(), lapin::types::FieldTable::default());
        bounded.channel.queue_bind(queue, exchange.into(), "users.#".into(), options, none).await.unwrap();
        assert!(publisher.offer(&page).await.unwrap());
        assert!(!publisher.offer(&page).await.unwrap());
        assert!(
            publisher.offer(&Outgoing::page("licenses.license", "{}")).await.unwrap_err().is_unroutable()
        );
    })
    .await;
}
