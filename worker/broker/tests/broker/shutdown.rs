//! Shutdown: takes no more messages, finishes running handlers, loses nothing.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc};

use crate::support::{Act, Running, id, with_broker, within};

#[tokio::test]
async fn running_handlers_finish_and_prefetched_messages_go_back() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.prefetch = 4.try_into().unwrap();
        for number in 0..10 {
            fixture.publish_work(&format!("m-{number}")).await;
        }
        let gate = Arc::new(Semaphore::new(0));
        let (begun, mut begins) = mpsc::unbounded_channel();
        let wait = Arc::clone(&gate);
        let handler = Act(move |delivery: broker::Delivery, _| {
            let (wait, begun) = (Arc::clone(&wait), begun.clone());
            async move {
                begun.send(()).unwrap();
                wait.acquire().await.unwrap().forget();
                delivery.split().1.ack().await.unwrap();
            }
        });
        let running = Running::with_handler(settings, handler, mpsc::unbounded_channel().1);
        for _ in 0..4 {
            within("a handler to begin", begins.recv()).await.unwrap();
        }
        let (recorder, readiness) = (Arc::clone(&running.recorder), running.readiness.clone());
        let stopping = running.ask_to_stop();
        gate.add_permits(10);
        assert_eq!(within("the consumer to stop", stopping).await.unwrap().abandoned, 0);
        assert_eq!(recorder.count("in flight -1"), recorder.count("in flight +1"));
        assert_eq!(recorder.count("session ended shutdown"), 1);
        assert!(!readiness.is_ready());
        let finished = recorder.count("in flight +1");
        fixture.wait_for_depth(&fixture.work_queue(), u32::try_from(10 - finished).unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_abandoned_and_its_message_comes_again() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.grace = Duration::from_millis(200);
        fixture.publish_work("m-1").await;
        let (begun, mut begins) = mpsc::unbounded_channel();
        let handler = Act(move |delivery: broker::Delivery, _| {
            let begun = begun.clone();
            async move {
                begun.send(()).unwrap();
                std::future::pending::<()>().await;
                drop(delivery);
            }
        });
        let running = Running::with_handler(settings, handler, mpsc::unbounded_channel().1);
        within("the handler to begin", begins.recv()).await.unwrap();
        assert_eq!(running.stop().await.abandoned, 1);
        let mut next = fixture.start();
        let again = next.next_settled().await;
        assert!(again.redelivered && id(&again) == "m-1");
        next.stop().await;
    })
    .await;
}
