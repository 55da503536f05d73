//! Job is missing, as orders that SharePoint takes: whole folders where that is allowed, else what is in them.

use std::fmt;

use super::compare::{Comparison, Fate, LONG_PATHS, short_name};
use super::tree::{Kind, ROOT, Sum, Tree};

/// The most items of one copy (Microsoft Graph documentation, "driveItem: copy", 2025).
const LARGEST_COPY: usize = 30_000;
/// So many are ordered by one look; SharePoint has them wait for each other as it likes.
const AT_ONCE: usize = 100;
/// After so many of them, the largest, can be asked: more addresses do not fit into what a run carries.
pub const MONITORED: usize = 8;
/// So many sentences about later orders a plan has at most.
const TOLD: usize = 50;

/// Something to order.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A folder, for what comes to the target in several copies.
    Folder {
        /// The folder to make it in; nothing while that is not there.
        into: Option<String>,
        /// Its name.
        name: String,
        /// Job it stands for, in words with ids.
        of: String,
    },
    /// A copy.
    Copy {
        /// Job is copied.
        item: String,
        /// Job is in it, and not itself.
        children_only: bool,
        /// The folder to copy into; nothing while that is not there.
        into: Option<String>,
        /// Under another name.
        name: Option<String>,
        /// In place of an older copy.
        replace: bool,
        /// How much it is.
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

/// Job one look orders, and what is left for later ones.
#[derive(Debug, Default, PartialEq)]
pub struct CopyPlan {
    /// To be ordered now.
    pub now: Vec<Part>,
    /// Job comes after, a sentence each.
    pub later: Vec<String>,
}

/// Job to order so that nothing is missing.
impl CopyPlan {
    pub fn of(source: &Tree, target: &Tree, found: &Comparison) -> Self {
        let id = |number: usize| target.get(number).map(|node| node.id.to_string());
        let mut all = Vec::new();
        visit(source, found, &id, ROOT, &mut all);
        long_paths(source, found, &id, &mut all);
        let (mut now, mut later): (Vec<_>, Vec<_>) = all.into_iter().partition(Part::is_possible);
        // The largest first: they take the longest.
        now.sort_by_key(|part| std::cmp::Reverse(part.items()));
        later.splice(0..0, now.drain(AT_ONCE.min(now.len())..));
        let more = later.len().saturating_sub(TOLD);
        let mut told: Vec<_> = later.iter().take(TOLD).map(ToString::to_string).collect();
        told.extend((more > 0).then(|| format!("order {more} copies more")));
        Self { now, later: told }
    }
}

/// Everything missing below a folder that is there, or is to be made.
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

/// Files whose path would be too long, each by itself into the folder for them.
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

    /// So many files in folders of a thousand below one folder.
    fn many(files: usize) -> Vec<String> {
        (0..files).map(|number| format!("all/{:03}/{number}", number / 1000)).collect()
    }

    #[test]
    fn what_fits_into_one_copy_is_one() {
        let source = [("a/b.txt", 5, "h"), ("c.txt", 2, "h")];
        let (now, later) = sentences(&source, &[]);
        assert_eq!(
            (now, later.len()),
            (vec!["copy all that is in item id: (3 items, 7 bytes)".to_owned()], 0)
        );
    }

    #[test]
    fn what_is_there_is_not_copied_again() {
        let source = [("a/b.txt", 5, "h"), ("a/c.txt", 2, "h"), ("d/e/f.txt", 1, "h"), ("d/g.txt", 1, "h")];
        let target = [("a/b.txt", 5, "h"), ("d/g.txt", 1, "h")];
        let (now, _) = sentences(&source, &target);
        assert_eq!(now, ["copy item id:d/e (2 items, 1 bytes)", "copy item id:a/c.txt (1 item, 2 bytes)"]);
        assert_eq!(sentences(&source, &source), (Vec::new(), Vec::new()));
        let (now, _) = sentences(&source[..2], &[("a/", 0, "")]);
        assert_eq!(
            now,
            ["copy all that is in item id:a (2 items, 7 bytes)"],
            "into the folder that is there"
        );
    }

    #[test]
    fn what_is_too_much_for_one_copy_comes_in_parts() {
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
        // Five hundred single files, nine folders of a thousand and the one that is small.
        assert_eq!((now.len(), later.len()), (AT_ONCE, TOLD + 1));
        assert_eq!(later[TOLD], format!("order {} copies more", 500 + 10 - AT_ONCE - TOLD));
    }

    #[test]
    fn a_path_that_is_too_long_gets_a_place_of_its_own() {
        let deep = format!("{}/end.txt", ["forty characters are the name of a folder"; 9].join("/"));
        let (now, later) = sentences(&[(deep.as_str(), 3, "h"), ("a", 1, "h")], &[("a", 1, "h")]);
        assert!(now[0].starts_with("copy item id:forty"), "the folders above it are copied as any: {now:?}");
        assert_eq!(now[1], "create a folder for the files with too long a path");
        assert_eq!(later.len(), 1, "{later:?}");
    }
}
