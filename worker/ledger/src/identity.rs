//! Which person a claim is about: people who turn out to be one are joined.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    keys::{Key, Kind},
    person::Person,
};

/// The people, by number, and the ways to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct People {
    /// None in the place of who was joined with somebody else, or forgotten.
    people: Vec<Option<Person>>,
    by_key: BTreeMap<Key, u32>,
    by_run: BTreeMap<Uuid, u32>,
}

/// Two people share a UPN, and both are in use.
pub(crate) struct Conflict;

impl People {
    /// Everybody, in the order in which they were first heard of.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().flatten()
    }

    /// The person with this number.
    pub(crate) fn get(&self, number: u32) -> Option<&Person> {
        self.people.get(usize::try_from(number).ok()?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Person> {
        self.people.get_mut(usize::try_from(number).ok()?)?.as_mut()
    }

    /// The person of a run.
    pub(crate) fn of_run(&self, run: Uuid) -> Option<&Person> {
        self.get(*self.by_run.get(&run)?)
    }

    pub(crate) fn of_run_mut(&mut self, run: Uuid) -> Option<&mut Person> {
        self.get_mut(*self.by_run.get(&run)?)
    }

    /// The people with one of these keys.
    pub(crate) fn of_keys(&self, keys: &[Key]) -> BTreeSet<u32> {
        keys.iter().filter_map(|key| self.by_key.get(key)).copied().collect()
    }

    /// Adds a person, with the keys and the runs they have.
    pub(crate) fn add(&mut self, person: Person) {
        let number = self.next();
        self.by_key.extend(person.keys.iter().map(|key| (*key, number)));
        self.by_run.extend(person.runs.iter().map(|run| (run.id, number)));
        self.people.push(Some(person));
    }

    fn next(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }

    /// Removes the people that a test names.
    pub(crate) fn remove(&mut self, is_old: impl Fn(&Person) -> bool) {
        for place in &mut self.people {
            let Some(person) = place.take_if(|person| is_old(person)) else { continue };
            for key in &person.keys {
                self.by_key.remove(key);
            }
            for run in &person.runs {
                self.by_run.remove(&run.id);
            }
        }
    }

    /// The person of a run with these keys: a known one, two joined, or a new one. The run is theirs from now on.
    ///
    /// A strong key that is shared joins. A UPN joins unless strong keys contradict; then it moves to the newcomer,
    /// if no run of its old owner is open.
    pub(crate) fn identify(&mut self, run: Uuid, keys: &[Key]) -> Result<&mut Person, Conflict> {
        let strong: Vec<Key> = keys.iter().copied().filter(|key| key.is_strong()).collect();
        let mut joined = self.of_keys(&strong);
        joined.extend(self.by_run.get(&run));
        let mut known = keys.to_vec();
        for number in &joined {
            known.extend(self.get(*number).into_iter().flat_map(|person| &person.keys));
        }
        let mut moved: Vec<(Key, u32)> = Vec::new();
        for upn in keys.iter().filter(|key| key.kind() == Kind::Upn) {
            let Some((number, owner)) = self.owner(*upn).filter(|(number, _)| !joined.contains(number))
            else {
                continue;
            };
            if !contradict(&known, &owner.keys) {
                known.extend(&owner.keys);
                joined.insert(number);
            } else if owner.is_open() {
                return Err(Conflict);
            } else {
                moved.push((*upn, number));
            }
        }
        for (upn, number) in moved.into_iter().filter(|(_, number)| !joined.contains(number)) {
            if let Some(owner) = self.get_mut(number) {
                owner.keys.retain(|key| *key != upn);
            }
        }
        self.join(run, &joined, keys).ok_or(Conflict)
    }

    fn owner(&self, key: Key) -> Option<(u32, &Person)> {
        let number = *self.by_key.get(&key)?;
        Some((number, self.get(number)?))
    }

    /// Makes one person of several, with further keys and a run that may be new. The first of them stays.
    fn join(&mut self, run: Uuid, numbers: &BTreeSet<u32>, keys: &[Key]) -> Option<&mut Person> {
        let mut first = None;
        for number in numbers {
            let place = usize::try_from(*number).ok().and_then(|place| self.people.get_mut(place));
            let Some(other) = place.and_then(Option::take) else { continue };
            let Some(joined) = &mut first else {
                first = Some(other);
                continue;
            };
            let joined: &mut Person = joined;
            joined.keys.extend(other.keys);
            joined.runs.extend(other.runs);
            joined.runs.sort_by_key(|run| run.first);
            joined.holds.extend(other.holds);
            joined.last_at = joined.last_at.max(other.last_at);
        }
        let mut joined = first.unwrap_or_default();
        let number = numbers.first().copied().unwrap_or_else(|| self.next());
        if numbers.len() > 1 {
            self.by_key.extend(joined.keys.iter().map(|key| (*key, number)));
            self.by_run.extend(joined.runs.iter().map(|run| (run.id, number)));
        }
        let new: BTreeSet<Key> = keys.iter().copied().filter(|key| !joined.keys.contains(key)).collect();
        // A list that grows by itself takes twice what it needs, and most people never learn another key.
        joined.keys.reserve_exact(new.len());
        joined.keys.extend(&new);
        self.by_key.extend(new.into_iter().map(|key| (key, number)));
        self.by_run.insert(run, number);
        match usize::try_from(number).ok().and_then(|place| self.people.get_mut(place)) {
            Some(place) => *place = Some(joined),
            None => self.people.push(Some(joined)),
        }
        self.get_mut(number)
    }
}

/// Whether both sides know a strong key of one kind, and none of that kind is equal.
fn contradict(one: &[Key], other: &[Key]) -> bool {
    let strong = |keys: &[Key]| keys.iter().copied().filter(|key| key.is_strong()).collect::<Vec<_>>();
    let (one, other) = (strong(one), strong(other));
    one.iter().any(|key| {
        let of_kind = || other.iter().filter(|known| known.is_comparable(*key));
        let ours = || one.iter().filter(|known| known.is_comparable(*key));
        of_kind().next().is_some() && !ours().any(|mine| other.contains(mine))
    })
}
