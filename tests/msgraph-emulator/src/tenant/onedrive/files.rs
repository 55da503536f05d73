//! The content of a OneDrive: a tree of folders and files.
//!
//! A file has its size and hash, and bytes only if a request wrote them. Fifty thousand files take
//! some ten megabytes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::tenant::name_id;

/// The root of every drive.
pub(crate) const ROOT: u32 = 0;

/// Letters an id is made of.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Office files, into which SharePoint writes its own properties.
const OFFICE: &[&str] = &["docx", "docm", "xlsx", "xlsm", "pptx", "pptm"];

/// The bytes of SharePoint's properties in an Office file.
const PROMOTED_BYTES: u64 = 512;

/// A tree of folders and files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Files {
    /// By number; the root has the first.
    items: Vec<Item>,
    /// The items in a folder, by name in lower case.
    names: BTreeMap<(u32, String), u32>,
    used: u64,
}

/// A folder or a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) parent: u32,
    pub(crate) name: String,
    /// `None` for a folder.
    pub(crate) content: Option<Content>,
    pub(crate) created: String,
    pub(crate) modified: String,
    /// How often its content was written.
    pub(crate) versions: u32,
    /// It cannot be copied: a virus was found in it.
    pub(crate) infected: bool,
    deleted: bool,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) hash: [u8; 20],
    /// Present only if a request wrote them.
    pub(crate) bytes: Option<Bytes>,
}

impl Content {
    /// Content that a request wrote.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self { size: bytes.len() as u64, hash: quick_xor_hash(&bytes), bytes: Some(bytes) }
    }

    /// A file of this size, its hash following from a name.
    pub(crate) fn made_up(name: &str, size: u64) -> Self {
        let bytes = name_id("content", name).into_bytes().into_iter().chain((size as u32).to_le_bytes());
        let mut hash = [0; 20];
        for (cell, byte) in hash.iter_mut().zip(bytes) {
            *cell = byte;
        }
        Self { size, hash, bytes: None }
    }

    /// The content of a copy: SharePoint writes its own properties into Office files.
    fn copied(&self, name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        if !extension.is_some_and(|extension| OFFICE.contains(&extension.as_str())) {
            return self.clone();
        }
        let mut hash = self.hash;
        hash.rotate_left(7);
        Self { size: self.size + PROMOTED_BYTES, hash, bytes: None }
    }
}

impl Default for Files {
    fn default() -> Self {
        let root = Item::new(ROOT, "root", None, clock::CREATED);
        Self { items: vec![root], names: BTreeMap::new(), used: 0 }
    }
}

impl Item {
    fn new(parent: u32, name: &str, content: Option<Content>, at: &str) -> Self {
        Self {
            parent,
            name: name.to_owned(),
            content,
            created: at.to_owned(),
            modified: at.to_owned(),
            versions: 1,
            infected: false,
            deleted: false,
        }
    }
}

impl Files {
    /// The item with this number.
    pub(crate) fn get(&self, item: u32) -> Option<&Item> {
        self.items.get(item as usize).filter(|item| !item.deleted)
    }

    /// Everything there is, the root first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Item)> {
        (0..).zip(&self.items).filter(|(_, item)| !item.deleted)
    }

    /// The numbers of all items before one, the last first.
    pub(crate) fn before(&self, item: Option<u32>) -> impl Iterator<Item = u32> {
        let end = item.unwrap_or(self.items.len() as u32);
        (0..end).rev().filter(|number| self.get(*number).is_some())
    }

    /// The numbers of the items directly in a folder, by name.
    pub(crate) fn children(&self, folder: u32) -> impl Iterator<Item = u32> {
        self.names.range((folder, String::new())..(folder + 1, String::new())).map(|(_, item)| *item)
    }

    /// How many items are below a folder.
    pub(crate) fn count_below(&self, folder: u32) -> usize {
        let (mut open, mut count) = (vec![folder], 0);
        while let Some(folder) = open.pop() {
            for child in self.children(folder) {
                open.push(child);
                count += 1;
            }
        }
        count
    }

    /// The item of this name in a folder.
    pub(crate) fn child(&self, folder: u32, name: &str) -> Option<u32> {
        self.names.get(&(folder, name.to_lowercase())).copied()
    }

    /// The names from the root to an item, with slashes between them.
    pub(crate) fn path(&self, item: u32) -> String {
        let (mut names, mut at) = (Vec::new(), item);
        while at != ROOT {
            let Some(found) = self.items.get(at as usize) else { break };
            names.push(found.name.as_str());
            at = found.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// The item at a path.
    pub(crate) fn at(&self, path: &str) -> Option<u32> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(ROOT, |folder, name| self.child(folder, name))
    }

    /// The bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Adds a file or folder. The caller has checked that the name is free.
    pub(crate) fn put(&mut self, folder: u32, name: &str, content: Option<Content>, at: &str) -> u32 {
        let number = self.items.len() as u32;
        self.used += content.as_ref().map_or(0, |content| content.size);
        self.items.push(Item::new(folder, name, content, at));
        self.names.insert((folder, name.to_lowercase()), number);
        number
    }

    /// Writes a file's content anew.
    pub(crate) fn write(&mut self, item: u32, content: Content, at: &str) {
        let Some(found) = self.items.get_mut(item as usize) else { return };
        let before = found.content.as_ref().map_or(0, |content| content.size);
        self.used = self.used - before + content.size;
        found.content = Some(content);
        at.clone_into(&mut found.modified);
        found.versions += 1;
    }

    /// Adds a file at a path, and the folders above it.
    pub(crate) fn put_at(&mut self, path: &str, content: Option<Content>, at: &str) -> u32 {
        let mut folder = ROOT;
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        for name in above.split('/').filter(|name| !name.is_empty()) {
            folder = match self.child(folder, name) {
                Some(known) => known,
                None => self.put(folder, name, None, at),
            };
        }
        match (self.child(folder, name), content) {
            (Some(known), Some(content)) => {
                self.write(known, content, at);
                known
            }
            (Some(known), None) => known,
            (None, content) => self.put(folder, name, content, at),
        }
    }

    /// Marks a file as one in which a virus was found.
    pub(crate) fn infect(&mut self, item: u32) {
        if let Some(item) = self.items.get_mut(item as usize) {
            item.infected = true;
        }
    }

    /// Removes an item.
    pub(crate) fn remove(&mut self, item: u32) {
        if let Some(found) = self.items.get_mut(item as usize) {
            found.deleted = true;
            self.used -= found.content.as_ref().map_or(0, |content| content.size);
            self.names.remove(&(found.parent, found.name.to_lowercase()));
        }
    }

    /// An item's content as it will be elsewhere, under this name.
    pub(crate) fn copied(&self, item: u32, name: &str) -> Option<Content> {
        self.get(item)?.content.as_ref().map(|content| content.copied(name))
    }

    /// The tree as a state shows it: paths, sizes and hashes, nothing that differs between two runs.
    pub(in crate::tenant) fn state(&self) -> Value {
        let items = self.all().skip(1).map(|(number, item)| {
            let what = match &item.content {
                Some(content) => {
                    json!({ "size": content.size, "hash": encoded(&content.hash), "versions": item.versions })
                }
                None => json!("folder"),
            };
            (self.path(number), what)
        });
        items.collect::<BTreeMap<_, _>>().into_iter().collect()
    }
}

/// The id of an item of a user's drive: a part for the drive, and eight letters for the number.
pub(crate) fn item_id(owner: Uuid, item: u32) -> String {
    let drive = name_id("drive", &owner.to_string()).as_u128();
    let drive = (0..24).map(|at| letter(drive >> (at * 5)));
    let number = (0..8).rev().map(|at| letter(u128::from(item) >> (at * 5)));
    "01".chars().chain(drive).chain(number).collect()
}

/// The number of the item with this id in a user's drive.
pub(crate) fn item_number(owner: Uuid, id: &str) -> Option<u32> {
    if id == "root" {
        return Some(ROOT);
    }
    let number = id.get(26..)?.bytes().try_fold(0_u64, |number, byte| {
        let digit = LETTERS.iter().position(|letter| *letter == byte)?;
        Some(number << 5 | digit as u64)
    })?;
    u32::try_from(number).ok().filter(|number| item_id(owner, *number) == id)
}

fn letter(bits: u128) -> char {
    LETTERS.get((bits & 31) as usize).copied().map_or('A', char::from)
}

/// SharePoint's hash of a file, as its documentation has it ("QuickXorHash", 2024): each byte is laid eleven bits further
/// round a ring of 160, and the length over the last eight bytes.
fn quick_xor_hash(bytes: &[u8]) -> [u8; 20] {
    let mut hash = [0_u8; 20];
    let mut lay = |at: usize, bits: u8| {
        if let Some(cell) = hash.get_mut(at % 20) {
            *cell ^= bits;
        }
    };
    for (at, byte) in bytes.iter().enumerate() {
        let bit = at * 11 % 160;
        let [low, high] = (u16::from(*byte) << (bit % 8)).to_le_bytes();
        lay(bit / 8, low);
        lay(bit / 8 + 1, high);
    }
    for (at, byte) in (bytes.len() as u64).to_le_bytes().into_iter().enumerate() {
        lay(12 + at, byte);
    }
    hash
}

/// The hash as Graph writes it.
pub(crate) fn encoded(hash: &[u8; 20]) -> String {
    STANDARD.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sharepoints() {
        // Vectors of rclone's own tests (backend/onedrive/quickxorhash, 2024).
        for (bytes, hash) in [
            ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ("Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="),
            ("T6LYJIfDh81JrAK309H2JMJTXis=", "zBTHrspn3mEcohlJdIUAbjGNaNg="),
        ] {
            assert_eq!(encoded(&quick_xor_hash(&STANDARD.decode(bytes).unwrap())), hash);
        }
    }

    #[test]
    fn an_id_says_which_item_of_which_drive() {
        let (ada, grace) = (name_id("user", "ada"), name_id("user", "grace"));
        for number in [0, 1, 31, 32, 70_000] {
            let id = item_id(ada, number);
            assert_eq!((id.len(), item_number(ada, &id), item_number(grace, &id)), (34, Some(number), None));
        }
        assert_eq!(
            (item_number(ada, "root"), item_number(ada, "01é"), item_number(ada, "")),
            (Some(0), None, None)
        );
    }

    #[test]
    fn a_tree_ignores_case() {
        let mut files = Files::default();
        let at = clock::CREATED;
        let file = files.put_at("Plans/2026/Budget.xlsx", Some(Content::made_up("b", 7)), at);
        files.put_at("Plans/empty", None, at);
        assert_eq!(files.at("plans/2026/budget.XLSX"), Some(file));
        assert_eq!(
            (files.path(file).as_str(), files.count_below(ROOT), files.used()),
            ("Plans/2026/Budget.xlsx", 4, 7)
        );
        files.remove(file);
        assert_eq!((files.at("plans/2026/budget.xlsx"), files.count_below(ROOT), files.used()), (None, 3, 0));
    }
}
