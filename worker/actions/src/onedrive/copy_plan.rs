//! The missing items as copy jobs that SharePoint accepts: whole folders if they are small enough, else their
//! contents.

use std::fmt;

use super::compare::{Comparison, Fate, LONG_PATHS, short_name};
use super::tree::{Kind, ROOT, Sum, Tree};

/// The most items of one copy (Microsoft Graph documentation, "driveItem: copy", 2025).
const LARGEST_COPY: usize = 30_000;
/// How many copy jobs one look starts; SharePoint queues them as it likes.
const AT_ONCE: usize = 100;
/// How many copy jobs are monitored, largest first. More monitor URLs would not fit into the run's progress.
pub const MONITORED: usize = 8;
/// How many sentences about later jobs a plan has at most.
const TOLD: usize = 50;

/// A part of the copy.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A folder whose contents are copied in several jobs.
    Folder {
        /// The folder to create it in. None while that is missing.
        into: Option<String>,
        /// Its name.
        name: String,
        /// The items for which it is created, in words with ids.
        of: String,
    },
    /// A copy.
    Copy {
        /// The item to copy.
        item: String,
        /// Whether to copy the contents without the item itself.
        children_only: bool,
        /// The folder to copy into. None while that is missing.
        into: Option<String>,
        /// Another name for the copy.
        name: Option<String>,
        /// Whether to replace an older copy.
        replace: bool,
        /// The number of items and bytes.
        sum: Sum,
    },
}

impl Part {
    fn is_possible(&self) -> bool {
        let (Self::Folder { into, .. } | Self::Copy { into, .. }) = self;
        into.is_some()
    }

    fn items(&self) -> usize {
        match self {
            Self::Folder { .. } => 0,
            Self::Copy { sum, .. } => sum.items,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { of, .. } => write!(f, "create a folder for {of}"),
            Self::Copy { item, sum, replace: true, .. } => {
                write!(f, "copy over its older copy item {item} ({} bytes)", sum.bytes)
            }
            Self::Copy { item, children_only, sum: Sum { items, bytes }, .. } => {
                let what = if *children_only { "all that is in item" } else { "item" };
                let items = if *items == 1 { "1 item".to_owned() } else { format!("{items} items") };
                write!(f, "copy {what} {item} ({items}, {bytes} bytes)")
            }
        }
    }
}

/// The parts to copy now, and the ones for later looks.
#[derive(Debug, Default, PartialEq)]
pub struct CopyPlan {
    /// The parts to copy now.
    pub now: Vec<Part>,
    /// The later ones, a sentence each.
    pub later: Vec<String>,
}

/// Plans the parts that bring all missing items.
impl CopyPlan {
    pub fn of(source: &Tree, target: &Tree, found: &Comparison) -> Self {
        let id = |number: usize| target.get(number).map(|node| node.id.to_string());
        let mut all = Vec::new();
        visit(source, found, &id, ROOT, &mut all);
        long_paths(source, found, &id, &mut all);
        let (mut now, mut later): (Vec<_>, Vec<_>) = all.into_iter().partition(Part::is_possible);
        // The largest first, since they take the longest.
        now.sort_by_key(|part| std::cmp::Reverse(part.items()));
        later.splice(0..0, now.drain(AT_ONCE.min(now.len())..));
        let more = later.len().saturating_sub(TOLD);
        let mut told: Vec<_> = later.iter().take(TOLD).map(ToString::to_string).collect();
        told.extend((more > 0).then(|| format!("start {more} more copies")));
        Self { now, later: told }
    }
}

/// All missing items below a folder that exists or will be created.
fn visit(
    source: &Tree,
    found: &Comparison,
    id: &impl Fn(usize) -> Option<String>,
    folder: usize,
    all: &mut Vec<Part>,
) {
    let into = found.twin(folder).and_then(id);
    let Some(its) = source.get(folder) else { return };
    let missing = |number: usize| found.fate(number) == Fate::Missing && !found.is_too_long(number);
    let below = source.below(folder);
    let nothing_there = source.children(folder).all(|(child, _)| found.twin(child).is_none());
    let something_missing = source.children(folder).any(|(child, _)| missing(child));
    if nothing_there && something_missing && below.items <= LARGEST_COPY {
        all.push(Part::Copy {
            item: its.id.to_string(),
            children_only: true,
            into,
            name: None,
            replace: false,
            sum: below,
        });
        return;
    }
    for (number, node) in source.children(folder) {
        let sum = source.whole(number);
        match found.fate(number) {
            Fate::Missing if !found.is_too_long(number) => {
                if sum.items <= LARGEST_COPY {
                    all.push(Part::Copy {
                        item: node.id.to_string(),
                        children_only: false,
                        into: into.clone(),
                        name: None,
                        replace: false,
                        sum,
                    });
                } else {
                    let of = format!("item {}", node.id);
                    all.push(Part::Folder { into: into.clone(), name: node.name.to_string(), of });
                    visit(source, found, id, number, all);
                }
            }
            Fate::Stale => all.push(Part::Copy {
                item: node.id.to_string(),
                children_only: false,
                into: into.clone(),
                name: None,
                replace: true,
                sum,
            }),
            _ if node.kind == Kind::Folder && !found.is_too_long(number) => {
                visit(source, found, id, number, all);
            }
            _ => {}
        }
    }
}

/// Files whose path would be too long: each is copied by itself into the folder for them.
fn long_paths(source: &Tree, found: &Comparison, id: &impl Fn(usize) -> Option<String>, all: &mut Vec<Part>) {
    let is_file = |kind: &Kind| matches!(kind, Kind::File(_));
    let open = |number: usize| matches!(found.fate(number), Fate::Missing | Fate::Stale);
    let files: Vec<_> = source
        .all()
        .filter(|(number, node)| found.is_too_long(*number) && open(*number) && is_file(&node.kind))
        .collect();
    let into = found.long_paths.and_then(id);
    if into.is_none() && !files.is_empty() {
        let folder = found.twin(ROOT).and_then(id);
        let of = "the files with too long a path".to_owned();
        all.push(Part::Folder { into: folder, name: LONG_PATHS.to_owned(), of });
    }
    all.extend(files.into_iter().map(|(number, node)| Part::Copy {
        item: node.id.to_string(),
        children_only: false,
        into: into.clone(),
        name: Some(short_name(source, number)),
        replace: found.fate(number) == Fate::Stale,
        sum: source.whole(number),
    }));
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{Line, tree_of};
    use super::*;

    fn sentences(source: &[Line<'_>], target: &[Line<'_>]) -> (Vec<String>, Vec<String>) {
        let (source, target) = (tree_of(source, 0), tree_of(target, 1000));
        let CopyPlan { now, later } = CopyPlan::of(&source, &target, &Comparison::of(&source, &target, 60));
        (now.iter().map(ToString::to_string).collect(), later)
    }

    /// This number of files in folders of a thousand below one folder.
    fn many(files: usize) -> Vec<String> {
        (0..files).map(|number| format!("all/{:03}/{number}", number / 1000)).collect()
    }

    #[test]
    fn a_small_drive_is_one_copy() {
        let source = [("a/b.txt", 5, "h"), ("c.txt", 2, "h")];
        let (now, later) = sentences(&source, &[]);
        assert_eq!(
            (now, later.len()),
            (vec!["copy all that is in item id: (3 items, 7 bytes)".to_owned()], 0)
        );
    }

    #[test]
    fn existing_items_are_not_copied_again() {
        let source = [("a/b.txt", 5, "h"), ("a/c.txt", 2, "h"), ("d/e/f.txt", 1, "h"), ("d/g.txt", 1, "h")];
        let target = [("a/b.txt", 5, "h"), ("d/g.txt", 1, "h")];
        let (now, _) = sentences(&source, &target);
        assert_eq!(now, ["copy item id:d/e (2 items, 1 bytes)", "copy item id:a/c.txt (1 item, 2 bytes)"]);
        assert_eq!(sentences(&source, &source), (Vec::new(), Vec::new()));
        let (now, _) = sentences(&source[..2], &[("a/", 0, "")]);
        assert_eq!(now, ["copy all that is in item id:a (2 items, 7 bytes)"], "into the existing folder");
    }

    #[test]
    fn a_large_drive_is_copied_in_parts() {
        let names = many(30_001);
        let source: Vec<Line<'_>> = names.iter().map(|name| (name.as_str(), 1, "h")).collect();
        let (now, later) = sentences(&source, &[]);
        assert_eq!(now, ["create a folder for item id:all"]);
        assert_eq!(later.len(), 31, "{later:?}");
        assert_eq!(later[30], "copy item id:all/030 (2 items, 1 bytes)");
        let (now, later) = sentences(&source, &[("all/", 0, "")]);
        assert_eq!((now.len(), later.len()), (31, 0));
        assert!(now[30].contains("(2 items"), "the largest go first: {now:?}");
        let half: Vec<Line<'_>> = source.iter().copied().take(20_500).collect();
        let (now, later) = sentences(&source, &half);
        // Five hundred single files, nine folders of a thousand and the small one.
        assert_eq!((now.len(), later.len()), (AT_ONCE, TOLD + 1));
        assert_eq!(later[TOLD], format!("start {} more copies", 500 + 10 - AT_ONCE - TOLD));
    }

    #[test]
    fn a_file_with_too_long_a_path_gets_a_folder_of_its_own() {
        let deep = format!("{}/end.txt", ["forty characters are the name of a folder"; 9].join("/"));
        let (now, later) = sentences(&[(deep.as_str(), 3, "h"), ("a", 1, "h")], &[("a", 1, "h")]);
        assert!(now[0].starts_with("copy item id:forty"), "the folders above it are copied as any: {now:?}");
        assert_eq!(now[1], "create a folder for the files with too long a path");
        assert_eq!(later.len(), 1, "{later:?}");
    }
}
