//! A dead letter in a list, and which of a list are meant.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    num::NonZeroU32,
    sync::Arc,
};

use tokio::sync::watch;

use super::letter;
use crate::{DeadLetter, Error, Message, Properties, message::origin::Origin};

/// A dead letter as an operator sees it in a list. Holds no body.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its message id, else a hash of its body. Where another letter has the same id and another body, a tilde and a
    /// part of a hash of the body follow: whoever publishes chooses the message id.
    pub id: String,
    /// Tells it from another letter with the same id.
    pub(super) digest: String,
    /// Why it was set aside.
    pub letter: DeadLetter,
    /// Its properties.
    pub properties: Properties,
    /// Who wrote it.
    pub origin: Origin,
    /// The exchange it was last published to.
    pub exchange: String,
    /// The routing key it was last published with.
    pub routing_key: String,
    /// The size of its body.
    pub bytes: usize,
}

/// Selects the dead letters that meet every given condition. Empty, it selects all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Has one of these ids; any id if empty.
    pub ids: Vec<String>,
    /// What else it has to be.
    pub condition: Condition,
}

type Meets = dyn Fn(&Entry, &Message) -> bool + Send + Sync;

/// A condition on a dead letter and its message; by default every one meets it.
#[derive(Clone, Default)]
pub struct Condition(Option<Arc<Meets>>);

/// Which dead letters to work on, how many, and how fast.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Which ones.
    pub filter: Filter,
    /// How many at most; all if `None`.
    pub limit: Option<usize>,
    /// How many per second at most.
    pub per_second: NonZeroU32,
    /// Once it says true, no further one is begun. The rest is only counted.
    pub stop: Option<watch::Receiver<bool>>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            limit: None,
            per_second: NonZeroU32::MIN.saturating_add(9),
            stop: None,
        }
    }
}

impl Condition {
    /// A dead letter meets it if `meets` says so.
    #[must_use]
    pub fn new(meets: impl Fn(&Entry, &Message) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(meets)))
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "none" })
    }
}

impl Entry {
    pub(super) fn new(message: &Message, unrouted: bool) -> Self {
        Self {
            id: letter::id_of(&message.properties, &message.body),
            digest: letter::digest_of(message),
            letter: if unrouted { DeadLetter::of_unrouted(message) } else { DeadLetter::of(message) },
            properties: message.properties.clone(),
            origin: message.origin.clone(),
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
            bytes: message.body.len(),
        }
    }
}

impl Entry {
    /// The id with what tells it from others with the same.
    pub(super) fn full_id(&self) -> String {
        format!("{}~{}", self.id, self.digest)
    }

    /// Whether an operator means it by this id.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id == id
            || id.strip_suffix(self.digest.as_str()).and_then(|id| id.strip_suffix('~')) == Some(&self.id)
            || self.id.strip_suffix(self.digest.as_str()).and_then(|own| own.strip_suffix('~')) == Some(id)
    }
}

impl Filter {
    /// Whether a dead letter is selected.
    pub(super) fn matches(&self, entry: &Entry, message: &Message) -> bool {
        (self.ids.is_empty() || self.ids.iter().any(|id| entry.has_id(id)))
            && self.condition.0.as_ref().is_none_or(|meets| meets(entry, message))
    }
}

impl Filter {
    /// Refuses an id that names several of these letters, as a list shows them: only one of them can be meant.
    pub(super) fn refuse_shared<'a>(
        &self,
        letters: impl Iterator<Item = &'a Entry> + Clone,
    ) -> Result<(), Error> {
        for id in &self.ids {
            let named = letters.clone().filter(|letter| letter.id != *id && letter.has_id(id));
            let ids: BTreeSet<_> = named.map(|letter| letter.id.as_str()).collect();
            if !ids.is_empty() {
                let ids: Vec<_> = ids.into_iter().collect();
                return Err(Error::invalid(format!(
                    "several dead letters have the id {id}: name one of {}",
                    ids.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// The id by which a selected letter was named, or its own.
    pub(super) fn name_of(&self, entry: Entry) -> String {
        let full_id = entry.full_id();
        if self.ids.contains(&full_id) { full_id } else { entry.id }
    }
}

/// The ids in a queue, to find those that several letters have.
#[derive(Default)]
pub(super) struct Names(HashMap<String, HashSet<String>>);

impl Names {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.0.entry(entry.id.clone()).or_default().insert(entry.digest.clone());
    }

    /// Whether letters with different bodies have this id.
    pub(super) fn is_shared(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|digests| digests.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, body: &str) -> Entry {
        let properties = Properties { message_id: Some(id.to_owned()), ..Properties::default() };
        Entry::new(&Message { properties, body: body.into(), ..Message::default() }, false)
    }

    fn named(id: &str) -> Filter {
        Filter { ids: vec![id.to_owned()], ..Filter::default() }
    }

    #[test]
    fn an_id_that_several_letters_have_is_refused_and_a_longer_one_names_each() {
        let mut letters =
            [entry("m-1", "one"), entry("m-1", "two"), entry("m-2", "one"), entry("m-2", "one")];
        let mut names = Names::default();
        letters.iter().for_each(|letter| names.add(letter));
        assert!(names.is_shared("m-1"));
        // A letter and its copy are the same to everybody.
        assert!(!names.is_shared("m-2"));
        for letter in &mut letters {
            if names.is_shared(&letter.id) {
                letter.id = letter.full_id();
            }
        }
        let [one, two, same, _] = &letters;
        assert!(one.id.starts_with("m-1~") && one.id != two.id && same.id == "m-2");
        let refused = named("m-1").refuse_shared(letters.iter()).unwrap_err().to_string();
        assert!(refused.contains(&one.id) && refused.contains(&two.id), "{refused}");
        for letter in [one, two, same] {
            assert!(named(&letter.id).refuse_shared(letters.iter()).is_ok());
        }
        let (filter, fresh) = (named(&one.id), [entry("m-1", "one"), entry("m-1", "two")]);
        let matches = |filter: &Filter| {
            fresh.iter().map(|letter| filter.matches(letter, &Message::default())).collect::<Vec<_>>()
        };
        assert_eq!(matches(&filter), [true, false]);
        let never = Filter { condition: Condition::new(|_, _| false), ..filter.clone() };
        assert_eq!(matches(&never), [false, false]);
        let [first, _] = fresh;
        assert_eq!(filter.name_of(first.clone()), one.id);
        assert_eq!(named("m-1").name_of(first), "m-1");
    }
}
