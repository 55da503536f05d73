//! Imports between the modules of one crate form no circle of more than three.
//!
//! Modules are files. A file that only declares modules and re-exports from them is a signpost and no module: an import
//! through it leads to the file that defines the item. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use system_tests::repository;

use super::{is_test_file, tests_and_rest};

const LARGEST: usize = 3;

/// A path such as `http::client`; the crate's root is empty.
type Path = Vec<String>;

/// One file.
struct Module {
    /// Paths of its `use` items, with braces opened; the name it gets in the file comes last.
    imports: Vec<(Path, String)>,
    /// Only declarations of modules and re-exports.
    is_signpost: bool,
}

/// The modules of a crate, by path.
struct Crate(BTreeMap<Path, Module>);

impl Crate {
    fn read(folder: &str) -> Self {
        let files = repository::rust_files().into_iter();
        let files = files.filter(|file| file.starts_with(folder) && !is_test_file(file));
        let modules = files.map(|file| {
            let text = repository::text(&file);
            (module_path(&file[folder.len()..]), Module::parse(tests_and_rest(&text).1))
        });
        Self(modules.collect())
    }

    /// The files that a file imports from.
    fn arrows(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let modules = self.0.iter().filter(|(_, module)| !module.is_signpost);
        let arrows = modules.map(|(path, module)| {
            let targets = module.imports.iter().filter_map(|(import, _)| self.target(path, import, 0));
            (path, targets.filter(|target| *target != path).collect())
        });
        arrows.collect()
    }

    /// The file that defines what an import names; none if that is another crate's.
    fn target(&self, from: &Path, import: &Path, depth: usize) -> Option<&Path> {
        let mut at = from.clone();
        let mut rest = import.as_slice();
        match rest.first().map(String::as_str) {
            Some("crate") => {
                at.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            // A path that begins with a module inside this one.
            Some(first) if self.0.contains_key(&[from.as_slice(), &[first.to_owned()]].concat()) => {}
            _ => return None,
        }
        while let Some(inside) = rest.first().map(|part| [at.as_slice(), std::slice::from_ref(part)].concat())
        {
            if !self.0.contains_key(&inside) {
                break;
            }
            at = inside;
            rest = &rest[1..];
        }
        let (path, module) = self.0.get_key_value(&at)?;
        let item = rest.first().filter(|_| module.is_signpost && depth < 8);
        let Some(item) = item else { return Some(path) };
        let exported = module.imports.iter().find(|(_, name)| name == item || name == "*");
        exported.and_then(|(import, _)| self.target(path, import, depth + 1)).or(Some(path))
    }

    /// Groups of modules each of which leads to every other.
    fn circles(&self) -> Vec<BTreeSet<&Path>> {
        let arrows = self.arrows();
        let reached: BTreeMap<_, _> = arrows.keys().map(|from| (*from, reachable(&arrows, from))).collect();
        let mut circles = Vec::new();
        let mut seen: BTreeSet<&Path> = BTreeSet::new();
        for (from, to) in &reached {
            if seen.contains(from) {
                continue;
            }
            let leads_back = |other: &&&Path| reached.get(**other).is_some_and(|back| back.contains(from));
            let circle: BTreeSet<&Path> = to.iter().filter(leads_back).copied().collect();
            seen.extend(&circle);
            if circle.len() > 1 {
                circles.push(circle);
            }
        }
        circles
    }
}

fn reachable<'a>(arrows: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &'a Path) -> BTreeSet<&'a Path> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        for to in arrows.get(at).into_iter().flatten() {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}

/// `users/mod.rs` is `users`, `lib.rs` the root.
fn module_path(file: &str) -> Path {
    let mut parts: Path = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        parts.pop();
    }
    parts
}

impl Module {
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        let code: String = lines.filter(|line| !line.starts_with('#')).flat_map(|line| [line, " "]).collect();
        let statements: Vec<&str> = split(&code, ';').into_iter().map(str::trim).collect();
        let (mut imports, mut is_signpost) = (Vec::new(), true);
        for statement in statements.iter().filter(|statement| !statement.is_empty()) {
            // A function's body, or anything else before a `use`, ends with a brace.
            let after = statement.rfind("} ").map_or(*statement, |at| &statement[at + 2..]);
            let item = without_visibility(if after.contains("use ") { after } else { statement });
            if let Some(tree) = item.strip_prefix("use ") {
                open_braces(tree.trim(), &[], &mut imports);
            } else {
                is_signpost &= item.starts_with("mod ");
            }
            is_signpost &= without_visibility(statement).starts_with("use ") || item.starts_with("mod ");
        }
        Self { imports, is_signpost }
    }
}

fn without_visibility(statement: &str) -> &str {
    let Some(rest) = statement.strip_prefix("pub") else { return statement };
    let rest = if rest.starts_with('(') { rest.split_once(')').map_or(rest, |(_, rest)| rest) } else { rest };
    rest.trim_start()
}

/// The parts between separators that stand in no braces.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Every path of a `use` tree with the name it gets.
fn open_braces(tree: &str, before: &[String], found: &mut Vec<(Path, String)>) {
    let (path, braces) = match tree.split_once('{') {
        Some((path, rest)) => (path.trim_end_matches("::"), rest.strip_suffix('}')),
        None => (tree, None),
    };
    let (path, alias) = path.split_once(" as ").map_or((path, None), |(path, alias)| (path, Some(alias)));
    let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
    let path: Path = before.iter().cloned().chain(parts).collect();
    match braces {
        Some(inside) => {
            for branch in split(inside, ',').into_iter().map(str::trim).filter(|branch| !branch.is_empty()) {
                open_braces(branch, &path, found);
            }
        }
        None => {
            let own = path.last().cloned().unwrap_or_default();
            // `{self, x}` names the module before the braces.
            let path = if own == "self" && path.len() > 1 { path[..path.len() - 1].to_vec() } else { path };
            let name =
                alias.map_or_else(|| path.last().cloned().unwrap_or_default(), |name| name.trim().to_owned());
            found.push((path, name));
        }
    }
}

#[test]
fn no_circle_of_imports_has_more_than_three_modules() {
    let manifests = repository::files().into_iter();
    let crates = manifests.filter_map(|file| Some(format!("{}src/", file.strip_suffix("Cargo.toml")?)));
    let mut large = Vec::new();
    for folder in crates.filter(|folder| folder != "src/") {
        for circle in Crate::read(&folder).circles().into_iter().filter(|circle| circle.len() > LARGEST) {
            let names: Vec<_> = circle.into_iter().map(|path| path.join("::")).collect();
            large.push(format!("{folder}: {}", names.join(", ")));
        }
    }
    assert!(large.is_empty(), "move definitions until the circles fall apart: {large:#?}");
}

#[cfg(test)]
fn crate_of(files: &[(&str, &str)]) -> Crate {
    Crate(files.iter().map(|(file, text)| (module_path(file), Module::parse(text))).collect())
}

#[test]
fn a_circle_is_found_through_braces_signposts_and_parents() {
    let circle = crate_of(&[
        ("lib.rs", "//! Root.\n\nmod http;\nmod users;\n\npub use http::{Client, Request as Call};\n"),
        (
            "http/mod.rs",
            "//! HTTP.\nmod client;\nmod request;\npub use client::Client;\npub(crate) use request::*;\n",
        ),
        (
            "http/client.rs",
            "use std::fmt;\n\nuse super::request::{\n    Request,\n    Response,\n};\nstruct Client;\n",
        ),
        ("http/request.rs", "use crate::{users::{self, User}, Client};\nfn a() { let x = 1; }\n"),
        ("users.rs", "use crate::Client;\nstruct User;\n"),
    ]);
    let names = |circle: &BTreeSet<&Path>| circle.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    let circles: Vec<_> = circle.circles().iter().map(names).collect();
    assert_eq!(circles, [["http::client", "http::request", "users"]]);
    assert!(circle.0[&Vec::new()].is_signpost && circle.0[&vec!["http".to_owned()]].is_signpost);
    assert!(!circle.0[&vec!["users".to_owned()]].is_signpost);
}

#[test]
fn an_import_within_a_function_counts_and_one_of_another_crate_does_not() {
    let pair = crate_of(&[
        ("main.rs", "mod a;\nmod b;\nfn main() { a::run(); }\n"),
        ("a.rs", "use broker::Client;\nfn run() {}\nuse super::b::B;\n"),
        ("b.rs", "use crate::a;\nstruct B;\n"),
    ]);
    let circles: Vec<_> = pair.circles().iter().map(BTreeSet::len).collect();
    assert_eq!(circles, [2]);
}
