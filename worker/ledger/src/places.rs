//! The places of people, by number, and the ways to them.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use hashbrown::HashTable;
use uuid::Uuid;

use crate::person::Person;

/// The people, each in a place of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// None in the place of who was joined with somebody else, or forgotten. Nobody else gets it.
    people: Vec<Option<Person>>,
    kept: Option<Kept>,
}

/// A moment that a snapshot is being written of. Whoever changes since is kept as they were until they are written.
#[derive(Clone, Debug)]
struct Kept {
    snapshot: Uuid,
    /// The next person to write.
    next: u32,
    /// How many people there were.
    end: u32,
    before: BTreeMap<u32, Person>,
}

impl Places {
    /// Everybody, in the order in which they were first heard of.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().flatten()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Person> {
        self.people.get(place(number))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Person> {
        self.keep(number);
        self.people.get_mut(place(number))?.as_mut()
    }

    /// Adds a person, and answers with their number.
    pub(crate) fn add(&mut self, person: Person) -> u32 {
        let number = self.count();
        self.people.push(Some(person));
        number
    }

    /// Takes a person out of their place.
    pub(crate) fn take(&mut self, number: u32) -> Option<Person> {
        self.keep(number);
        self.people.get_mut(place(number))?.take()
    }

    /// Puts a person into the place that they, or whom they were joined of, were taken out of.
    pub(crate) fn put(&mut self, number: u32, person: Person) {
        if let Some(place) = self.people.get_mut(place(number)) {
            *place = Some(person);
        }
    }

    /// The number of the next person.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }

    /// Keeps everybody as they are now for a snapshot, and for no other one.
    pub(crate) fn keep_for(&mut self, snapshot: Uuid) {
        self.kept = Some(Kept { snapshot, next: 0, end: self.count(), before: BTreeMap::new() });
    }

    /// Which snapshot people are kept for.
    pub(crate) fn kept_for(&self) -> Option<Uuid> {
        Some(self.kept.as_ref()?.snapshot)
    }

    pub(crate) fn keep_no_longer(&mut self) {
        self.kept = None;
    }

    /// Hands out the people that are kept, as they were, until one is refused; that one is the first the next time.
    pub(crate) fn hand_out<E>(&mut self, mut takes: impl FnMut(&Person) -> Result<bool, E>) -> Result<(), E> {
        let Self { people, kept: Some(kept) } = self else { return Ok(()) };
        while kept.next < kept.end {
            let now = people.get(place(kept.next)).and_then(Option::as_ref);
            if let Some(person) = kept.before.get(&kept.next).or(now)
                && !takes(person)?
            {
                return Ok(());
            }
            kept.before.remove(&kept.next);
            kept.next += 1;
        }
        Ok(())
    }

    /// Keeps a person who is about to change.
    fn keep(&mut self, number: u32) {
        let Self { people, kept: Some(kept) } = self else { return };
        if !(kept.next..kept.end).contains(&number) {
            return;
        }
        if let Some(Some(person)) = people.get(place(number)) {
            kept.before.entry(number).or_insert_with(|| person.clone());
        }
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// From something that a person has to their number.
///
/// Only half of the thing's hash stands here, so that the index takes little memory. Two things may have the same half:
/// the caller says whether the person with a number has the thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    entries: HashTable<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Entry {
    /// A hash of 64 bits whose upper and lower bits differ from entry to entry; the table uses both.
    fn spread(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn of(thing: &impl Hash, number: u32) -> Self {
        // Its keys are fixed, so that the same things have the same hashes everywhere.
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        let hash = u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX);
        Self { hash, number }
    }
}

impl Index {
    /// The number of who has a thing.
    pub(crate) fn get(&self, thing: &impl Hash, has: impl Fn(u32) -> bool) -> Option<u32> {
        let sought = Entry::of(thing, 0);
        let is_sought = |entry: &Entry| entry.hash == sought.hash && has(entry.number);
        Some(self.entries.find(sought.spread(), is_sought)?.number)
    }

    /// Says that the person with this number has a thing, and who had it until now does not.
    pub(crate) fn set(&mut self, thing: &impl Hash, number: u32, had: impl Fn(u32) -> bool) {
        let new = Entry::of(thing, number);
        let is_old = |entry: &Entry| entry.hash == new.hash && had(entry.number);
        match self.entries.find_mut(new.spread(), is_old) {
            Some(entry) => *entry = new,
            None => {
                self.entries.insert_unique(new.spread(), new, Entry::spread);
            }
        }
    }

    /// Forgets a thing that somebody has.
    pub(crate) fn remove(&mut self, thing: &impl Hash, has: impl Fn(u32) -> bool) {
        let old = Entry::of(thing, 0);
        let is_old = |entry: &Entry| entry.hash == old.hash && has(entry.number);
        if let Ok(entry) = self.entries.find_entry(old.spread(), is_old) {
            entry.remove();
        }
    }

    /// How many things somebody has.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }
}
