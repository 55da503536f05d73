//! Which person a claim is about: people who turn out to be one are joined.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    keys::{Key, Kind},
    person::{Person, append, retain},
    places::{Index, Places},
};

/// The people, by number, and the ways to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub(crate) places: Places,
    by_key: Index,
    by_run: Index,
}

/// Two people share a UPN, and both are in use.
pub(crate) struct Conflict;

impl People {
    /// Everybody, in the order in which they were first heard of.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Person> {
        self.places.all()
    }

    /// The person with this number.
    pub(crate) fn get(&self, number: u32) -> Option<&Person> {
        self.places.get(number)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Person> {
        self.places.get_mut(number)
    }

    /// The person of a run.
    pub(crate) fn of_run(&self, run: Uuid) -> Option<&Person> {
        self.get(self.number_of_run(run)?)
    }

    pub(crate) fn of_run_mut(&mut self, run: Uuid) -> Option<&mut Person> {
        self.get_mut(self.number_of_run(run)?)
    }

    fn number_of_run(&self, run: Uuid) -> Option<u32> {
        self.by_run.get(&run, |number| has_run(&self.places, number, run))
    }

    /// The people with one of these keys.
    pub(crate) fn of_keys(&self, keys: &[Key]) -> BTreeSet<u32> {
        keys.iter().filter_map(|key| self.number_of_key(*key)).collect()
    }

    fn number_of_key(&self, key: Key) -> Option<u32> {
        self.by_key.get(&key, |number| has_key(&self.places, number, key))
    }

    /// Adds a person, with the keys and the runs they have.
    pub(crate) fn add(&mut self, person: Person) {
        let number = self.places.add(person);
        let Self { places, by_key, by_run } = self;
        let Some(person) = places.get(number) else { return };
        for key in &person.keys {
            by_key.set(key, number, |other| other != number && has_key(places, other, *key));
        }
        for run in &person.runs {
            by_run.set(&run.id, number, |other| other != number && has_run(places, other, run.id));
        }
    }

    /// Removes the people that a test names.
    pub(crate) fn remove(&mut self, is_old: impl Fn(&Person) -> bool) {
        for number in 0..self.places.count() {
            let Self { places, by_key, by_run } = self;
            let Some(person) = places.get(number).filter(|person| is_old(person)) else { continue };
            for key in &person.keys {
                by_key.remove(key, |other| has_key(places, other, *key));
            }
            for run in &person.runs {
                by_run.remove(&run.id, |other| has_run(places, other, run.id));
            }
            places.take(number);
        }
    }

    /// The person of a run with these keys: a known one, two joined, or a new one. The run is theirs from now on.
    ///
    /// A strong key that is shared joins. A UPN joins unless strong keys contradict; then it moves to the newcomer,
    /// if no run of its old owner is open.
    pub(crate) fn identify(&mut self, run: Uuid, keys: &[Key]) -> Result<&mut Person, Conflict> {
        let strong: Vec<Key> = keys.iter().copied().filter(|key| key.is_strong()).collect();
        let mut joined = self.of_keys(&strong);
        joined.extend(self.number_of_run(run));
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
            self.by_key.remove(&upn, |other| has_key(&self.places, other, upn));
            if let Some(owner) = self.get_mut(number) {
                retain(&mut owner.keys, |key| *key != upn);
            }
        }
        self.join(run, &joined, keys).ok_or(Conflict)
    }

    fn owner(&self, key: Key) -> Option<(u32, &Person)> {
        let number = self.number_of_key(key)?;
        Some((number, self.get(number)?))
    }

    /// Makes one person of several, with further keys and a run that may be new. The first of them stays.
    fn join(&mut self, run: Uuid, numbers: &BTreeSet<u32>, keys: &[Key]) -> Option<&mut Person> {
        let Self { places, by_key, by_run } = self;
        let mut numbers = numbers.iter().copied();
        let number = numbers.next().unwrap_or_else(|| places.add(Person::default()));
        let mut joined = places.take(number).unwrap_or_default();
        for former in numbers {
            let Some(other) = places.take(former) else { continue };
            let is_old = |other: u32, has: bool| other == former || (other != number && has);
            for key in &other.keys {
                by_key.set(key, number, |other| is_old(other, has_key(places, other, *key)));
            }
            for run in &other.runs {
                by_run.set(&run.id, number, |other| is_old(other, has_run(places, other, run.id)));
            }
            append(&mut joined.keys, other.keys);
            append(&mut joined.runs, other.runs);
            joined.runs.sort_by_key(|run| run.first);
            append(&mut joined.holds, other.holds);
            joined.last_at = joined.last_at.max(other.last_at);
        }
        let new: BTreeSet<Key> = keys.iter().copied().filter(|key| !joined.keys.contains(key)).collect();
        for key in &new {
            by_key.set(key, number, |other| has_key(places, other, *key));
        }
        if joined.run(run).is_none() {
            by_run.set(&run, number, |_| false);
        }
        append(&mut joined.keys, new);
        places.put(number, joined);
        self.get_mut(number)
    }
}

fn has_key(places: &Places, number: u32, key: Key) -> bool {
    places.get(number).is_some_and(|person| person.keys.contains(&key))
}

fn has_run(places: &Places, number: u32, run: Uuid) -> bool {
    places.get(number).is_some_and(|person| person.run(run).is_some())
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Claim, Intent, KeyRing, Run};

    fn keys(of: &[(Kind, &str)]) -> Vec<Key> {
        let ring = KeyRing::new(b"secret of the tests");
        of.iter().flat_map(|(kind, value)| ring.keys("contoso", *kind, value)).collect()
    }

    /// Somebody with these keys has a run.
    fn add(people: &mut People, run: u128, of: &[(Kind, &str)]) {
        let run = Uuid::from_u128(run);
        let claim = Claim::new(run, run, Intent::Onboarding, 0, Timestamp::UNIX_EPOCH);
        let Ok(person) = people.identify(run, &keys(of)) else { panic!("a conflict") };
        let mut run = Run::new(&claim, 0);
        run.state = crate::State::Done;
        append(&mut person.runs, [run]);
    }

    #[test]
    fn nothing_leads_to_people_who_were_joined_or_have_lost_a_key() {
        let mut people = People::default();
        let counts = |people: &People| (people.by_key.count(), people.by_run.count());
        add(&mut people, 1, &[(Kind::EntraId, "a"), (Kind::Upn, "ada")]);
        add(&mut people, 2, &[(Kind::EmployeeId, "17")]);
        add(&mut people, 3, &[(Kind::EntraId, "b"), (Kind::Upn, "ada")]);
        assert_eq!(counts(&people), (4, 3), "the UPN has moved");
        add(&mut people, 4, &[(Kind::EntraId, "a"), (Kind::EmployeeId, "17")]);
        assert_eq!((people.all().count(), counts(&people)), (2, (4, 4)), "two are one");
        people.remove(|person| person.runs.len() == 3);
        assert_eq!((people.all().count(), counts(&people)), (1, (2, 1)));
        people.remove(|_| true);
        assert_eq!(counts(&people), (0, 0));
    }
}
