//! The notes that one look at a migration leaves for the next. All of them can be lost: the next look then compares
//! the drives, and nothing is done twice.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use msgraph::RefusedItem;

use super::settling::Growth;

/// The longest wait between two looks at running copy jobs.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A longer sealed monitor URL is not carried. The next looks then see whether the target grows.
const LONGEST_ADDRESS: usize = 640;
/// For how many items that were not copied the reason is carried.
const REASONS: usize = 20;

/// One note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The look before created the folder, so no job is copying into it.
    Fresh,
    /// A copy job with its monitor URL.
    Copy {
        /// The monitor URL, sealed: it shows the job's progress without a sign-in.
        address: String,
        /// The number of its items.
        items: usize,
    },
    /// There are copy jobs without a monitor URL.
    #[serde(rename = "unheard")]
    Unmonitored,
    /// How often copy jobs were looked at since something changed.
    Asked(u32),
    /// The number of items in the target.
    Seen(usize),
    /// How long the target will have been the same by the next look, and how many looks there were.
    Quiet {
        /// Seconds.
        seconds: u64,
        /// Looks.
        looks: u32,
    },
    /// The list beside the copies was written, in this replay.
    Listed(u32),
    /// How many items were open when copies were last started, and in which replay.
    Tried {
        /// Missing or stale items.
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
    /// The note about a copy job.
    pub fn of_copy(address: Option<String>, items: usize) -> Self {
        match address.filter(|address| address.len() <= LONGEST_ADDRESS) {
            Some(address) => Self::Copy { address, items },
            None => Self::Unmonitored,
        }
    }
}

/// All notes together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// The folder is new and no job is copying into it.
    pub is_fresh: bool,
    /// Sealed monitor URLs of copy jobs, with the number of items.
    pub copies: Vec<(String, usize)>,
    /// Whether there are copy jobs without a monitor URL.
    pub has_unmonitored: bool,
    /// How often copy jobs were looked at.
    pub asked: u32,
    /// What is known of the target's growth.
    pub growth: Growth,
    /// The replay in which the list beside the copies was written.
    pub listed: Option<u32>,
    /// How many items were open when copies were last started, and in which replay.
    pub tried: Option<(usize, u32)>,
    /// Why items were not copied.
    pub refused: Vec<(String, String)>,
}

impl Notes {
    /// Reads the notes.
    pub fn read(notes: Vec<Note>) -> Self {
        let mut all = Self::default();
        for note in notes {
            match note {
                Note::Fresh => all.is_fresh = true,
                Note::Copy { address, items } => all.copies.push((address, items)),
                Note::Unmonitored => all.has_unmonitored = true,
                Note::Asked(times) => all.asked = times,
                Note::Seen(items) => all.growth.seen = Some(items),
                Note::Quiet { seconds, looks } => {
                    all.growth = Growth { quiet: seconds, looks, ..all.growth };
                }
                Note::Listed(replays) => all.listed = Some(replays),
                Note::Tried { open, replays } => all.tried = Some((open, replays)),
                Note::Refused { item, code } => all.refused.push((item, code)),
            }
        }
        all
    }

    /// Writes the notes.
    pub fn write(&self) -> Vec<Value> {
        let mut notes = Vec::new();
        notes.extend(self.is_fresh.then_some(Note::Fresh));
        let copies = self.copies.iter().cloned();
        notes.extend(copies.map(|(address, items)| Note::Copy { address, items }));
        notes.extend(self.has_unmonitored.then_some(Note::Unmonitored));
        notes.extend((self.asked > 0).then_some(Note::Asked(self.asked)));
        notes.extend(self.growth.write());
        notes.extend(self.listed.map(Note::Listed));
        notes.extend(self.tried.map(|(open, replays)| Note::Tried { open, replays }));
        let refused = self.refused.iter().take(REASONS).cloned();
        notes.extend(refused.map(|(item, code)| Note::Refused { item, code }));
        notes.into_iter().filter_map(|note| serde_json::to_value(note).ok()).collect()
    }

    /// Adds the reasons why items were not copied. For each item the last reason counts.
    pub fn refuse(&mut self, refused: Vec<RefusedItem>) {
        for RefusedItem { code, item } in refused {
            let Some(item) = item else { continue };
            self.refused.retain(|(known, _)| *known != item);
            self.refused.push((item, code));
        }
    }

    /// Why an item was not copied, if known.
    pub fn reason(&self, item: &str) -> Option<&str> {
        self.refused.iter().find(|(refused, _)| refused == item).map(|(_, code)| code.as_str())
    }

    /// How long to wait before the next look: a second at first, then twice as long each time, up to a minute.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(1 << self.asked.min(6)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_notes_are_read_again() {
        let notes = Notes {
            is_fresh: true,
            copies: vec![("https://contoso.example/monitor/1".into(), 30_000)],
            has_unmonitored: true,
            asked: 3,
            growth: Growth { seen: Some(7), quiet: 30, looks: 2 },
            listed: Some(1),
            tried: Some((9, 1)),
            refused: vec![("01A".into(), "malwareDetected".into())],
        };
        let read = notes.write().into_iter().map(|note| serde_json::from_value(note).unwrap()).collect();
        assert_eq!(Notes::read(read), notes);
        assert_eq!(Notes::default().write(), Vec::<Value>::new());
    }

    #[test]
    fn all_notes_fit_into_a_memo() {
        let address = "x".repeat(LONGEST_ADDRESS);
        let copies = [Note::of_copy(Some(address), 30_000)];
        let Note::Copy { address, items } = copies[0].clone() else { panic!("it can be carried") };
        let notes = Notes {
            is_fresh: true,
            copies: vec![(address, items); super::super::copy_plan::MONITORED],
            has_unmonitored: true,
            asked: 9,
            growth: Growth { seen: Some(1_000_000), quiet: 1_000_000, looks: 1_000 },
            listed: Some(9),
            tried: Some((1_000_000, 9)),
            refused: vec![("0".repeat(34), "generalException".into()); 99],
        };
        let bytes = Value::Array(notes.write()).to_string().len();
        assert!(bytes <= workflow::MEMO_LIMIT_BYTES, "{bytes}");
        let longer = "x".repeat(LONGEST_ADDRESS + 1);
        assert_eq!(Note::of_copy(Some(longer), 1), Note::Unmonitored);
        assert_eq!(Note::of_copy(None, 1), Note::Unmonitored);
    }

    #[test]
    fn the_pause_grows_to_a_minute() {
        let pause = |asked| Notes { asked, ..Notes::default() }.pause().as_secs();
        assert_eq!([0, 1, 5, 6, 99].map(pause), [1, 2, 32, 60, 60]);
    }
}
