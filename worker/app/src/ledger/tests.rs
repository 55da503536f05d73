//! The client over a log in memory, with the clock moved; and over a real broker.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use ledger::{Claim, Decision, Intent, KeyRing, Kind, Refusal, Release, State, Timing};
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use super::{
    client::{Client, Unread},
    hold::{Claimed, Hold},
    log::{Log, LogError, Messages, Records, Stream},
};

mod snapshots;

/// An entry of the broker's own: it has an offset, and nobody reads it.
const OF_THE_BROKER: &[u8] = b"the start of a file";

/// A log in memory. Everybody with a clone of it shares the records.
#[derive(Clone, Default)]
struct Memory {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
    changed: Arc<watch::Sender<u64>>,
    /// Takes records, and hands out none.
    is_silent: Arc<Mutex<bool>>,
    /// Takes no message until it takes messages again.
    is_stuck: Arc<watch::Sender<bool>>,
    snapshots: Arc<OnceLock<Memory>>,
}

impl Messages for Memory {
    type Records = Reading;

    async fn append(&self, message: &[u8]) -> Result<(), LogError> {
        let mut is_stuck = self.is_stuck.subscribe();
        is_stuck.wait_for(|is_stuck| !is_stuck).await.unwrap();
        self.push(message);
        Ok(())
    }

    async fn read_from(&self, offset: u64) -> Result<Reading, LogError> {
        self.read(Some(offset)).await
    }

    async fn read_last(&self) -> Result<Reading, LogError> {
        let length = self.records.lock().unwrap().len();
        self.read(Some(length.saturating_sub(1) as u64)).await
    }

    async fn close(&self) {}
}

impl Memory {
    /// Ends every session that is open.
    fn break_off(&self) {
        self.changed.send_modify(|sessions| *sessions += 1);
    }

    fn push(&self, record: &[u8]) {
        self.records.lock().unwrap().push(record.to_vec());
        self.changed.send_modify(|_| ());
    }

    fn silence(&self, is_silent: bool) {
        *self.is_silent.lock().unwrap() = is_silent;
        self.changed.send_modify(|_| ());
    }

    /// Loses every record from this one on.
    fn lose(&self, from: usize) {
        self.records.lock().unwrap().truncate(from);
    }
}

impl Log for Memory {
    type Records = Reading;
    type Snapshots = Memory;

    async fn append(&self, record: &[u8]) -> Result<(), LogError> {
        self.push(record);
        Ok(())
    }

    async fn end(&self, mark: &[u8]) -> Result<u64, LogError> {
        self.push(mark);
        Ok(self.records.lock().unwrap().len() as u64 - 1)
    }

    async fn read(&self, from: Option<u64>) -> Result<Reading, LogError> {
        let changed = self.changed.subscribe();
        let session = *changed.borrow();
        Ok(Reading { log: self.clone(), next: from.unwrap_or(0), changed, session })
    }

    async fn snapshots(&self) -> Result<Memory, LogError> {
        Ok(self.snapshots.get_or_init(Memory::default).clone())
    }
}

struct Reading {
    log: Memory,
    next: u64,
    changed: watch::Receiver<u64>,
    session: u64,
}

impl Records for Reading {
    async fn next(&mut self) -> Result<(u64, Vec<u8>), LogError> {
        loop {
            if *self.changed.borrow_and_update() != self.session {
                return Err(LogError("broken off".to_owned()));
            }
            let record = self.log.records.lock().unwrap().get(usize::try_from(self.next).unwrap()).cloned();
            if let Some(record) = record.filter(|_| !*self.log.is_silent.lock().unwrap()) {
                self.next += 1;
                if record == OF_THE_BROKER {
                    continue;
                }
                return Ok((self.next - 1, record));
            }
            self.changed.changed().await.unwrap();
        }
    }
}

fn claim(run: u128, nonce: u128, intent: Intent, time: &str) -> Claim {
    let ring = KeyRing::new(b"secret of the tests");
    let (id, nonce, time) = (Uuid::from_u128(run), Uuid::from_u128(nonce), time.parse().unwrap());
    let event = ledger::event_fingerprint("/hr", &run.to_string());
    Claim {
        keys: ring.keys("contoso", Kind::EntraId, "ada"),
        tenant: ring.keys("contoso", Kind::Tenant, ""),
        ..Claim::new(id, nonce, intent, event, time)
    }
}

fn hire() -> Claim {
    claim(1, 11, Intent::Onboarding, "2026-03-02T08:00:00Z")
}

fn change() -> Claim {
    claim(2, 22, Intent::Change, "2026-03-03T08:00:00Z")
}

fn leave() -> Claim {
    claim(3, 33, Intent::Offboarding, "2026-03-04T08:00:00Z")
}

async fn release<L: Log>(client: &Client<L>, claim: &Claim, state: State) {
    let Claim { run, nonce, leg, replays, .. } = *claim;
    client.release(Release { run, nonce, state, leg, replays, until: None, done: None }).await.unwrap();
}

/// A client that has read everything.
async fn client<L: Log>(log: L, worker: &str) -> Arc<Client<L>> {
    let client = Client::new(log, worker.to_owned(), Timing::default());
    let serving = Arc::clone(&client);
    tokio::spawn(async move { serving.serve().await });
    ready(&client).await;
    client
}

async fn ready<L: Log>(client: &Client<L>) {
    let mut changes = client.changes();
    let waiting = async {
        while !client.is_ready() {
            changes.changed().await.unwrap();
        }
    };
    timeout(Duration::from_secs(60), waiting).await.expect("a session");
}

async fn granted<L: Log>(client: &Arc<Client<L>>, claim: Claim) -> Hold<L> {
    match Hold::claim(client, claim).await.unwrap() {
        Claimed::Granted(hold) => hold,
        Claimed::Refused(decision) => panic!("{decision:?}"),
    }
}

async fn refused<L: Log>(client: &Arc<Client<L>>, claim: Claim) -> Decision {
    match Hold::claim(client, claim).await.unwrap() {
        Claimed::Granted(_) => panic!("granted"),
        Claimed::Refused(decision) => decision,
    }
}

async fn wait(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
    // What the clock has woken runs before the test goes on.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_acts_the_other_waits_and_a_release_hands_on() {
    let log = Memory::default();
    let (one, two) = (client(log.clone(), "one").await, client(log, "two").await);
    let hold = granted(&one, hire()).await;
    assert_eq!(hold.may_send().await, Ok(()));
    assert!(matches!(refused(&two, change()).await, Decision::Wait(_)));
    release(&one, &hire(), State::Done).await;
    assert_eq!(granted(&two, change()).await.may_send().await, Ok(()));
    assert_eq!(refused(&one, hire()).await, Decision::Finished(State::Done));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_writes_nothing_is_renewed_and_not_passed_over() {
    let log = Memory::default();
    let (one, two) = (client(log.clone(), "one").await, client(log, "two").await);
    let hold = granted(&one, hire()).await;
    for _ in 0..300 {
        wait(2).await;
        let Decision::Wait(holds) = refused(&two, change()).await else { panic!("granted") };
        assert!(two.passable(&holds).is_empty(), "{:?}", two.now());
    }
    assert_eq!(hold.may_send().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_is_passed_over_after_take_after_and_not_before() {
    let log = Memory::default();
    let (one, two) = (client(log.clone(), "one").await, client(log, "two").await);
    drop(granted(&one, hire()).await);
    wait(44).await;
    let Decision::Wait(holds) = refused(&two, change()).await else { panic!("granted") };
    assert!(two.passable(&holds).is_empty());
    wait(1).await;
    let over = two.passable(&holds);
    assert_eq!(over, holds);
    granted(&two, Claim { over, ..change() }).await;
    assert_eq!(one.claim(Claim { fresh: false, ..hire() }).await.unwrap().decision, Decision::Lost);
}

#[tokio::test(start_paused = true)]
async fn newer_word_stops_a_holder_before_its_next_request() {
    let log = Memory::default();
    let (one, two) = (client(log.clone(), "one").await, client(log, "two").await);
    let hold = granted(&one, hire()).await;
    assert!(matches!(refused(&two, leave()).await, Decision::Wait(_)));
    assert_eq!(hold.may_send().await, Err(Refusal::NotOurs));
    assert!(!hold.may_go_on(&[], Duration::ZERO).await);
}

#[tokio::test(start_paused = true)]
async fn an_identifier_learned_later_joins_at_the_next_renewal() {
    let log = Memory::default();
    let one = client(log, "one").await;
    let ring = KeyRing::new(b"secret of the tests");
    let by_name = Claim { keys: ring.keys("contoso", Kind::Upn, "ada"), ..hire() };
    let hold = granted(&one, by_name).await;
    assert!(hold.may_go_on(&hire().keys, Duration::MAX).await);
    assert!(matches!(refused(&one, change()).await, Decision::Wait(_)), "it is the same person now");
    assert_eq!(one.book().ledger().people().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_a_session_and_the_next_one_renews() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    let hold = granted(&one, hire()).await;
    log.break_off();
    wait(0).await;
    assert_eq!(hold.may_send().await, Err(Refusal::NoSession));
    assert!(matches!(one.claim(change()).await, Err(Unread::NoSession)));
    ready(&one).await;
    assert_eq!(hold.may_send().await, Ok(()), "a renewal in the new session");
    assert_eq!(one.book().counts().cuts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_says_nothing_answers_no_claim_and_no_fence() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    let hold = granted(&one, hire()).await;
    log.silence(true);
    let before = one.now();
    assert!(matches!(one.claim(change()).await, Err(Unread::NoAnswer)));
    assert_eq!(one.now().checked_sub(before), Some(Duration::from_secs(5)));
    wait(6).await;
    assert_eq!(hold.may_send().await, Err(Refusal::Expired), "the last grant is old");
    log.silence(false);
    assert_eq!(hold.may_send().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn records_that_were_lost_end_every_hold_and_the_ledger_is_read_again() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    let hold = granted(&one, hire()).await;
    log.lose(1);
    log.break_off();
    // The stream is shorter than what was read, so its reader hears nothing.
    wait(2).await;
    wait(11).await;
    ready(&one).await;
    assert_eq!(one.book().counts().cuts, 1);
    // Were that another cut, reading again would find it again, for ever.
    let seen = Some(40);
    let body = ledger::Body::Stop(ledger::Stop { run: change().run });
    let of_before =
        ledger::Record { at: jiff::Timestamp::UNIX_EPOCH, worker: "two".to_owned(), number: 0, seen, body };
    log.push(&ledger::encode(&of_before).unwrap());
    wait(1).await;
    let counts = one.book().counts();
    assert_eq!((counts.contradictions, counts.cuts), (1, 1));
    assert_eq!(hold.may_send().await, Err(Refusal::NotOurs));
    granted(&one, hire()).await;
}

#[tokio::test(start_paused = true)]
async fn records_that_others_have_replaced_are_seen_to_be_lost() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    let hold = granted(&one, hire()).await;
    let length = log.records.lock().unwrap().len();
    log.lose(1);
    for _ in 1..length {
        log.push(b"{}");
    }
    log.break_off();
    wait(2).await;
    ready(&one).await;
    assert_eq!(one.book().counts().cuts, 1);
    assert!(one.book().counts().skipped > 0, "what is no record is counted");
    assert_eq!(hold.may_send().await, Err(Refusal::NotOurs));
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_version_ends_all_claims() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    let hold = granted(&one, hire()).await;
    log.push(br#"{"v":2,"type":"something new"}"#);
    wait(0).await;
    assert!(!one.is_ready());
    assert!(matches!(one.claim(change()).await, Err(Unread::Newer(2))));
    assert_eq!(hold.may_send().await, Err(Refusal::NoSession));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_does_not_fit_is_refused_before_it_is_written() {
    let one = client(Memory::default(), "one").await;
    let names = (0..400).map(|name| ledger::name_fingerprint(&name.to_string())).collect();
    let error = one.claim(Claim { names, ..change() }).await.unwrap_err();
    assert!(error.to_string().contains("fewer names"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_the_broker_is_read_over_and_a_longer_gap_is_read_again_once() {
    let log = Memory::default();
    let one = client(log.clone(), "one").await;
    log.push(OF_THE_BROKER);
    granted(&one, hire()).await.close();
    release(&one, &hire(), State::Done).await;
    assert_eq!(one.book().counts().cuts, 0, "the start of a file is no loss");
    for _ in 0..3 {
        log.push(OF_THE_BROKER);
    }
    log.push(b"{}");
    let mut changes = one.changes();
    while one.book().counts().cuts == 0 {
        timeout(Duration::from_secs(60), changes.changed()).await.expect("a cut").unwrap();
    }
    ready(&one).await;
    assert_eq!(refused(&one, hire()).await, Decision::Finished(State::Done), "it has read all of it again");
    granted(&one, change()).await;
    assert_eq!(one.book().counts().cuts, 1);
    let two = client(log, "two").await;
    assert!(matches!(refused(&two, leave()).await, Decision::Wait(_)));
    assert_eq!(two.book().counts().cuts, 0);
}

/// The suite's broker, under a prefix of its own.
fn real_broker() -> broker::Settings {
    let url = std::env::var("AMQP_URL").expect("AMQP_URL: run `make test`, which starts a broker");
    let prefix = format!("test-{}", Uuid::new_v4().simple());
    broker::Settings { prefix, ..broker::Settings::new(url.into(), Vec::new()) }
}

/// How many records the ledger has up to this offset.
async fn records_up_to(settings: &broker::Settings, end: u64) -> u64 {
    let log = broker::RecordLog::open(settings).await.unwrap();
    let mut records = log.read(None).await.unwrap();
    let mut count = 1;
    while records.next().await.unwrap().0 < end {
        count += 1;
    }
    log.close().await;
    count
}

/// A stream is kept in files of 50 MB. Between two of them the offsets jump.
#[tokio::test]
async fn a_ledger_in_several_files_is_read_through() {
    let settings = real_broker();
    let one = client(Stream::new(settings.clone()), "one").await;
    granted(&one, hire()).await.close();
    release(&one, &hire(), State::Done).await;
    let log = broker::RecordLog::open(&settings).await.unwrap();
    let no_record = vec![b' '; 1 << 20];
    for _ in 0..110 {
        log.append(&no_record).await.unwrap();
    }
    log.close().await;
    granted(&one, change()).await;
    let two = client(Stream::new(settings.clone()), "two").await;
    assert_eq!(refused(&two, hire()).await, Decision::Finished(State::Done));
    assert!(matches!(refused(&two, leave()).await, Decision::Wait(_)));
    let read = |client: &Client<Stream>| {
        let counts = client.book().counts();
        (counts.cuts, counts.skipped)
    };
    assert_eq!((read(&one), read(&two)), ((0, 110), (0, 110)));
    let seen = two.book().seen().unwrap();
    let read = records_up_to(&settings, seen).await;
    assert!(
        read + 2 <= seen + 1,
        "{read} records up to {seen}: fewer than two files began, which shows nothing"
    );
    broker::delete(&settings).await.unwrap();
}

/// The stream of a real broker, under a prefix of its own.
#[tokio::test]
async fn two_workers_exclude_each_other_through_a_real_broker() {
    let settings = real_broker();
    let one = client(Stream::new(settings.clone()), "one").await;
    let two = client(Stream::new(settings.clone()), "two").await;
    let hold = granted(&one, hire()).await;
    assert_eq!(hold.may_send().await, Ok(()));
    assert!(matches!(refused(&two, change()).await, Decision::Wait(_)));
    assert!(matches!(refused(&two, leave()).await, Decision::Wait(_)));
    // Newer word has been read by both: the claim was answered, and a renewal is read behind it.
    assert!(!hold.may_go_on(&[], Duration::ZERO).await);
    assert_eq!(hold.may_send().await, Err(Refusal::NotOurs));
    release(&one, &hire(), State::Superseded).await;
    granted(&two, leave()).await;
    release(&two, &leave(), State::Done).await;
    // A third one reads what was there before it.
    let three = client(Stream::new(settings.clone()), "three").await;
    assert_eq!(refused(&three, leave()).await, Decision::Finished(State::Done));
    // The broker loses the stream. Both find out, begin anew, and go on.
    broker::delete(&settings).await.unwrap();
    let mut changes = one.changes();
    while one.book().counts().cuts == 0 {
        timeout(Duration::from_secs(60), changes.changed()).await.expect("a cut").unwrap();
    }
    ready(&one).await;
    granted(&one, hire()).await;
    broker::delete(&settings).await.unwrap();
}
