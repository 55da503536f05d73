//! Deliveries: settled once, or delivered again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc};

use crate::support::{Act, Running, id, with_broker, within};

#[tokio::test]
async fn a_settled_message_is_gone() {
    with_broker(async |fixture| {
        fixture.publish_work("m-1").await;
        let mut running = fixture.start();
        assert_eq!(id(&running.next_settled().await), "m-1");
        assert_eq!(running.stop().await.abandoned, 0);
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_receipt_that_is_dropped_brings_the_message_again() {
    with_broker(async |fixture| {
        fixture.publish_work("m-1").await;
        let mut running = fixture.start();
        drop(running.next().await);
        running.recorder.wait_for("session ended receipt_dropped", 1).await;
        let again = running.next_settled().await;
        assert!(again.redelivered, "{again:?}");
        assert_eq!(id(&again), "m-1");
        running.stop().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_handler_ends_only_its_session() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.prefetch = 1.try_into().unwrap();
        let (sender, deliveries) = mpsc::unbounded_channel();
        let panicked = AtomicBool::new(false);
        let handler = Act(move |delivery, publisher| {
            let first = !panicked.swap(true, Ordering::SeqCst);
            let sender = sender.clone();
            async move {
                assert!(!first, "the panic of this test");
                sender.send((delivery, publisher)).unwrap();
            }
        });
        fixture.publish_work("m-1").await;
        fixture.publish_work("m-2").await;
        let mut running = Running::with_handler(settings, handler, deliveries);
        running.recorder.wait_for("session ended handler_panicked", 1).await;
        // There is one permit, so a leaked one would block the next delivery.
        let mut ids =
            vec![id(&running.next_settled().await).to_owned(), id(&running.next_settled().await).to_owned()];
        ids.sort();
        assert_eq!(ids, ["m-1", "m-2"]);
        assert_eq!(running.recorder.count("panicked"), 1);
        let recorder = Arc::clone(&running.recorder);
        assert_eq!(running.stop().await.abandoned, 0);
        assert_eq!(recorder.count("in flight +1"), recorder.count("in flight -1"));
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_panic_after_the_message_is_settled_ends_nothing() {
    with_broker(async |fixture| {
        let (sender, deliveries) = mpsc::unbounded_channel();
        let settled = AtomicBool::new(false);
        let handler = Act(move |delivery: broker::Delivery, publisher| {
            let sender = sender.clone();
            let bad = !settled.swap(true, Ordering::SeqCst);
            async move {
                if bad {
                    delivery.split().1.ack().await.unwrap();
                    panic!("the panic of this test");
                }
                sender.send((delivery, publisher)).unwrap();
            }
        });
        let mut running = Running::with_handler(fixture.settings.clone(), handler, deliveries);
        fixture.publish_work("bad").await;
        running.recorder.wait_for("panicked", 1).await;
        fixture.publish_work("good").await;
        assert_eq!(id(&running.next_settled().await), "good");
        assert_eq!(running.recorder.count("session started"), 1);
        running.stop().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn no_more_handlers_run_at_once_than_asked_for() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.prefetch = 3.try_into().unwrap();
        for number in 0..9 {
            fixture.publish_work(&format!("m-{number}")).await;
        }
        let gate = Arc::new(Semaphore::new(0));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = (Arc::clone(&gate), Arc::clone(&now), Arc::clone(&most));
        let handler = Act(move |delivery: broker::Delivery, _| {
            let (gate, now, most) = (Arc::clone(&seen.0), Arc::clone(&seen.1), Arc::clone(&seen.2));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                delivery.split().1.ack().await.unwrap();
            }
        });
        let running = Running::with_handler(settings, handler, mpsc::unbounded_channel().1);
        running.recorder.wait_for("in flight +1", 3).await;
        assert_eq!(running.recorder.count("in flight +1"), 3);
        gate.add_permits(9);
        running.recorder.wait_for("in flight -1", 9).await;
        assert_eq!(most.load(Ordering::SeqCst), 3);
        running.stop().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn readiness_follows_the_session() {
    with_broker(async |fixture| {
        let running = fixture.start();
        running.recorder.wait_for("session started", 1).await;
        let readiness = running.readiness.clone();
        assert!(readiness.is_ready());
        running.stop().await;
        assert!(!readiness.is_ready());
        let mut nowhere = fixture.settings.clone();
        nowhere.url = "amqp://127.0.0.1:9".to_owned().into();
        nowhere.connect_timeout = Duration::from_secs(2);
        let running = Running::start(nowhere);
        running.recorder.wait_for("session failed unreachable", 2).await;
        assert!(!running.readiness.is_ready());
        within("the consumer to stop without a broker", running.stop()).await;
    })
    .await;
}
