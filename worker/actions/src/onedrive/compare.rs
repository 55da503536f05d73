//! Compares the source with its copy, item by item: which items are there, which are the same, and which are missing.

use std::collections::HashMap;

use super::tree::{Content, Kind, Node, ROOT, Tree};

/// The most characters of a path, from the site on, that SharePoint accepts (Microsoft, "Restrictions and limitations
/// in OneDrive and SharePoint", 2026).
const LONGEST_PATH: usize = 400;
/// The folder for files whose original path would be too long.
pub const LONG_PATHS: &str = "Paths longer than 400 characters";
/// How many characters of the name a file with too long a path keeps, from its end, where the extension is.
const KEPT_OF_NAME: usize = 80;
/// Files into which SharePoint writes its own properties when they are copied (seen 2023).
const OFFICE: [&str; 24] = [
    "doc", "docm", "docx", "dot", "dotm", "dotx", "potm", "potx", "ppsm", "ppsx", "ppt", "pptm", "pptx",
    "vsd", "vsdm", "vsdx", "xls", "xlsb", "xlsm", "xlsx", "xlt", "xltm", "xltx", "one",
];
/// By how much such a file may grow or shrink and still have the same content.
const REWRITTEN_BYTES: u64 = 64 * 1024;

/// The result for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A file with the same size and hash, or a folder with the same name, is there.
    Identical,
    /// An Office file into which SharePoint wrote its properties.
    Rewritten,
    /// The same item is there under another name or in the folder for long paths.
    Renamed,
    /// There is nothing to copy: a link to another person's files, or a folder that is too deep, whose files are in
    /// the folder for long paths.
    Skipped,
    /// It is missing.
    Missing,
    /// An older copy is there: the source changed since.
    Stale,
    /// Another item has its name.
    Differs,
}

impl Fate {
    /// Whether it is in the target, or need not be.
    pub fn is_done(self) -> bool {
        self <= Self::Skipped
    }

    /// The word in the list.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Rewritten => "rewritten by the service",
            Self::Renamed => "renamed",
            Self::Skipped => "skipped",
            Self::Missing | Self::Stale | Self::Differs => "failed",
        }
    }
}

/// The result for every item of the source, by its number.
#[derive(Debug)]
pub struct Comparison {
    fates: Vec<Fate>,
    twins: Vec<Option<usize>>,
    /// Whether the path would be too long.
    too_long: Vec<bool>,
    /// The folder for long paths, if it is there.
    pub long_paths: Option<usize>,
}

impl Comparison {
    /// Compares the source with its copy, if there is one. `above` characters of path precede the copy's root.
    pub fn of(source: &Tree, target: &Tree, above: usize) -> Self {
        let count = source.all().count();
        let long_paths =
            target.children(ROOT).find(|(_, node)| is_called(node, LONG_PATHS)).map(|(number, _)| number);
        let mut found = Self {
            fates: vec![Fate::Missing; count],
            twins: vec![None; count],
            too_long: vec![false; count],
            long_paths,
        };
        found.record(ROOT, Fate::Identical, target.get(ROOT).map(|_| ROOT));
        let kept = long_paths.map(|folder| names_in(target, folder)).unwrap_or_default();
        let mut open = vec![(ROOT, target.get(ROOT).map(|_| ROOT), above)];
        while let Some((folder, twin, above)) = open.pop() {
            let mut names = twin.map(|twin| names_in(target, twin)).unwrap_or_default();
            // An item with its own name in the copy takes precedence over one that may have been renamed to it.
            let (same, other): (Vec<_>, Vec<_>) =
                source.children(folder).partition(|(_, node)| names.contains_key(&node.name.to_lowercase()));
            for (number, node) in same.into_iter().chain(other) {
                let length = above + 1 + trimmed(&node.name).encode_utf16().count();
                let is_long = length > LONGEST_PATH;
                if is_long && let Some(mark) = found.too_long.get_mut(number) {
                    *mark = true;
                }
                let twin = match is_long {
                    true => kept.get(&short_name(source, number).to_lowercase()).copied(),
                    false => {
                        let own = names.remove(&node.name.to_lowercase());
                        own.or_else(|| names.remove(&trimmed(&node.name).to_lowercase()))
                    }
                };
                let fate = match (&node.kind, twin.and_then(|twin| target.get(twin))) {
                    (Kind::Link, _) => Fate::Skipped,
                    (Kind::Folder, None) if is_long => Fate::Skipped,
                    (_, None) => Fate::Missing,
                    (_, Some(twin)) => fate(node, twin, is_long),
                };
                found.record(number, fate, twin);
                if node.kind == Kind::Folder {
                    open.push((number, twin.filter(|_| !is_long && fate != Fate::Differs), length));
                }
            }
        }
        found
    }

    fn record(&mut self, number: usize, fate: Fate, twin: Option<usize>) {
        if let (Some(held), Some(its)) = (self.fates.get_mut(number), self.twins.get_mut(number)) {
            (*held, *its) = (fate, twin);
        }
    }

    /// The result for an item.
    pub fn fate(&self, number: usize) -> Fate {
        self.fates.get(number).copied().unwrap_or(Fate::Missing)
    }

    /// Its copy's number in the target.
    pub fn twin(&self, number: usize) -> Option<usize> {
        self.twins.get(number).copied().flatten()
    }

    /// Whether its path would be too long in the target.
    pub fn is_too_long(&self, number: usize) -> bool {
        self.too_long.get(number).copied().unwrap_or_default()
    }

    /// How many items have this result, without the root.
    pub fn count(&self, fate: Fate) -> usize {
        self.fates.iter().skip(1).filter(|its| **its == fate).count()
    }

    /// How many items another copy may bring.
    pub fn open(&self) -> usize {
        self.count(Fate::Missing) + self.count(Fate::Stale)
    }

    /// How many items are not in the target as they should be.
    pub fn failed(&self) -> usize {
        self.fates.iter().filter(|fate| !fate.is_done()).count()
    }
}

/// The name as SharePoint accepts it today. Names from old file servers can end in dots or spaces, and lose them.
pub fn trimmed(name: &str) -> &str {
    name.trim_end_matches(['.', ' ']).trim_start_matches(' ')
}

/// The name of a file in the folder for long paths: different for every path, the same on every attempt.
pub fn short_name(source: &Tree, number: usize) -> String {
    let path = source.path(number);
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, path.as_bytes()).simple().to_string();
    let name = source.get(number).map(|node| trimmed(&node.name)).unwrap_or_default();
    let passed_over = name.chars().count().saturating_sub(KEPT_OF_NAME);
    let end: String = name.chars().skip(passed_over).collect();
    format!("{} {}", id.get(..12).unwrap_or(&id), end.trim_start())
}

fn names_in(tree: &Tree, folder: usize) -> HashMap<String, usize> {
    tree.children(folder).map(|(number, node)| (node.name.to_lowercase(), number)).collect()
}

fn is_called(node: &Node, name: &str) -> bool {
    node.kind == Kind::Folder && node.name.eq_ignore_ascii_case(name)
}

fn fate(source: &Node, target: &Node, is_long: bool) -> Fate {
    let well = if is_long || source.name != target.name { Fate::Renamed } else { Fate::Identical };
    match (&source.kind, &target.kind) {
        (Kind::Folder, Kind::Folder) => well,
        (Kind::File(one), Kind::File(other)) if is_same(one, other) => well,
        // A copy is younger than its source: its date is that of the copy.
        (Kind::File(_), Kind::File(_)) if is_younger(source, target) => Fate::Stale,
        (Kind::File(one), Kind::File(other)) if is_rewritten(&source.name, one, other) => {
            if well == Fate::Renamed { well } else { Fate::Rewritten }
        }
        _ => Fate::Differs,
    }
}

fn is_younger(source: &Node, copy: &Node) -> bool {
    source.modified.zip(copy.modified).is_some_and(|(source, copy)| source >= copy)
}

/// A file without a hash is compared by its size alone.
fn is_same(one: &Content, other: &Content) -> bool {
    let hashes = one.quick_xor_hash.as_ref().zip(other.quick_xor_hash.as_ref());
    one.size == other.size && hashes.is_none_or(|(one, other)| one == other)
}

fn is_rewritten(name: &str, source: &Content, copy: &Content) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_office = extension.is_some_and(|extension| OFFICE.contains(&extension.as_str()));
    is_office && copy.size > 0 && source.size.abs_diff(copy.size) <= REWRITTEN_BYTES
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{Line, tree_of};
    use super::*;

    const COPIED_AT: i64 = 1000;

    /// The results for all items of the source but its root, by path.
    fn fates(source: &[Line<'_>], changed: i64, target: &[Line<'_>]) -> Vec<(String, Fate)> {
        let (source, target) = (tree_of(source, changed), tree_of(target, COPIED_AT));
        let found = Comparison::of(&source, &target, 60);
        source.all().skip(1).map(|(number, _)| (source.path(number), found.fate(number))).collect()
    }

    fn fate_of(source: Line<'_>, changed: i64, target: Line<'_>) -> Fate {
        fates(&[source], changed, &[target])[0].1
    }

    #[test]
    fn a_file_is_compared_by_size_and_hash() {
        assert_eq!(fate_of(("a", 5, "h"), 0, ("a", 5, "h")), Fate::Identical);
        assert_eq!(fate_of(("a", 5, "h"), 0, ("A", 5, "h")), Fate::Renamed);
        assert_eq!(fate_of(("a", 5, "h"), 0, ("a", 5, "i")), Fate::Differs);
        assert_eq!(fate_of(("a", 5, "h"), 0, ("a", 6, "h")), Fate::Differs);
        assert_eq!(fate_of(("a", 5, "h"), 0, ("b", 5, "h")), Fate::Missing);
        assert_eq!(fate_of(("a", 5, "h"), 0, ("a/", 0, "")), Fate::Differs);
    }

    #[test]
    fn a_file_changed_after_its_copy_is_stale_and_one_changed_by_office_is_rewritten() {
        assert_eq!(fate_of(("a", 5, "h"), COPIED_AT, ("a", 6, "i")), Fate::Stale, "in the same second");
        assert_eq!(fate_of(("a.docx", 5, "h"), COPIED_AT + 1, ("a.docx", 600, "i")), Fate::Stale);
        assert_eq!(fate_of(("a.DOCX", 5, "h"), 0, ("a.DOCX", 600, "i")), Fate::Rewritten);
        assert_eq!(
            fate_of(("a.docx", 500, "h"), 0, ("a.docx", 0, "i")),
            Fate::Differs,
            "nothing is left of it"
        );
        assert_eq!(fate_of(("a.docx", 1 << 20, "h"), 0, ("a.docx", 9, "i")), Fate::Differs);
        assert_eq!(fate_of(("a", 5, "h"), COPIED_AT + 1, ("a", 5, "h")), Fate::Identical);
    }

    #[test]
    fn odd_names_are_found_again() {
        let source = [("old. /x.txt", 1, "h"), ("100% #1 🌊", 2, "h"), ("née", 3, "h")];
        let target = [("old/x.txt", 1, "h"), ("100% #1 🌊", 2, "h"), ("NÉE", 3, "h")];
        let found = fates(&source, 0, &target);
        let expected = [Fate::Identical, Fate::Renamed, Fate::Renamed, Fate::Identical];
        let expected = ["/100% #1 🌊", "/née", "/old. ", "/old. /x.txt"]
            .map(ToOwned::to_owned)
            .into_iter()
            .zip([expected[0], expected[1], expected[2], expected[3]]);
        assert_eq!(found, expected.collect::<Vec<_>>());
        // Two names become one: the second item is missing.
        let both = fates(&[("a", 1, "h"), ("a.", 2, "i")], 0, &[("a", 1, "h")]);
        assert_eq!(both, [("/a".to_owned(), Fate::Identical), ("/a.".to_owned(), Fate::Missing)]);
    }

    #[test]
    fn a_file_with_too_long_a_path_is_found_in_the_folder_for_them() {
        let deep = format!("{}/end.txt", ["forty characters are the name of a folder"; 9].join("/"));
        let source = tree_of(&[(deep.as_str(), 3, "h")], 0);
        let last = source.all().count() - 1;
        let missing = Comparison::of(&source, &tree_of(&[], COPIED_AT), 60);
        assert_eq!((missing.fate(last), missing.is_too_long(last)), (Fate::Missing, true));
        let there = format!("{LONG_PATHS}/{}", short_name(&source, last));
        let copied = tree_of(&[(there.as_str(), 3, "h")], COPIED_AT);
        let found = Comparison::of(&source, &copied, 60);
        assert_eq!(found.fate(last), Fate::Renamed);
        assert_eq!(found.fate(last - 1), Fate::Skipped, "the folder it was in is too deep itself");
        assert!(short_name(&source, last).ends_with(" end.txt"));
    }
}
