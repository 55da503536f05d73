//! A drive, or a folder in one, as listed.

use std::collections::HashMap;

use jiff::Timestamp;
use msgraph::DriveItem;

/// The number of the root in every tree.
pub const ROOT: usize = 0;

/// Folders and files by number. A parent has a lower number than its children, which follow each other by name.
///
/// About a hundred and fifty bytes for each item and its name: a drive of a million items takes some 200 MB during a
/// look.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// A folder, a file or a link.
#[derive(Debug)]
pub struct Node {
    /// Its id in the drive.
    pub id: Box<str>,
    /// Its name in its folder.
    pub name: Box<str>,
    /// Its kind.
    pub kind: Kind,
    /// When it was last changed.
    pub modified: Option<Timestamp>,
    parent: usize,
    children: std::ops::Range<usize>,
    /// The sum of everything below it.
    below: Sum,
}

/// The kind of an item.
#[derive(Debug, PartialEq)]
pub enum Kind {
    /// A folder, or a notebook, which is a folder.
    Folder,
    /// A file.
    File(Content),
    /// A link to an item in another person's drive, with nothing to copy.
    Link,
}

/// The size and hash of a file.
#[derive(Debug, PartialEq)]
pub struct Content {
    /// In bytes.
    pub size: u64,
    /// In base64; some files have none.
    pub quick_xor_hash: Option<Box<str>>,
}

/// A number of items and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// Files, folders and links.
    pub items: usize,
    /// Of the files.
    pub bytes: u64,
}

impl Sum {
    /// Adds two sums.
    pub fn plus(self, other: Self) -> Self {
        Self { items: self.items + other.items, bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// Builds a tree of a listing in any order.
#[derive(Default)]
pub struct Builder {
    items: HashMap<Box<str>, DriveItem>,
}

impl Builder {
    /// Adds a page. If an item comes twice, the last one counts.
    pub fn add(&mut self, page: Vec<DriveItem>) {
        for item in page {
            if item.deleted.is_some() {
                self.items.remove(item.id.as_str());
            } else {
                self.items.insert(item.id.as_str().into(), item);
            }
        }
    }

    /// The tree below the drive's root. Empty if the listing has no root.
    pub fn whole(self) -> Tree {
        let root = self.items.values().find(|item| item.root.is_some()).map(|item| item.id.clone());
        root.map(|root| self.below(&root)).unwrap_or_default()
    }

    /// The tree below a folder. Empty if the listing does not have it.
    pub fn below(mut self, folder: &str) -> Tree {
        let mut children: HashMap<Box<str>, Vec<Box<str>>> = HashMap::new();
        for (id, item) in &self.items {
            if let Some(parent) = item.parent_id().filter(|_| item.root.is_none()) {
                children.entry(parent.into()).or_default().push(id.clone());
            }
        }
        let Some(root) = self.items.remove(folder) else { return Tree::default() };
        let mut tree = Tree { nodes: vec![Node::of(root, ROOT)] };
        let mut at = ROOT;
        while let Some(node) = tree.nodes.get(at) {
            let ids = children.remove(&node.id).unwrap_or_default();
            let mut found: Vec<_> = ids.into_iter().filter_map(|id| self.items.remove(&id)).collect();
            found.sort_by(|one, other| one.name.cmp(&other.name));
            let first = tree.nodes.len();
            tree.nodes.extend(found.into_iter().map(|item| Node::of(item, at)));
            let end = tree.nodes.len();
            if let Some(node) = tree.nodes.get_mut(at) {
                node.children = first..end;
            }
            at += 1;
        }
        tree.sum_up();
        tree
    }
}

impl Node {
    fn of(item: DriveItem, parent: usize) -> Self {
        let kind = match &item {
            item if item.remote_item.is_some() => Kind::Link,
            item if item.is_file() => Kind::File(Content {
                size: item.size.unwrap_or_default(),
                quick_xor_hash: item.quick_xor_hash().map(Into::into),
            }),
            _ => Kind::Folder,
        };
        Self {
            id: item.id.into(),
            name: item.name.into(),
            kind,
            modified: item.last_modified_date_time,
            parent,
            children: 0..0,
            below: Sum::default(),
        }
    }
}

impl Tree {
    /// The item with this number.
    pub fn get(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// All items with their numbers, parents first, including the root.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate()
    }

    /// The items directly in a folder, by name.
    pub fn children(&self, number: usize) -> impl Iterator<Item = (usize, &Node)> {
        let range = self.get(number).map(|node| node.children.clone()).unwrap_or_default();
        range.filter_map(|number| Some((number, self.get(number)?)))
    }

    /// The sum below a folder.
    pub fn below(&self, number: usize) -> Sum {
        self.get(number).map(|node| node.below).unwrap_or_default()
    }

    /// The sum of an item and everything below it.
    pub fn whole(&self, number: usize) -> Sum {
        let own = match self.get(number).map(|node| &node.kind) {
            Some(Kind::File(content)) => content.size,
            _ => 0,
        };
        self.below(number).plus(Sum { items: 1, bytes: own })
    }

    /// The path from the root to an item, each name after a slash.
    pub fn path(&self, mut number: usize) -> String {
        let mut names = Vec::new();
        while let Some(node) = self.get(number).filter(|_| number != ROOT) {
            names.push(&*node.name);
            number = node.parent;
        }
        names.iter().rev().flat_map(|name| ["/", name]).collect()
    }

    fn sum_up(&mut self) {
        for number in (1..self.nodes.len()).rev() {
            let sum = self.whole(number);
            let parent = self.get(number).map_or(ROOT, |node| node.parent);
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.below = parent.below.plus(sum);
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// A file's path, size and hash. A path that ends with a slash is a folder.
    pub type Line<'a> = (&'a str, u64, &'a str);

    /// A tree of these lines, last changed at this second.
    pub fn tree_of(lines: &[Line<'_>], changed: i64) -> Tree {
        let mut builder = Builder::default();
        let at = Timestamp::from_second(changed).unwrap().to_string();
        let item = |value: serde_json::Value| serde_json::from_value::<DriveItem>(value).unwrap();
        builder.add(vec![item(json!({ "id": "id:", "name": "root", "root": {} }))]);
        for (path, size, hash) in lines {
            let mut parent = "id:".to_owned();
            let names: Vec<_> = path.trim_end_matches('/').split('/').collect();
            for (depth, name) in names.iter().enumerate() {
                let id = format!("id:{}", names[..=depth].join("/"));
                let mut value = json!({
                    "id": id, "name": name, "parentReference": { "id": parent }, "lastModifiedDateTime": at,
                });
                if depth + 1 == names.len() && !path.ends_with('/') {
                    value["size"] = json!(size);
                    value["file"] = json!({ "hashes": { "quickXorHash": hash } });
                }
                builder.add(vec![item(value)]);
                parent = id;
            }
        }
        builder.whole()
    }

    #[test]
    fn a_tree_is_built_of_a_listing_in_any_order() {
        let tree = tree_of(&[("b/c/d.txt", 5, "h"), ("a.txt", 2, "h"), ("b/e/", 0, "")], 0);
        let paths: Vec<_> = tree.all().map(|(number, _)| tree.path(number)).collect();
        assert_eq!(paths, ["", "/a.txt", "/b", "/b/c", "/b/e", "/b/c/d.txt"]);
        assert_eq!(tree.below(ROOT), Sum { items: 5, bytes: 7 });
        assert_eq!(tree.whole(2), Sum { items: 4, bytes: 5 });
        let item = |value: serde_json::Value| serde_json::from_value::<DriveItem>(value).unwrap();
        let mut builder = Builder::default();
        builder.add(vec![
            item(json!({ "id": "3", "name": "leaf", "file": {}, "parentReference": { "id": "2" } })),
            item(json!({ "id": "2", "name": "old name", "parentReference": { "id": "1" } })),
            item(json!({ "id": "4", "name": "gone", "parentReference": { "id": "1" } })),
            item(json!({ "id": "5", "name": "elsewhere", "parentReference": { "id": "0" } })),
            item(json!({ "id": "1", "name": "folder", "parentReference": { "id": "0" } })),
            item(json!({ "id": "2", "name": "new name", "parentReference": { "id": "1" } })),
            item(json!({ "id": "4", "deleted": {} })),
        ]);
        let tree = builder.below("1");
        let paths: Vec<_> = tree.all().map(|(number, _)| tree.path(number)).collect();
        assert_eq!(paths, ["", "/new name", "/new name/leaf"]);
        assert_eq!(Builder::default().below("1").below(ROOT), Sum::default());
    }
}
