//! The places of people, by number, and the ways to them.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashTable;

use crate::person::Person;

/// The people, each in a place of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// None in the place of who was joined with somebody else, or forgotten. Nobody else gets it.
    people: Vec<Option<Person>>,
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
        self.people.get_mut(place(number))?.take()
    }

    /// Puts a person into a place that is known.
    pub(crate) fn put(&mut self, number: u32, person: Person) {
        if let Some(place) = self.people.get_mut(place(number)) {
            *place = Some(person);
        }
    }

    /// The number of the next person.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// From something that a person has to their number.
///
/// The thing itself stands with the person, and only half of its hash here: a third of the memory that a map of things
/// takes. So whoever looks says whether the person with a number is meant.
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
}
