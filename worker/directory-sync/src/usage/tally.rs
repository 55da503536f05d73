//! Who used what on which day: four bytes a person and day, and each name once.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use jiff::civil::Date;

use super::apps::{Counts, Use};

/// Names, each with a number from 0.
#[derive(Default)]
struct Names {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    state: RandomState,
    /// Which name was asked for last.
    last: u32,
}

/// Who used what on which day. Only who used something is in it.
#[derive(Default)]
pub struct Tally {
    names: Names,
    /// For each day the use of each name, by its number.
    days: BTreeMap<Date, Vec<Use>>,
}

impl Names {
    fn get(&self, number: u32) -> &str {
        let at = number as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(at).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.numbers.find(self.state.hash_one(name), |number| self.get(*number) == name).copied()
    }

    fn intern(&mut self, name: &str) -> Option<u32> {
        // Reports of two days have most people in one order: the name after the last one is looked at first.
        let next = self.last.saturating_add(1);
        let is_next = (next as usize) < self.ends.len() && self.get(next) == name;
        let found = if is_next { Some(next) } else { self.find(name) };
        if let Some(number) = found {
            self.last = number;
            return Some(number);
        }
        let number = u32::try_from(self.ends.len()).ok()?;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let Self { text, ends, state, .. } = self;
        let get = |number: u32| {
            let at = number as usize;
            let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
            text.get(start..ends.get(at).copied().unwrap_or_default()).unwrap_or_default()
        };
        self.numbers.insert_unique(state.hash_one(name), number, |other| state.hash_one(get(*other)));
        self.last = number;
        Some(number)
    }
}

impl Tally {
    /// Whether the tally has this day.
    pub(crate) fn has(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// Begins a day, without what the tally had of it.
    pub(crate) fn begin(&mut self, day: Date) {
        self.days.insert(day, Vec::with_capacity(self.names.ends.len()));
    }

    /// Forgets a day.
    pub(crate) fn forget(&mut self, day: Date) {
        self.days.remove(&day);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds what somebody used on a day; several rows of one name are one person.
    pub(crate) fn add(&mut self, day: Date, name: &str, one: Use) {
        let Some(number) = self.names.intern(name) else { return };
        let uses = self.days.entry(day).or_default();
        let at = number as usize;
        if uses.len() <= at {
            uses.resize(at + 1, Use::default());
        }
        if let Some(known) = uses.get_mut(at) {
            *known = known.and(one);
        }
    }

    /// The number of a name.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.get(number)
    }

    /// Every number of a name.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.names.ends.len()).unwrap_or(u32::MAX)
    }

    /// What somebody used on each of these days.
    pub(crate) fn uses(&self, number: u32, days: &[Date]) -> impl Iterator<Item = (Date, Use)> {
        let on = move |day: &Date| self.days.get(day).and_then(|uses| uses.get(number as usize)).copied();
        days.iter().filter_map(move |day| Some((*day, on(day)?))).filter(|(_, one)| !one.is_empty())
    }

    /// Everyone who used something on a day, with a number to go on from.
    pub(crate) fn day(&self, day: Date, from: u32) -> impl Iterator<Item = (u32, Use)> {
        let uses = self.days.get(&day).map(Vec::as_slice).unwrap_or_default();
        let rest = uses.get(from as usize..).unwrap_or_default();
        (from..).zip(rest.iter().copied()).filter(|(_, one)| !one.is_empty())
    }

    /// How many people used what on a day.
    pub(crate) fn counts(&self, day: Date) -> Counts {
        let mut counts = Counts::default();
        for (_, one) in self.day(day, 0) {
            counts.add(one);
        }
        counts
    }

    /// How many people used what on these days, each person once; and on how many days, each day of a person once.
    pub(crate) fn window(&self, days: &[Date]) -> (Counts, Counts) {
        let (mut people, mut person_days) = (Counts::default(), Counts::default());
        for number in self.numbers() {
            let mut all = Use::default();
            for (_, one) in self.uses(number, days) {
                all = all.and(one);
                person_days.add(one);
            }
            people.add(all);
        }
        (people, person_days)
    }
}

#[cfg(test)]
mod tests {
    use super::super::apps::{App, Facet, Platform};
    use super::*;

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 11, day)
    }

    const WORD: fn() -> Use = || Use::of(App::Word, Platform::Web);
    const EXCEL: fn() -> Use = || Use::of(App::Excel, Platform::Mac);

    #[test]
    fn a_window_counts_each_person_once_and_each_day_of_a_person_once() {
        let mut tally = Tally::default();
        for (at, name, one) in [
            (1, "ada", WORD()),
            (1, "ada", EXCEL()),
            (2, "ada", WORD()),
            (2, "grace", EXCEL()),
            (3, "grace", EXCEL()),
        ] {
            tally.add(day(at), name, one);
        }
        let (people, days) = tally.window(&[day(1), day(2)]);
        let of = |counts: &Counts, facet| counts.get(facet);
        assert_eq!((of(&people, Facet::suite()), of(&days, Facet::suite())), (2, 3));
        assert_eq!((of(&people, Facet::of(App::Word)), of(&days, Facet::of(App::Word))), (1, 2));
        assert_eq!((of(&people, Facet::of(App::Excel)), of(&days, Facet::of(App::Excel))), (2, 2));
        assert_eq!(of(&tally.counts(day(3)), Facet::suite()), 1);
    }

    #[test]
    fn a_day_that_begins_again_has_nothing_of_before() {
        let mut tally = Tally::default();
        tally.add(day(1), "ada", WORD());
        tally.begin(day(1));
        tally.add(day(1), "grace", WORD());
        let names: Vec<_> = tally.day(day(1), 0).map(|(number, _)| tally.name(number).to_owned()).collect();
        assert_eq!(names, ["grace"]);
        tally.forget(day(1));
        assert!(!tally.has(day(1)) && tally.day(day(1), 0).count() == 0);
    }

    #[test]
    fn every_name_keeps_its_number_however_many_there_are() {
        let mut tally = Tally::default();
        let names: Vec<_> = (0..5_000).map(|number| format!("person-{number}@contoso.example")).collect();
        names.iter().for_each(|name| tally.add(day(1), name, WORD()));
        for (number, name) in (0..).zip(&names) {
            assert_eq!((tally.find(name), tally.name(number)), (Some(number), name.as_str()));
        }
        assert_eq!((tally.find("nobody"), tally.numbers().count()), (None, 5_000));
        assert_eq!(tally.day(day(1), 4_990).count(), 10);
    }
}
