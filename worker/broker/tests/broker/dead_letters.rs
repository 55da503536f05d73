//! Dead letters: listed, replayed and discarded; none is lost, even when the command is stopped halfway.

use std::{num::NonZeroU32, time::Duration};

use broker::{
    Condition, DeadLetter, DeadLetters, Due, Entry, Filter, Message, Origin, Outgoing, Properties, Selection,
    Value,
};
use lapin::options::{BasicGetOptions, BasicNackOptions};

use crate::{
    proxy::Proxy,
    support::{BoundedQueue, Fixture, QUEUE, amqp_url, id, raw_channel, with_broker, with_id, within},
};

fn at_once() -> Selection {
    Selection { per_second: NonZeroU32::new(10_000).unwrap(), ..Selection::default() }
}

fn only(filter: Filter) -> Selection {
    Selection { filter, ..at_once() }
}

fn silent(_: &Entry) -> Option<Outgoing> {
    None
}

fn message(id: &str) -> Message {
    let properties = Properties { message_id: Some(id.to_owned()), ..Properties::default() };
    Message { body: vec![0, 159, 146, 150], properties, ..Message::default() }
}

async fn bury(fixture: &Fixture, id: &str, class: &str) {
    let mut letter = DeadLetter::new(class, "no licence is left");
    letter.step = Some("assign_licenses".to_owned());
    fixture.publish(&Outgoing::dead(QUEUE, &letter, &message(id))).await;
}

async fn ids(letters: &DeadLetters, filter: &Filter) -> Vec<String> {
    letters.list(filter).await.unwrap().into_iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn a_broker_that_falls_silent_ends_a_list_in_time() {
    with_broker(async |fixture| {
        let proxy = Proxy::start(&amqp_url()).await;
        let mut settings = fixture.settings.clone();
        settings.url = proxy.url.clone().into();
        settings.connect_timeout = Duration::from_millis(500);
        let letters = DeadLetters::open(&settings, QUEUE).await.unwrap();
        proxy.go_dead();
        let error = within("the list to end", letters.list(&Filter::default())).await.unwrap_err();
        assert!(error.to_string().contains("whether most nodes of its cluster run"), "{error}");
        letters.close().await;
        proxy.wait_until_left().await;
    })
    .await;
}

#[tokio::test]
async fn listing_changes_nothing_and_filters_select() {
    with_broker(async |fixture| {
        bury(fixture, "m-1", "blocked").await;
        bury(fixture, "m-2", "fault").await;
        bury(fixture, "m-3", "blocked").await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let condition = Condition::new(|entry, message| {
            entry.letter.class == "blocked" && message.body == [0, 159, 146, 150]
        });
        let blocked = Filter { condition, ..Filter::default() };
        for _ in 0..3 {
            assert_eq!(ids(&letters, &Filter::default()).await, ["m-1", "m-2", "m-3"]);
            assert_eq!(ids(&letters, &blocked).await, ["m-1", "m-3"]);
        }
        let (entry, content) = letters.get("m-3").await.unwrap().unwrap();
        assert_eq!(
            (entry.letter.queue.as_str(), entry.letter.reason.as_str()),
            (fixture.work_queue().as_str(), "no licence is left")
        );
        assert_eq!((content.body, entry.bytes), (vec![0, 159, 146, 150], 4));
        assert!(letters.get("m-4").await.unwrap().is_none());
        letters.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_sends_the_selected_messages_back_unchanged_and_announces_them() {
    with_broker(async |fixture| {
        for id in ["m-1", "m-2", "m-3"] {
            bury(fixture, id, "blocked").await;
        }
        let mut results = fixture.client.results(&["operator.*"]).await.unwrap();
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let meant = only(Filter { ids: vec!["m-1".to_owned(), "m-3".to_owned()], ..Filter::default() });
        let announce = |entry: &Entry| Some(with_id(Outgoing::result("operator.replayed", "{}"), &entry.id));
        let report = letters.replay(&meant, None, |_| None, announce).await.unwrap();
        assert_eq!(report.done, ["m-1", "m-3"]);
        assert!(report.failed.is_empty() && report.stopped.is_none() && report.examined == 3, "{report:?}");
        assert_eq!(ids(&letters, &Filter::default()).await, ["m-2"]);
        letters.close().await;
        let mut running = fixture.start();
        for wanted in ["m-1", "m-3"] {
            let back = running.next_settled().await;
            assert_eq!((id(&back), back.body.as_slice()), (wanted, [0, 159, 146, 150].as_slice()));
            assert_eq!(back.replays(), 1);
            let left: Vec<&str> = back.headers.iter().map(|(name, _)| name).collect();
            assert_eq!(left, ["gatehouse-replays"], "the headers of the dead letter are gone");
            assert_eq!(id(&within("the announcement", results.next()).await.unwrap()), wanted);
        }
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_dies_again_meanwhile_waits_for_the_next_replay() {
    with_broker(async |fixture| {
        bury(fixture, "m-1", "blocked").await;
        bury(fixture, "m-2", "blocked").await;
        let mut running = fixture.start();
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let dying = async {
            for _ in 0..2 {
                let (delivery, publisher) = running.next().await;
                let (message, receipt) = delivery.split();
                let letter = DeadLetter::new("blocked", "still");
                publisher.publish(&Outgoing::dead(QUEUE, &letter, &message)).await.unwrap();
                receipt.ack().await.unwrap();
            }
        };
        let all = at_once();
        let (report, ()) = tokio::join!(Box::pin(letters.replay(&all, None, |_| None, silent)), dying);
        assert_eq!(report.unwrap().done, ["m-1", "m-2"]);
        fixture.wait_for_depth(&fixture.topology.dead_letter_queue(QUEUE).unwrap(), 2).await;
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.letter.replays).collect::<Vec<_>>(), [1, 1]);
        letters.close().await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_limit_is_kept() {
    with_broker(async |fixture| {
        for id in ["m-1", "m-2", "m-3"] {
            bury(fixture, id, "blocked").await;
        }
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let two = Selection { limit: Some(2), ..at_once() };
        let report = letters.replay(&two, Some(QUEUE), |_| None, silent).await.unwrap();
        assert_eq!(
            (report.done, report.left, report.interrupted),
            (vec!["m-1".into(), "m-2".into()], 1, false)
        );
        assert!(letters.replay(&two, Some("nowhere"), |_| None, silent).await.unwrap_err().is_invalid());
        assert_eq!(ids(&letters, &Filter::default()).await, ["m-3"]);
        letters.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_that_is_asked_to_stop_finishes_the_one_it_began_and_counts_the_rest() {
    with_broker(async |fixture| {
        for id in ["m-1", "m-2", "m-3"] {
            bury(fixture, id, "blocked").await;
        }
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let (say, stop) = tokio::sync::watch::channel(false);
        let selection = Selection { stop: Some(stop), ..at_once() };
        let announce = |entry: &Entry| {
            // It has been begun by now.
            say.send_replace(entry.id == "m-2");
            None
        };
        let report = letters.replay(&selection, None, |_| None, announce).await.unwrap();
        assert_eq!(
            (report.done, report.left, report.interrupted),
            (vec!["m-1".into(), "m-2".into()], 1, true)
        );
        assert_eq!(ids(&letters, &Filter::default()).await, ["m-3"]);
        letters.close().await;
        let mut running = fixture.start();
        for wanted in ["m-1", "m-2"] {
            assert_eq!(id(&running.next_settled().await), wanted);
        }
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_discarded_message_is_announced_and_gone() {
    with_broker(async |fixture| {
        bury(fixture, "m-1", "blocked").await;
        let mut results = fixture.client.results(&["operator.discarded"]).await.unwrap();
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let announce = |entry: &Entry| Some(with_id(Outgoing::result("operator.discarded", "{}"), &entry.id));
        let report = letters.discard(&at_once(), announce).await.unwrap();
        assert_eq!(report.done, ["m-1"]);
        assert_eq!(id(&within("the announcement", results.next()).await.unwrap()), "m-1");
        assert!(ids(&letters, &Filter::default()).await.is_empty());
        letters.close().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_operator_is_refused_until_the_first_is_done() {
    with_broker(async |fixture| {
        let first = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let second = DeadLetters::open(&fixture.settings, QUEUE).await.err().unwrap();
        assert!(second.to_string().contains("another operator"), "{second}");
        let other = DeadLetters::open(&fixture.settings, "unrouted").await.unwrap();
        other.close().await;
        first.close().await;
        DeadLetters::open(&fixture.settings, QUEUE).await.unwrap().close().await;
        assert!(DeadLetters::open(&fixture.settings, "nowhere").await.err().unwrap().is_invalid());
    })
    .await;
}

/// Stops the command after the message is stored in its work queue and before the dead letter is removed.
#[tokio::test]
async fn a_replay_stopped_halfway_loses_nothing() {
    with_broker(async |fixture| {
        bury(fixture, "m-1", "blocked").await;
        bury(fixture, "m-2", "blocked").await;
        let full = BoundedQueue::make(fixture, 0).await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let mut running = fixture.start();
        {
            // The announcement is refused and offered again, which holds the replay between its two steps.
            let selection = at_once();
            let replay = letters.replay(
                &selection,
                None,
                |_| None,
                |_| Some(Outgoing::reply(&full.name, "announcement")),
            );
            tokio::select! {
                report = replay => panic!("the replay should hang: {report:?}"),
                message = running.next_settled() => assert_eq!(id(&message), "m-1"),
            }
        }
        drop(letters);
        fixture.wait_for_depth(&fixture.topology.dead_letter_queue(QUEUE).unwrap(), 2).await;
        let letters = loop {
            match DeadLetters::open(&fixture.settings, QUEUE).await {
                Ok(letters) => break letters,
                Err(error) => assert!(error.to_string().contains("another operator"), "{error}"),
            }
        };
        let report = letters.replay(&at_once(), None, |_| None, silent).await.unwrap();
        assert_eq!(report.done, ["m-1", "m-2"]);
        letters.close().await;
        let mut back =
            vec![id(&running.next_settled().await).to_owned(), id(&running.next_settled().await).to_owned()];
        back.sort();
        assert_eq!(back, ["m-1", "m-2"], "the interrupted message exists twice, with the same id");
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_crashes_its_workers_is_set_aside_by_the_broker_and_can_be_replayed() {
    with_broker(async |fixture| {
        fixture.publish(&with_id(Outgoing::delayed(QUEUE, soon(), "body"), "m-1")).await;
        let mut running = fixture.start();
        let (first, receipt) = running.next().await.0.split();
        assert!(first.headers.get("x-death").is_some(), "it has been in a delay queue");
        drop(receipt);
        running.recorder.wait_for("session ended receipt_dropped", 1).await;
        running.stop().await;
        crash(fixture).await;
        let dlq = fixture.topology.dead_letter_queue(QUEUE).unwrap();
        fixture.wait_for_depth(&dlq, 1).await;

        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!(entries[0].letter.class, "crash_loop");
        assert_eq!(entries[0].letter.queue, fixture.work_queue());
        assert_eq!(letters.replay(&at_once(), None, |_| None, silent).await.unwrap().done, ["m-1"]);
        letters.close().await;
        // With its old `x-death` it would be stuck in the next delay queue.
        let mut running = fixture.start();
        let (delivery, publisher) = running.next().await;
        let (message, receipt) = delivery.split();
        assert!(!message.headers.iter().any(|(name, _)| name.starts_with("x-death")), "{message:?}");
        publisher.publish(&with_id(Outgoing::delayed(QUEUE, soon(), message.body), "m-1")).await.unwrap();
        receipt.ack().await.unwrap();
        assert_eq!(running.next_settled().await.body, b"body");
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_at_its_last_return_is_set_aside_by_the_worker_which_knows_its_origin() {
    with_broker(async |fixture| {
        fixture.publish_work("m-1").await;
        give_back(fixture, 20).await;
        let mut running = fixture.start();
        running.recorder.wait_for("crash_loop", 1).await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!((entries[0].letter.class.as_str(), &entries[0].origin), ("crash_loop", &Origin::Worker));
        assert_eq!(letters.replay(&at_once(), None, |_| None, silent).await.unwrap().done, ["m-1"]);
        letters.close().await;
        let message = running.next_settled().await;
        assert_eq!(
            (message.origin, message.headers.get("gatehouse-replays")),
            (Origin::Worker, Some(&Value::Int(1)))
        );
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_unroutable_message_is_replayed_to_its_exchange_or_to_a_named_queue() {
    with_broker(async |fixture| {
        fixture.publish(&with_id(Outgoing::event("order.plcaed", "{}"), "m-1")).await;
        let letters = DeadLetters::open(&fixture.settings, "unrouted").await.unwrap();
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!(entries[0].letter.class, "unroutable");
        assert_eq!(
            (entries[0].exchange.as_str(), entries[0].routing_key.as_str()),
            (fixture.topology.events().as_str(), "order.plcaed")
        );
        // Still no queue is bound: it returns, as an event that no worker has seen.
        assert_eq!(letters.replay(&at_once(), None, |_| None, silent).await.unwrap().done, ["m-1"]);
        assert_eq!(letters.list(&Filter::default()).await.unwrap()[0].letter.replays, 0);
        assert_eq!(letters.replay(&at_once(), Some(QUEUE), |_| None, silent).await.unwrap().done, ["m-1"]);
        letters.close().await;
        let mut running = fixture.start();
        assert_eq!(running.next_settled().await.replays(), 1);
        running.stop().await;
        fixture.wait_for_depth(&fixture.topology.unrouted(), 0).await;
    })
    .await;
}

/// More messages than one channel holds, see `CHANNEL_CAPACITY` in `dead_letters/mod.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn one_among_many_is_found_and_the_others_stay() {
    const MANY: u32 = 1_203;
    with_broker(async |fixture| {
        let buried = (0..MANY).map(async |number| bury(fixture, &format!("m-{number}"), "blocked").await);
        futures_util::future::join_all(buried).await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        assert_eq!(letters.list(&Filter::default()).await.unwrap().len(), MANY as usize);
        let meant = only(Filter { ids: vec!["m-17".to_owned(), "m-1200".to_owned()], ..Filter::default() });
        let report = letters.replay(&meant, None, |_| None, silent).await.unwrap();
        assert_eq!((report.examined, report.done.len()), (MANY as usize, 2));
        letters.close().await;
        fixture.wait_for_depth(&fixture.topology.dead_letter_queue(QUEUE).unwrap(), MANY - 2).await;
    })
    .await;
}

fn soon() -> Due {
    Due::after(Duration::from_secs(1))
}

/// Takes the only message and returns it unsettled, as crashing workers do, until the broker sets it aside.
/// Returns the message to its queue this often.
async fn give_back(fixture: &Fixture, times: usize) {
    let channel = raw_channel().await;
    let mut given_back = 0;
    within("the message to come again", async {
        while given_back < times {
            let got =
                channel.basic_get(fixture.work_queue().into(), BasicGetOptions::default()).await.unwrap();
            if let Some(got) = got {
                got.delivery.acker.nack(BasicNackOptions { requeue: true, multiple: false }).await.unwrap();
                given_back += 1;
            }
        }
    })
    .await;
}

async fn crash(fixture: &Fixture) {
    let channel = raw_channel().await;
    within("the broker to set the message aside", async {
        let dlq = fixture.topology.dead_letter_queue(QUEUE).unwrap();
        while fixture.client.depth(&dlq).await.unwrap() == Some(0) {
            let got =
                channel.basic_get(fixture.work_queue().into(), BasicGetOptions::default()).await.unwrap();
            if let Some(got) = got {
                got.delivery.acker.nack(BasicNackOptions { requeue: true, multiple: false }).await.unwrap();
            }
        }
    })
    .await;
}
