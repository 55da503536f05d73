//! Three workers, and what befalls them: they are killed, frozen for longer than their leases, and cut off.

use std::process::Command;

use jiff::Timestamp;
use system_tests::proxy::Proxy;
use system_tests::random::Random;
use system_tests::{Testbed, Worker};

const WORKERS: usize = 3;
/// A frozen worker wakes after so many ticks at least: others have taken over what it held by then.
const FROZEN_FOR: usize = 62;
/// One in so many ticks has a mishap of this kind.
const KILL_IN: usize = 30;
const CUT_IN: usize = 40;
const FREEZE_IN: usize = 20;

/// A worker, and its wire to the broker.
struct Place {
    worker: Worker,
    wire: Proxy,
    /// The tick at which it wakes.
    frozen_until: Option<usize>,
}

/// The workers, and every mishap so far.
pub struct Mishaps {
    places: Vec<Place>,
    chance: Random,
    tick: usize,
    pub kills: usize,
    pub cuts: usize,
    /// When a frozen worker woke.
    pub thaws: Vec<Timestamp>,
}

impl Mishaps {
    /// Three workers, each with a wire of its own.
    pub async fn begin(testbed: &mut Testbed, seed: u64) -> Self {
        let mut places = Vec::new();
        for _ in 0..WORKERS {
            let wire = Proxy::start(testbed.broker.url(), true).await;
            let worker = start(testbed, &wire);
            places.push(Place { worker, wire, frozen_until: None });
        }
        Self { places, chance: Random::new(seed), tick: 0, kills: 0, cuts: 0, thaws: Vec::new() }
    }

    /// Lets happen what befalls the workers in this tick.
    pub async fn go_on(&mut self, testbed: &mut Testbed) {
        self.tick += 1;
        let tick = self.tick;
        for place in &mut self.places {
            if place.frozen_until.is_some_and(|until| until <= tick) {
                self.thaws.extend(place.thaw());
            }
        }
        let place = self.chance.below(self.places.len());
        let is_frozen = self.places[place].frozen_until.is_some();
        // A frozen one seldom dies: what it does when it wakes is what is to be seen.
        if self.chance.below(KILL_IN) == 0 && (!is_frozen || self.chance.below(4) == 0) {
            self.kills += 1;
            let place = &mut self.places[place];
            place.worker.kill().await;
            place.frozen_until = None;
            place.worker = start(testbed, &place.wire);
        } else if self.chance.below(CUT_IN) == 0 {
            self.cuts += 1;
            self.places[place].wire.cut();
        } else if self.chance.below(FREEZE_IN) == 0 && self.places.iter().all(|it| it.frozen_until.is_none())
        {
            let longer = self.chance.below(FROZEN_FOR);
            self.places[place].freeze(tick + FROZEN_FOR + longer);
        }
    }

    /// Ends every mishap.
    pub fn end(&mut self) {
        for place in &mut self.places {
            self.thaws.extend(place.thaw());
        }
    }

    /// The workers, to be stopped while their wires still work.
    pub fn into_workers(self) -> (Vec<Worker>, Vec<Proxy>) {
        self.places.into_iter().map(|place| (place.worker, place.wire)).unzip()
    }
}

impl Place {
    fn freeze(&mut self, until: usize) {
        self.signal("-STOP");
        self.frozen_until = Some(until);
    }

    fn thaw(&mut self) -> Option<Timestamp> {
        self.frozen_until.take()?;
        let now = Timestamp::now();
        self.signal("-CONT");
        Some(now)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.worker.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

fn start(testbed: &mut Testbed, wire: &Proxy) -> Worker {
    testbed.set("BROKER__URL", wire.url());
    testbed.start_worker()
}
