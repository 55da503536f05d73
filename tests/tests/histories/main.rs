//! Order and exclusion, from the outside: many people have random histories at once, while three workers are killed,
//! frozen and cut off. Each person then is as the newest word says, and nobody wrote out of turn.
//!
//! `HISTORIES` sets how many there are, `HISTORY_SEED` the seed of the first; each has the next one. A history that
//! failed is told again with its seed and `HISTORIES=1`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod journal;
mod mishaps;
mod oracle;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use msgraph_emulator::{Fault, Group, Sku, Tenant, User};
use serde_json::Value;
use system_tests::{BrokerNode, Testbed, documents};
use tokio::time::MissedTickBehavior;

use self::journal::Journal;
use self::mishaps::Mishaps;
use self::oracle::Told;
use self::words::{EVERYBODY, History, Word};

/// So many people at once.
const AT_ONCE: usize = 50;
/// The seed of the suite: what happens is the same each time, and when it happens is not.
const SEED: u64 = 1815;
const TICK: Duration = Duration::from_millis(200);
/// Mishaps end after so many ticks.
const MISHAPS_FOR: usize = 350;
/// When the broker is restarted: first gently, then without warning.
const RESTARTS: [usize; 2] = [60, 120];
/// After so many ticks a run that has not ended never will.
const GIVES_UP: usize = 900;

/// Every run joins a group of its own first, so that what it does later is known to be its own.
const WORKFLOWS: &str = "
onboarding:
  stages:
    - name: sign
      steps: [{ add_to_groups: { groups: ['{{ event.id }}'] } }]
    - name: let in
      steps: [enable_account]
    - name: place
      steps: [{ add_to_groups: { groups: [Engineers] } }]
    - name: tell
      steps:
        - send_mail: { from: '{{ person.upn }}', to: [grace@contoso.example], subject: '{{ event.id }}', text: In. }
change:
  stages:
    - name: sign
      steps: [{ add_to_groups: { groups: ['{{ event.id }}'] } }]
    - name: properties
      steps: [update_user]
    - name: tell
      steps:
        - send_mail: { from: '{{ person.upn }}', to: [grace@contoso.example], subject: '{{ event.id }}', text: New. }
access_revoke:
  stages:
    - name: sign
      steps: [{ add_to_groups: { groups: ['{{ event.id }}'] } }]
    - name: lock out
      steps: [disable_account]
    - name: look again
      after: 1s
      steps: [disable_account]
    - name: tell
      steps:
        - send_mail: { from: '{{ person.upn }}', to: [grace@contoso.example], subject: '{{ event.id }}', text: Stop. }
offboarding:
  stages:
    - name: sign
      steps: [{ add_to_groups: { groups: ['{{ event.id }}'] } }]
    - name: lock out
      steps: [disable_account]
    - name: reset
      steps: [reset_password]
    - name: take back
      steps: [{ remove_from_groups: { groups: [Engineers] } }]
    - name: tell
      steps:
        - send_mail: { from: '{{ person.upn }}', to: [grace@contoso.example], subject: '{{ event.id }}', text: Out. }
";

#[tokio::test]
async fn histories_end_as_they_say_while_workers_are_killed_frozen_and_cut_off() {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let asked = number("HISTORIES");
    let fresh = || u64::try_from(Timestamp::now().as_second()).unwrap() * 100_000;
    let seed = number("HISTORY_SEED").unwrap_or_else(|| if asked.is_some() { fresh() } else { SEED });
    let mut seeds: Vec<u64> = (seed..seed + asked.unwrap_or(AT_ONCE as u64)).collect();
    while !seeds.is_empty() {
        let rest = seeds.split_off(AT_ONCE.min(seeds.len()));
        // Of many, every second fifty has a broker of its own, which is restarted.
        let broker = match rest.len() / AT_ONCE % 2 {
            0 => BrokerNode::shared(),
            _ => tokio::task::spawn_blocking(BrokerNode::private).await.unwrap(),
        };
        tell(&seeds, broker).await;
        seeds = rest;
    }
}

/// Tells these histories at once, and asserts that each ended as it should.
async fn tell(seeds: &[u64], broker: BrokerNode) {
    let restarts = broker.is_private();
    println!("histories {} to {}, broker is restarted: {restarts}", seeds[0], seeds[seeds.len() - 1]);
    let (began, now) = (Instant::now(), Timestamp::now());
    let histories: Vec<_> = seeds.iter().map(|seed| History::new(*seed, now)).collect();
    let mail = Sku::new("SPE_E3", AT_ONCE as u64).plan("EXCHANGE_S_ENTERPRISE");
    let tenant = Tenant::empty().sku(mail).user(User::new("grace@contoso.example", "Grace Hopper"));
    let members = histories.iter().filter(|history| history.is_in);
    let everybody = members.fold(Group::security(EVERYBODY), |group, history| group.member(&history.upn));
    let tenant = histories.iter().fold(tenant, |tenant, history| history.begin(tenant)).group(everybody);
    let testbed = Testbed::with(tenant).workflows(WORKFLOWS).set("GRAPH__LIMITS_SHARE", 1000);
    let mut testbed = testbed.broker(broker).build().await;
    testbed.emulator.fault(Fault::delayed(20));
    let mut mishaps = Mishaps::begin(&mut testbed, seeds[0]).await;

    let all_ended = all_told(&mut testbed, &histories, &mut mishaps, restarts).await;
    println!("all {all_ended} runs have ended after {:.0?}", began.elapsed());
    mishaps.end();
    let (kills, cuts, thaws) = (mishaps.kills, mishaps.cuts, mishaps.thaws.clone());
    let (workers, wires) = mishaps.into_workers();
    let url = testbed.broker.url().to_owned();
    testbed.set("BROKER__URL", url);
    testbed.drain(workers).await;
    drop(wires);

    let journal = Journal::read(&testbed, &histories);
    let told =
        Told { results: &testbed.results, journal: &journal, state: testbed.emulator.state(), thaws: &thaws };
    let complaints: Vec<String> = histories.iter().flat_map(|history| told.complaints(history)).collect();
    let set_aside = told.set_aside(&histories);
    println!(
        "{kills} kills, {cuts} cuts, {} thaws; {} repeats, {} writes, {} of unknown runs, {} set aside; {:.0?}",
        thaws.len(),
        testbed.results.repeats(),
        journal.count(),
        journal.unknown(),
        set_aside.len(),
        began.elapsed(),
    );
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let letters = documents(&testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok());
    let of: BTreeSet<_> = letters.iter().map(run_of).collect();
    assert_eq!(of, set_aside, "each run that was set aside is a dead letter, and no other");
    // Who dies between the dead letter and the acknowledgement leaves the event to one who sets it aside again.
    assert!(letters.len() - of.len() <= kills + cuts, "{letters:#?}");
    if !letters.is_empty() {
        testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    }
    let checked = testbed.gatehouse(&["ledger", "check"]).await.ok();
    let expected = format!("people: {}, runs: {all_ended}, acting now: 0, asleep: 0", histories.len());
    assert!(checked.starts_with(&expected), "{checked}");
    testbed.close().await;
}

/// The run of a dead letter. Where two have one id, more than that tells them apart.
fn run_of(letter: &Value) -> String {
    let id = letter["id"].as_str().unwrap();
    id.split_once('~').map_or(id, |(run, _)| run).to_owned()
}

/// Publishes every word in its order, among mishaps, and waits until all their runs have ended. How many those are.
async fn all_told(
    testbed: &mut Testbed,
    histories: &[History],
    mishaps: &mut Mishaps,
    restarts: bool,
) -> usize {
    let words: Vec<_> = histories.iter().flat_map(|history| &history.words).collect();
    let published =
        |word: &&Word| word.published.iter().map(|tick| (*tick, word.event.clone())).collect::<Vec<_>>();
    let mut to_come: Vec<_> = words.iter().flat_map(published).collect();
    let cancels: Vec<_> = histories.iter().filter_map(|history| history.cancel.as_ref()).collect();
    to_come.extend(cancels.iter().map(|cancel| (cancel.published, cancel.event.clone())));
    // The first is the last.
    to_come.sort_by_key(|(tick, event)| (Reverse(*tick), event["id"].to_string()));
    let runs = words.iter().map(|word| word.run).chain(cancels.iter().map(|cancel| cancel.run));
    let mut open: BTreeSet<_> = runs.map(|run| run.to_string()).collect();
    let (mut ticks, mut seen) = (tokio::time::interval(TICK), 0);
    // What a restart keeps waiting does not come all at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0..GIVES_UP {
        loop {
            tokio::select! {
                _ = testbed.results.next() => {}
                _ = ticks.tick() => break,
            }
        }
        // What came while the tick did is kept, too.
        for received in testbed.results.received().iter().skip(seen).filter(|received| received.is_end()) {
            open.remove(received.run_id());
        }
        seen = testbed.results.received().len();
        while let Some((_, event)) = to_come.pop_if(|(at, _)| *at <= tick) {
            testbed.publisher.event(&event).await;
        }
        if open.is_empty() && to_come.is_empty() {
            return words.len() + cancels.len();
        }
        if restarts && RESTARTS.contains(&tick) {
            testbed.restart_broker(tick != RESTARTS[0]).await;
        } else if tick < MISHAPS_FOR {
            mishaps.go_on(testbed).await;
        } else {
            mishaps.end();
        }
    }
    let is_open = |history: &&History| history.words.iter().any(|word| open.contains(&word.run.to_string()));
    let left: Vec<_> = histories.iter().filter(is_open).map(ToString::to_string).collect();
    panic!("runs have not ended: {open:#?}\nof {}", left.join("\n"));
}
