//! Job one look at a migration tells the next. All of it can be lost: then the drives are looked at, and nothing is
//! done twice.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use msgraph::RefusedItem;

/// The longest wait between two looks at copies that go on.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A longer address to ask after a copy is not carried; the copy is then waited for by looking at the target.
const LONGEST_ADDRESS: usize = 640;
/// Of so many items that were not copied the reason is carried.
const REASONS: usize = 20;

/// One thing to remember.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The folder was made by the look before this one: nobody is copying into it.
    Fresh,
    /// A copy that was ordered, and where to ask after it.
    Copy {
        /// Lets in whoever has it, to see how far the copy is.
        address: String,
        /// How many items it has.
        items: usize,
    },
    /// Copies that were ordered and cannot be asked after.
    #[serde(rename = "unheard")]
    Unmonitored,
    /// How often copies were asked after since something changed.
    Asked(u32),
    /// How many items were in the target.
    Seen(usize),
    /// How many items were not there when they were last ordered, in which replay.
    Tried {
        /// Not there, or older.
        open: usize,
        /// How often the run had been replayed.
        replays: u32,
    },
    /// Why an item was not copied, in SharePoint's word.
    Refused {
        /// The item.
        item: String,
        /// The word.
        code: String,
    },
}

impl Note {
    /// Of a copy that was ordered.
    pub fn of_copy(address: Option<&SecretString>, items: usize) -> Self {
        match address.map(ExposeSecret::expose_secret).filter(|address| address.len() <= LONGEST_ADDRESS) {
            Some(address) => Self::Copy { address: address.to_owned(), items },
            None => Self::Unmonitored,
        }
    }
}

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// The folder is new and nobody copies into it.
    pub is_fresh: bool,
    /// Copies that can be asked after, and how many items each has.
    pub copies: Vec<(String, usize)>,
    /// Whether there are copies that cannot.
    pub has_unmonitored: bool,
    /// How often copies were asked after.
    pub asked: u32,
    /// How many items were in the target.
    pub seen: Option<usize>,
    /// How many items were open when they were last ordered, in which replay.
    pub tried: Option<(usize, u32)>,
    /// Why items were not copied.
    pub refused: Vec<(String, String)>,
}

impl Notes {
    /// Job was noted.
    pub fn read(notes: Vec<Note>) -> Self {
        let mut all = Self::default();
        for note in notes {
            match note {
                Note::Fresh => all.is_fresh = true,
                Note::Copy { address, items } => all.copies.push((address, items)),
                Note::Unmonitored => all.has_unmonitored = true,
                Note::Asked(times) => all.asked = times,
                Note::Seen(items) => all.seen = Some(items),
                Note::Tried { open, replays } => all.tried = Some((open, replays)),
                Note::Refused { item, code } => all.refused.push((item, code)),
            }
        }
        all
    }

    /// Job is to be noted.
    pub fn write(&self) -> Vec<Value> {
        let mut notes = Vec::new();
        notes.extend(self.is_fresh.then_some(Note::Fresh));
        let copies = self.copies.iter().cloned();
        notes.extend(copies.map(|(address, items)| Note::Copy { address, items }));
        notes.extend(self.has_unmonitored.then_some(Note::Unmonitored));
        notes.extend((self.asked > 0).then_some(Note::Asked(self.asked)));
        notes.extend(self.seen.map(Note::Seen));
        notes.extend(self.tried.map(|(open, replays)| Note::Tried { open, replays }));
        let refused = self.refused.iter().take(REASONS).cloned();
        notes.extend(refused.map(|(item, code)| Note::Refused { item, code }));
        notes.into_iter().filter_map(|note| serde_json::to_value(note).ok()).collect()
    }

    /// Remembers why items were not copied; of one item the last reason counts.
    pub fn refuse(&mut self, refused: Vec<RefusedItem>) {
        for RefusedItem { code, item } in refused {
            let Some(item) = item else { continue };
            self.refused.retain(|(known, _)| *known != item);
            self.refused.push((item, code));
        }
    }

    /// Why an item was not copied, as far as that is known.
    pub fn reason(&self, item: &str) -> Option<&str> {
        self.refused.iter().find(|(refused, _)| refused == item).map(|(_, code)| code.as_str())
    }

    /// How long to wait before asking again: a second at first, then twice as long each time, to a minute.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(1 << self.asked.min(6)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        let notes = Notes {
            is_fresh: true,
            copies: vec![("https://contoso.example/monitor/1".into(), 30_000)],
            has_unmonitored: true,
            asked: 3,
            seen: Some(7),
            tried: Some((9, 1)),
            refused: vec![("01A".into(), "malwareDetected".into())],
        };
        let read = notes.write().into_iter().map(|note| serde_json::from_value(note).unwrap()).collect();
        assert_eq!(Notes::read(read), notes);
        assert_eq!(Notes::default().write(), Vec::<Value>::new());
    }

    #[test]
    fn all_that_is_ever_noted_fits_into_a_memo() {
        let address = SecretString::from("x".repeat(LONGEST_ADDRESS));
        let copies = [Note::of_copy(Some(&address), 30_000)];
        let Note::Copy { address, items } = copies[0].clone() else { panic!("it can be carried") };
        let notes = Notes {
            is_fresh: true,
            copies: vec![(address, items); super::super::copy_plan::MONITORED],
            has_unmonitored: true,
            asked: 9,
            seen: Some(1_000_000),
            tried: Some((1_000_000, 9)),
            refused: vec![("0".repeat(34), "generalException".into()); 99],
        };
        let bytes = Value::Array(notes.write()).to_string().len();
        assert!(bytes <= workflow::MEMO_LIMIT_BYTES, "{bytes}");
        let longer = SecretString::from("x".repeat(LONGEST_ADDRESS + 1));
        assert_eq!(Note::of_copy(Some(&longer), 1), Note::Unmonitored);
        assert_eq!(Note::of_copy(None, 1), Note::Unmonitored);
    }

    #[test]
    fn the_pause_grows_to_a_minute() {
        let pause = |asked| Notes { asked, ..Notes::default() }.pause().as_secs();
        assert_eq!([0, 1, 5, 6, 99].map(pause), [1, 2, 32, 60, 60]);
    }
}
