//! Folders: the same nouns in three places, and none too full to be looked through.

use std::collections::{BTreeMap, BTreeSet};

use system_tests::repository;

/// What Gatehouse works on. Each is a folder of `actions`, of `msgraph` and of the emulator's `graph`.
const NOUNS: [&str; 10] =
    ["calendar", "devices", "groups", "licenses", "mail", "onedrive", "rights", "sign_in", "teams", "users"];

/// Folders whose names are fixed, and those there are besides the nouns.
const FIXED: [(&str, bool, &[&str]); 4] = [
    ("worker/actions/src", true, &["action", "conformance", "protection", "restore", "workflows"]),
    ("worker/msgraph/src", true, &["error", "http", "lane", "reports", "settings", "token"]),
    ("tests/msgraph-emulator/src/graph", true, &["reports"]),
    (
        "worker/broker/src",
        false,
        &["consume", "dead_letters", "management", "message", "publish", "session", "topology"],
    ),
];

/// A folder with more files than this has folders inside.
const FILES: usize = 16;

/// The folders directly inside each folder that holds sources, and how many sources each holds itself.
fn folders() -> BTreeMap<String, (BTreeSet<String>, usize)> {
    let mut folders: BTreeMap<String, (BTreeSet<String>, usize)> = BTreeMap::new();
    for file in repository::files().iter().filter(|file| file.contains("/src/")) {
        let parts: Vec<_> = file.split('/').collect();
        let (_, parents) = parts.split_last().unwrap();
        for depth in 1..parents.len() {
            let (parent, child) = (parents[..depth].join("/"), parents[depth].to_owned());
            folders.entry(parent).or_default().0.insert(child);
        }
        folders.entry(parents.join("/")).or_default().1 += 1;
    }
    folders
}

#[test]
fn the_same_nouns_are_folders_in_three_places() {
    let folders = folders();
    for (folder, has_nouns, others) in FIXED {
        let nouns = NOUNS.iter().filter(|_| has_nouns);
        let expected: BTreeSet<_> = nouns.chain(others).map(|name| (*name).to_owned()).collect();
        let found = folders.get(folder).map(|(inside, _)| inside.clone()).unwrap_or_default();
        assert_eq!(found, expected, "{folder}");
    }
}

#[test]
fn no_folder_is_full_and_flat() {
    for (folder, (inside, files)) in folders() {
        let is_flat = inside.is_empty();
        assert!(!is_flat || files <= FILES, "{folder} holds {files} files: make folders by noun");
    }
}
