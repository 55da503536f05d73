//! The queue of a lane: who goes when, and what a release costs.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::limits::{Limits, TenantSize};
use super::priority::{PROBE_EVERY, Priority};
use super::queue::{Queue, Released};
use super::waiting::{Answered, Sequence, Waiting};
use super::{Order, trips};
use crate::error::Error;
use crate::error::answer::Answer;
use crate::error::context::{Context, Peer};
use crate::http::call::Call;
use crate::observer::Service;
use crate::token::access_token::Token;

const DAY: Duration = Duration::from_secs(86_400);

/// A queue and the callers that wait.
struct Desk {
    queue: Queue,
    service: Service,
    callers: Vec<oneshot::Receiver<Answered>>,
    now: Instant,
}

impl Desk {
    fn new(service: Service, limits: Limits) -> Self {
        Self { queue: Queue::new(service, limits), service, callers: Vec::new(), now: Instant::now() }
    }

    /// A call that waits for this long; its number, which counts from 0, is the attempt.
    fn waiting(&mut self, priority: Priority, method: Method, path: &str, patience: Duration) -> Waiting {
        let number = self.callers.len();
        let context = Context {
            peer: Peer::Graph,
            method: method.clone(),
            address: String::new(),
            request_id: number.to_string(),
        };
        let call = Call {
            service: self.service,
            priority,
            method,
            url: Url::parse("https://graph.contoso.example/v1.0").unwrap(),
            path: path.to_owned(),
            relative: Some(path.to_owned()),
            body: None,
            is_file: false,
            extra_headers: Vec::new(),
            wants_answer: true,
            watch: None,
            fence: None,
            attempt: number as u32,
            observer: None,
            context,
        };
        let (reply, caller) = oneshot::channel();
        self.callers.push(caller);
        Waiting { call, token: Token::empty(), patience: self.now + patience, reply }
    }

    /// Queues a read.
    fn read(&mut self, priority: Priority, path: &str) {
        let waiting = self.waiting(priority, Method::GET, path, DAY);
        self.queue.push(vec![waiting]);
    }

    /// Queues a write.
    fn write(&mut self, priority: Priority, path: &str) {
        let waiting = self.waiting(priority, Method::PATCH, path, DAY);
        self.queue.push(vec![waiting]);
    }

    fn release(&mut self) -> Released {
        self.queue.release(self.now)
    }

    fn finish(&mut self, sequences: &[Sequence], error: Option<&Error>) {
        for waiting in sequences.iter().flatten() {
            self.queue.finished(&waiting.call, error, self.now);
        }
    }

    /// Ends every call right after its release, each before the next release, until none waits. Returns how often a
    /// line was looked at for each call.
    fn looks_for_each_call(mut self) -> f64 {
        let calls = self.callers.len();
        let mut under_way: Vec<Sequence> = Vec::new();
        let mut sent = 0;
        while sent < calls {
            let Released { sequences, room_at, .. } = self.release();
            sent += sequences.len();
            under_way.extend(sequences);
            match under_way.pop() {
                Some(sequence) => self.finish(&[sequence], None),
                None => self.now = room_at.unwrap().max(self.now),
            }
        }
        self.queue.looks as f64 / calls as f64
    }
}

fn numbers(sequences: &[Sequence]) -> Vec<u32> {
    sequences.iter().flatten().map(|waiting| waiting.call.attempt).collect()
}

fn throttled(seconds: u64, call: &Call) -> Error {
    let retry_after = Some(Duration::from_secs(seconds));
    Error::refused(Answer { status: Some(429), retry_after, ..Answer::default() }, &call.context)
}

#[test]
fn a_lock_out_overtakes_what_waits_and_sync_comes_last() {
    let mut desk = Desk::new(Service::Exchange, Limits::default());
    for priority in [Priority::Sync, Priority::Lifecycle, Priority::LockOut, Priority::Lifecycle] {
        desk.read(priority, "/users/ada/messages");
    }
    assert_eq!(numbers(&desk.release().sequences), [2, 1, 3, 0]);
}

#[test]
fn a_mailbox_has_four_calls_at_a_time_and_is_parked_alone() {
    let mut desk = Desk::new(Service::Exchange, Limits::default());
    (0..6).for_each(|_| desk.read(Priority::Lifecycle, "/users/ada/messages"));
    desk.read(Priority::Lifecycle, "/users/grace/messages");
    let first = desk.release().sequences;
    assert_eq!(numbers(&first), [0, 1, 2, 3, 6]);

    let error = throttled(10, &first[0][0].call);
    desk.finish(&first[..1], Some(&error));
    desk.finish(&first[4..], None);
    desk.read(Priority::Lifecycle, "/users/grace/messages");
    let released = desk.release();
    assert_eq!(numbers(&released.sequences), [7], "one mailbox is parked, the other is not");
    assert_eq!(released.room_at, Some(desk.now + Duration::from_secs(10)));
    desk.now += Duration::from_secs(10);
    assert_eq!(numbers(&desk.release().sequences), [4]);
    desk.finish(&first[1..2], None);
    assert_eq!(numbers(&desk.release().sequences), [5]);
}

#[test]
fn who_would_wait_too_long_is_refused_at_once_also_while_no_call_may_begin() {
    let mut desk = Desk::new(Service::Directory, Limits::default());
    (0..100).for_each(|_| desk.write(Priority::Lifecycle, "/users/ada"));
    let first = desk.release().sequences;
    assert_eq!(first.len(), 64);
    for seconds in [5, 60] {
        let patience = Duration::from_secs(seconds);
        let hasty = desk.waiting(Priority::Lifecycle, Method::PATCH, "/users/ada", patience);
        desk.queue.push(vec![hasty]);
    }
    desk.finish(&first[..1], Some(&throttled(30, &first[0][0].call)));
    let released = desk.release();
    let refused: Vec<_> =
        released.refused.iter().map(|(waiting, wait)| (waiting.call.attempt, *wait)).collect();
    assert_eq!(refused, [(100, Duration::from_secs(30))]);
    assert_eq!((released.sequences.len(), released.room_at), (0, Some(desk.now + Duration::from_secs(30))));
    assert_eq!(desk.queue.waiting(), 37);
}

#[test]
fn a_call_whose_caller_has_gone_is_not_sent() {
    let mut desk = Desk::new(Service::Directory, Limits::default());
    (0..3).for_each(|_| desk.write(Priority::Lifecycle, "/users/ada"));
    desk.callers[0].close();
    desk.callers[1].close();
    assert_eq!(numbers(&desk.release().sequences), [2]);
    desk.write(Priority::Lifecycle, "/users/ada");
    desk.callers[3].close();
    assert_eq!((desk.release().sequences.len(), desk.queue.waiting()), (0, 0));
}

#[test]
fn a_release_costs_what_it_releases_however_many_wait() {
    let limits = Limits { size: TenantSize::Medium, share: 1.0 };
    let mut alike = Desk::new(Service::Directory, limits);
    (0..4_000).for_each(|number| alike.write(Priority::Lifecycle, &format!("/users/{number}")));
    let mut mailboxes = Desk::new(Service::Exchange, limits);
    (0..4_000)
        .for_each(|number| mailboxes.read(Priority::Sync, &format!("/users/{}/messages", number % 500)));
    let mut teams = Desk::new(Service::Teams, limits);
    (0..2_000)
        .for_each(|number| teams.write(Priority::Lifecycle, &format!("/teams/{}/members/m", number % 400)));
    for (desk, name) in [(alike, "alike"), (mailboxes, "mailboxes"), (teams, "teams")] {
        let looks = desk.looks_for_each_call();
        assert!(looks < 8.0, "{looks} for each call: {name}");
    }
}

#[test]
fn a_lock_out_finds_room_after_hours_of_other_calls_and_the_limit_is_kept() {
    let span = Duration::from_secs(150);
    let mut desk = Desk::new(Service::Directory, Limits { size: TenantSize::Medium, share: 0.1 });
    let mut sent: Vec<Instant> = Vec::new();
    for step in 0..2_000 {
        desk.now += Duration::from_secs(5);
        (0..20).for_each(|_| desk.write(Priority::Lifecycle, "/users/ada"));
        let sequences = desk.release().sequences;
        sent.extend(sequences.iter().map(|_| desk.now));
        desk.finish(&sequences, None);
        if step % 50 == 0 {
            (0..20).for_each(|_| desk.write(Priority::LockOut, "/users/grace"));
            let sequences = desk.release().sequences;
            let lock_outs = sequences.iter().flatten().filter(|one| one.call.priority == Priority::LockOut);
            assert_eq!(lock_outs.count(), 20, "step {step}");
            sent.extend(sequences.iter().map(|_| desk.now));
            desk.finish(&sequences, None);
        }
    }
    assert!(desk.queue.waiting() > 1_000, "the others have more to do than the limit allows");
    let in_span =
        |(index, at): (usize, &Instant)| index + 1 - sent.partition_point(|other| *at - *other >= span);
    let most = sent.iter().enumerate().map(in_span).max();
    assert!(most.is_some_and(|most| most > 270 && most <= 300), "{most:?} of 300");
}

#[test]
fn a_lock_out_waits_for_no_other_call_in_progress_and_travels_alone() {
    let mut desk = Desk::new(Service::Directory, Limits::default());
    (0..100).for_each(|_| desk.write(Priority::Lifecycle, "/users/ada"));
    assert_eq!(desk.release().sequences.len(), 64);
    desk.write(Priority::LockOut, "/users/grace");
    assert_eq!(numbers(&desk.release().sequences), [100]);

    let mut desk = Desk::new(Service::Directory, Limits::default());
    (0..3).for_each(|_| desk.write(Priority::Lifecycle, "/users/ada"));
    (0..2).for_each(|_| desk.write(Priority::LockOut, "/users/grace"));
    let trips = trips(desk.release().sequences, true).into_iter();
    let trips: Vec<_> = trips.map(|(trip, order)| (numbers(&[trip]), order)).collect();
    assert_eq!(trips, [(vec![3, 4], Order::AtOnce), (vec![0, 1, 2], Order::AtOnce)]);
}

#[test]
fn every_call_goes_once_in_the_order_of_its_like() {
    let mut random = 1_u64;
    let mut below = move |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    for service in [Service::Exchange, Service::Teams, Service::Directory, Service::Reports, Service::Intune]
    {
        let mut desk = Desk::new(service, Limits { share: 0.01, ..Limits::default() });
        let mut under_way: Vec<Sequence> = Vec::new();
        let mut order: HashMap<String, Vec<u32>> = HashMap::new();
        let mut in_mailbox: HashMap<String, usize> = HashMap::new();
        let mut rounds = 0;
        while desk.callers.len() < 1_500 || desk.queue.waiting() > 0 {
            rounds += 1;
            assert!(rounds < 100_000, "{service}: {} wait for ever", desk.queue.waiting());
            if desk.callers.len() < 1_500 {
                let priority = [Priority::LockOut, Priority::Lifecycle, Priority::Sync][below(3) as usize];
                let number = below(9);
                let path = format!("/{}/{number}/x", ["users", "teams", "reports"][below(3) as usize]);
                let method = [Method::GET, Method::PATCH][below(2) as usize].clone();
                let sequence =
                    (0..=number % 2).map(|_| desk.waiting(priority, method.clone(), &path, 90 * DAY));
                let sequence: Vec<_> = sequence.collect();
                desk.queue.push(sequence);
            }
            let Released { sequences, refused, room_at } = desk.release();
            assert!(refused.is_empty());
            for waiting in sequences.iter().flatten() {
                let Call { priority, method, path, attempt, .. } = &waiting.call;
                order.entry(format!("{priority:?} {method} {path}")).or_default().push(*attempt);
                *in_mailbox.entry(path.clone()).or_default() += 1;
                let most = if service == Service::Exchange && path.starts_with("/users") { 5 } else { 300 };
                assert!(in_mailbox[path] <= most, "{path}");
            }
            under_way.extend(sequences);
            if !under_way.is_empty() && (below(3) > 0 || desk.callers.len() >= 1_500) {
                let sequence = under_way.swap_remove(below(under_way.len() as u64) as usize);
                sequence.iter().for_each(|waiting| *in_mailbox.get_mut(&waiting.call.path).unwrap() -= 1);
                let error = (below(40) == 0).then(|| throttled(1 + below(30), &sequence[0].call));
                desk.finish(&[sequence], error.as_ref());
            } else if let Some(room_at) = room_at {
                desk.now = desk.now.max(room_at);
            }
        }
        let sent: usize = order.values().map(Vec::len).sum();
        assert_eq!(sent, desk.callers.len(), "{service}");
        assert!(order.values().all(|numbers| numbers.is_sorted()), "{service}: {order:?}");
    }
}

#[test]
fn a_lock_out_asks_every_minute_whether_a_parked_lane_still_is() {
    let mut desk = Desk::new(Service::Directory, Limits::default());
    desk.write(Priority::Lifecycle, "/users/ada");
    let first = desk.release().sequences;
    desk.finish(&first, Some(&throttled(3_600, &first[0][0].call)));
    desk.write(Priority::Lifecycle, "/users/ada");
    (0..3).for_each(|_| desk.write(Priority::LockOut, "/users/grace"));
    let hasty = desk.waiting(Priority::LockOut, Method::PATCH, "/users/grace", Duration::from_secs(20));
    desk.queue.push(vec![hasty]);
    let released = desk.release();
    let refused: Vec<_> =
        released.refused.iter().map(|(waiting, wait)| (waiting.call.attempt, wait.as_secs())).collect();
    assert_eq!(refused, [(5, 60)], "its run is postponed until the next probe, and not for an hour");
    assert_eq!((released.sequences.len(), released.room_at), (0, Some(desk.now + PROBE_EVERY)));

    desk.now += PROBE_EVERY;
    let probe = desk.release();
    assert_eq!((numbers(&probe.sequences), probe.room_at), (vec![2], Some(desk.now + PROBE_EVERY)));
    desk.finish(&probe.sequences, Some(&throttled(3_600, &probe.sequences[0][0].call)));
    assert_eq!(desk.release().sequences.len(), 0, "one at a time");

    desk.now += PROBE_EVERY;
    let probe = desk.release().sequences;
    assert_eq!(numbers(&probe), [3]);
    desk.finish(&probe, None);
    assert_eq!(numbers(&desk.release().sequences), [4], "Graph lets lock-outs through again");
    assert_eq!(desk.queue.waiting(), 1, "and nothing else");
    desk.now += 2 * Duration::from_secs(3_600);
    assert_eq!(numbers(&desk.release().sequences), [1]);
}
