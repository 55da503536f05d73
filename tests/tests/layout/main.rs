//! The shape of the repository: which crate may use which, how long a file may be, and which words stay out.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod callers;
mod circles;
mod commits;
mod folders;

use std::collections::BTreeSet;

use serde_json::Value;
use system_tests::repository;

/// Which of our crates may depend on which: for the product, and for tests alone.
const ARROWS: [(&str, &[&str], &[&str]); 12] = [
    (
        "gatehouse",
        &[
            "actions",
            "broker",
            "directory-sync",
            "ledger",
            "messages",
            "msgraph",
            "outcome",
            "sync-report",
            "workflow",
        ],
        &[],
    ),
    ("actions", &["msgraph", "outcome", "workflow"], &["msgraph-emulator"]),
    ("directory-sync", &["msgraph"], &["msgraph-emulator"]),
    ("outcome", &[], &[]),
    ("ledger", &[], &[]),
    ("sync-report", &[], &[]),
    ("messages", &["outcome"], &[]),
    ("workflow", &["outcome"], &[]),
    ("msgraph", &[], &["msgraph-emulator"]),
    ("broker", &[], &[]),
    ("msgraph-emulator", &[], &[]),
    ("system-tests", &["broker", "messages", "msgraph-emulator"], &[]),
];

/// Crates that one crate of the worker hides from all others.
const HIDDEN: [(&str, &str); 5] = [
    ("reqwest", "msgraph"),
    ("backoff", "msgraph"),
    ("lapin", "broker"),
    ("prometheus", "gatehouse"),
    ("config", "gatehouse"),
];

/// Everything there may be at the top, besides files whose names begin with a dot.
const TOP: [&str; 9] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "Makefile", "README.md", "deploy", "schemas", "tests", "worker"];

/// Names that say nothing about what is inside.
const HIDING_PLACES: [&str; 7] = ["common", "core", "helpers", "misc", "shared", "types", "utils"];

const MODULE_LINES: usize = 500;
const HANDLER_LINES: usize = 350;
const MAIN_LINES: usize = 80;
const FUNCTION_LINES: usize = 70;

fn packages() -> Vec<Value> {
    repository::metadata(&["--no-deps"])["packages"].as_array().unwrap().clone()
}

/// The names a package depends on, for tests or not.
fn dependencies(package: &Value, for_tests: bool) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    let kind = |dependency: &&Value| (dependency["kind"] == "dev") == for_tests;
    all.filter(kind).map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

fn is_of_the_worker(package: &Value) -> bool {
    package["manifest_path"].as_str().unwrap().contains("/worker/")
}

/// A file's tests, and the rest of it.
fn tests_and_rest(text: &str) -> (&str, &str) {
    text.find("#[cfg(test)]\nmod tests {").map_or(("", text), |at| (&text[at..], &text[..at]))
}

/// Files that are compiled for tests only: those under `tests/`, and modules declared so.
fn is_test_file(file: &str) -> bool {
    let declared = ["/test_steps.rs", "/testing.rs", "/tests.rs", "/conformance/"];
    let is_emulator = file.starts_with("tests/msgraph-emulator/src/");
    (file.contains("tests/") && !is_emulator) || declared.iter().any(|name| file.contains(name))
}

/// Lines of code of the product, with their place.
fn product_lines() -> Vec<(String, usize, String)> {
    let files = repository::rust_files().into_iter();
    let product = files.filter(|file| file.starts_with("worker/") && !is_test_file(file));
    product
        .flat_map(|file| {
            let text = repository::text(&file);
            let lines: Vec<_> = tests_and_rest(&text).1.lines().map(str::to_owned).collect();
            lines.into_iter().enumerate().map(move |(index, line)| (file.clone(), index + 1, line))
        })
        .filter(|(_, _, line)| !line.trim_start().starts_with("//"))
        .collect()
}

#[test]
fn there_are_no_arrows_between_crates_but_the_drawn_ones() {
    let packages = packages();
    let ours: BTreeSet<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(ours, ARROWS.iter().map(|(name, ..)| *name).collect(), "each crate needs a line in ARROWS");
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let (_, always, for_tests) = ARROWS.iter().find(|(known, ..)| *known == name).unwrap();
        for (allowed, is_test) in [(always, false), (for_tests, true)] {
            let found = dependencies(package, is_test);
            let arrows: Vec<_> =
                found.iter().map(String::as_str).filter(|other| ours.contains(other)).collect();
            assert_eq!(arrows, allowed.to_vec(), "{name}, for tests: {is_test}");
        }
    }
}

#[test]
fn every_dependency_of_a_manifest_is_used() {
    let root = format!("{}/", repository::root().display());
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let folder = manifest.strip_prefix(&root).unwrap().strip_suffix("Cargo.toml").unwrap();
        let files = repository::rust_files().into_iter().filter(|file| file.starts_with(folder));
        let words: BTreeSet<String> = files.flat_map(|file| words_of(&repository::text(&file))).collect();
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap();
            assert!(words.contains(&name.replace('-', "_")), "{folder}Cargo.toml: {name} is not used");
        }
    }
}

/// The words of a file's code.
fn words_of(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = code.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')));
    words.map(str::to_owned).collect()
}

#[test]
fn what_one_crate_hides_no_other_crate_of_the_worker_uses() {
    let packages = packages();
    for (hidden, owner) in HIDDEN {
        let users = packages.iter().filter(|package| is_of_the_worker(package)).filter(|package| {
            [false, true].iter().any(|for_tests| dependencies(package, *for_tests).contains(hidden))
        });
        let users: Vec<_> = users.map(|package| package["name"].as_str().unwrap()).collect();
        assert_eq!(users, [owner], "{hidden}");
    }
}

#[test]
fn the_top_level_holds_what_it_always_holds() {
    for file in repository::files() {
        let top = file.split('/').next().unwrap();
        assert!(top.starts_with('.') || TOP.contains(&top), "{file}: `{top}` has no place at the top");
    }
}

#[test]
fn no_file_and_no_function_outgrows_a_reader() {
    for file in repository::rust_files() {
        let text = repository::text(&file);
        let limit = match file.as_str() {
            name if name.ends_with("/main.rs") && !name.contains("/tests/") => MAIN_LINES,
            name if is_action(name) => HANDLER_LINES,
            _ => MODULE_LINES,
        };
        let lines = text.lines().count();
        assert!(lines <= limit, "{file} has {lines} lines, and {limit} are enough: split it by noun");
        for (name, lines) in functions(&text) {
            assert!(lines <= FUNCTION_LINES, "{file}: `{name}` has {lines} lines: name its parts");
        }
    }
}

/// Whether a file is an action; each has a schema of its name.
fn is_action(file: &str) -> bool {
    let name = file.strip_prefix("worker/actions/src/").and_then(|file| file.strip_suffix(".rs"));
    let name = name.and_then(|name| name.rsplit('/').next());
    name.is_some_and(|name| repository::root().join(format!("schemas/actions/{name}.json")).is_file())
}

/// Every function with its number of lines. Formatted code closes a function where it was opened, on a line
/// of its own.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let named = code.split_once("fn ").filter(|(before, _)| {
            before
                .split_whitespace()
                .all(|word| word.starts_with("pub") || ["async", "const"].contains(&word))
        });
        let Some((_, name)) = named else { continue };
        let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
        let close = format!("{indent}}}");
        let ends = |line: &&str| **line == close || (line.starts_with(indent) && line.ends_with(';'));
        // A declaration ends with a semicolon at its own depth; a body's lines are indented further.
        let own_depth = |line: &&str| line.len() == line.trim_start().len() + indent.len();
        let length =
            lines[start..].iter().position(|line| own_depth(line) && ends(line)).map_or(1, |n| n + 1);
        found.push((name, if line.ends_with('}') { 1 } else { length }));
    }
    found
}

#[test]
fn the_measure_of_functions_finds_the_long_one() {
    let body = "        x;\n".repeat(90);
    let text = format!(
        "fn short() {{ }}\n\nimpl A {{\n    fn declared(\n        a: B,\n    ) -> C;\n\n    pub(crate) async fn long(\n        &self,\n    ) {{\n{body}    }}\n}}\n"
    );
    let expected = [("short", 1), ("declared", 3), ("long", 94)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(functions(&text), expected);
}

#[test]
fn every_file_says_what_it_is() {
    for file in repository::rust_files() {
        let text = repository::text(&file);
        assert!(text.starts_with("//! "), "{file} does not open with what it is");
        if file.ends_with("src/lib.rs") {
            let lines = text.lines().take_while(|line| line.starts_with("//!")).count();
            assert!(lines >= 5, "{file}: say what it is, what it never does, and where to start reading");
        }
    }
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    for file in repository::rust_files() {
        for part in file.split('/').map(|part| part.trim_end_matches(".rs")) {
            assert!(!HIDING_PLACES.contains(&part), "{file}: `{part}` says nothing; name it by its noun");
        }
    }
}

#[test]
fn nothing_is_left_for_later_and_nothing_is_silenced() {
    // Written in two parts, so that this file does not find itself.
    let anywhere = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let in_code = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ign", "ore"),
        concat!("[all", "ow("),
        concat!("dbg", "!("),
    ];
    for file in repository::files() {
        if file == "LICENSE" || file == "Cargo.lock" {
            continue;
        }
        let text = repository::text(&file);
        let in_code = in_code.iter().filter(|_| file.ends_with(".rs"));
        for word in anywhere.iter().chain(in_code) {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
}

#[test]
fn no_test_sleeps() {
    let sleep = concat!("sle", "ep(");
    for file in repository::rust_files() {
        let text = repository::text(&file);
        let tests = if is_test_file(&file) { text.as_str() } else { tests_and_rest(&text).0 };
        let is_call =
            |(at, _): (usize, &str)| !tests[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let sleeps = tests.match_indices(sleep).any(is_call);
        assert!(!sleeps, "{file}: a test awaits what it wants to see, or pauses the clock");
    }
}

#[test]
fn deliveries_know_nothing_of_runs() {
    let foreign = ["crate::runs", "crate::tenants", "workflow::", "actions::", "msgraph::"];
    let knows = |line: &str| foreign.iter().any(|path| line.contains(path));
    let lines = product_lines().into_iter().filter(|(file, ..)| file.starts_with("worker/app/src/delivery/"));
    let lines: Vec<_> = lines.collect();
    assert!(lines.iter().any(|(_, _, line)| line.contains("trait Work")), "this looks at nothing");
    let found: Vec<_> = lines.into_iter().filter(|(_, _, line)| knows(line)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_app_logs_and_the_consumer_about_its_sessions() {
    let lines = product_lines().into_iter().filter(|(_, _, line)| line.contains("tracing::"));
    let files: BTreeSet<_> =
        lines.map(|(file, ..)| file).filter(|file| !file.starts_with("worker/app/")).collect();
    assert_eq!(files, BTreeSet::from(["worker/broker/src/consume/consumer.rs".to_owned()]));
}

#[test]
fn a_delivery_is_settled_in_one_place() {
    let settles = |line: &str| [".ack(", ".nack(", ".reject("].iter().any(|call| line.contains(call));
    let lines = product_lines().into_iter().filter(|(_, _, line)| settles(line));
    let elsewhere: Vec<_> = lines.filter(|(file, ..)| !file.starts_with("worker/broker/")).collect();
    let files: BTreeSet<_> = elsewhere.iter().map(|(file, ..)| file.as_str()).collect();
    let in_delivery = |file: &&str| file.starts_with("worker/app/src/delivery/");
    assert!(files.len() == 1 && files.iter().all(in_delivery), "{elsewhere:#?}");
    assert_eq!(elsewhere.len(), 1, "one call settles: {elsewhere:#?}");
}

#[test]
fn one_function_knows_the_difference_between_a_plan_and_a_change() {
    let lines = product_lines().into_iter().filter(|(_, _, line)| line.contains("Mode::Plan =>"));
    let matches: Vec<_> = lines.collect();
    assert_eq!(matches.len(), 1, "{matches:#?}");
    assert_eq!(matches[0].0, "worker/actions/src/action/driver.rs");
    let booleans: Vec<_> =
        product_lines().into_iter().filter(|(_, _, line)| line.contains("dry_run: bool")).collect();
    let files: BTreeSet<_> = booleans.iter().map(|(file, ..)| file.as_str()).collect();
    assert!(files.iter().all(|file| file.starts_with("worker/app/src/commands/")), "{booleans:#?}");
}

#[test]
fn every_document_that_is_mentioned_is_there() {
    let files = repository::files();
    for file in &files {
        if file == "Cargo.lock" || file == "LICENSE" {
            continue;
        }
        for (index, line) in repository::text(file).lines().enumerate() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "./-_".contains(c)));
            for word in words
                .map(|word| word.trim_end_matches('.'))
                .filter(|word| word.len() > 3 && word.ends_with(".md"))
            {
                let name = word.trim_start_matches("./").trim_start_matches("../");
                let is_there =
                    files.iter().any(|known| known == name || known.ends_with(&format!("/{name}")));
                assert!(is_there, "{file}:{}: there is no {word}", index + 1);
            }
        }
    }
}

#[test]
fn no_path_leads_out_of_the_repository() {
    let homes = ["home", "root", "Users", "work"].map(|folder| format!("/{folder}/"));
    for file in repository::files() {
        if file == "Cargo.lock" {
            continue;
        }
        for (index, line) in repository::text(&file).lines().enumerate() {
            for home in &homes {
                let at = line.find(home.as_str());
                let before = at.and_then(|at| line[..at].chars().next_back());
                let is_absolute =
                    at.is_some() && before.is_none_or(|c| !c.is_alphanumeric() && !"._-})/*".contains(c));
                assert!(!is_absolute, "{file}:{}: a path of somebody's machine: {line}", index + 1);
            }
        }
    }
}
