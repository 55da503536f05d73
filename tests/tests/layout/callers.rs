//! Public functions have callers. The compiler finds private ones without; public ones it takes for an interface.

use std::collections::{BTreeMap, BTreeSet};

use system_tests::repository;

use super::{is_test_file, tests_and_rest};

/// The crate a file belongs to, such as `worker/actions`.
fn crate_of(file: &str) -> &str {
    let inside = ["/src/", "/tests/", "/benches/"].iter().filter_map(|folder| {
        // The folder `tests` at the top holds crates of its own.
        let at = file.char_indices().skip(1).find(|(at, _)| file[*at..].starts_with(folder))?.0;
        Some(&file[..at])
    });
    inside.min_by_key(|name| name.len()).unwrap_or(file)
}

/// A name of a function that a line defines as public.
fn public_function(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = ["const ", "async "].iter().fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

#[test]
fn every_public_function_has_a_caller_outside_its_tests() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // Files of the product in which a word stands other than as a definition, and crates whose tests use it.
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut used_by_tests_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in repository::rust_files() {
        let text = repository::text(&file);
        let is_test = is_test_file(&file);
        let (tests, product) = tests_and_rest(&text);
        let (tests, product) = if is_test { (text.as_str(), "") } else { (tests, product) };
        for line in product.lines() {
            if let Some(name) = public_function(line) {
                defined.entry(name.to_owned()).or_default().push(file.clone());
            }
            let mut previous = "";
            for word in words(line) {
                if previous != "fn" {
                    used.insert(word.to_owned());
                }
                previous = word;
            }
        }
        let owner = crate_of(&file);
        for word in tests.lines().flat_map(words) {
            used_by_tests_of.entry(word.to_owned()).or_default().insert(owner.to_owned());
        }
    }
    let is_used = |name: &str, file: &str| {
        let others = used_by_tests_of.get(name).into_iter().flatten();
        // The emulator is for tests: its own are a caller like any other.
        let is_for_tests = crate_of(file) == "tests/msgraph-emulator";
        used.contains(name) || others.into_iter().any(|owner| is_for_tests || owner != crate_of(file))
    };
    let is_ours = |file: &str| file.starts_with("worker/") || file.starts_with("tests/msgraph-emulator/");
    let unused: Vec<_> = defined
        .iter()
        .flat_map(|(name, files)| files.iter().map(move |file| (name, file)))
        .filter(|(name, file)| is_ours(file) && !is_used(name, file))
        .map(|(name, file)| format!("{file}: {name}"))
        .collect();
    assert!(defined.len() > 300, "only {} public functions: this looks at nothing", defined.len());
    assert!(unused.is_empty(), "without a caller; remove them or make them private: {unused:#?}");
}

#[test]
fn definitions_and_crates_are_recognised() {
    assert_eq!(public_function("    pub async fn take(&self) {"), Some("take"));
    assert_eq!(public_function("pub const fn new<T>() {"), Some("new"));
    assert_eq!(public_function("    pub(crate) fn hidden() {"), None);
    assert_eq!(crate_of("worker/actions/src/users/names.rs"), "worker/actions");
    assert_eq!(crate_of("worker/actions/tests/refusals/main.rs"), "worker/actions");
    assert_eq!(crate_of("tests/msgraph-emulator/tests/http/main.rs"), "tests/msgraph-emulator");
    assert_eq!(crate_of("tests/tests/kill.rs"), "tests");
    assert_eq!(crate_of("tests/src/testbed.rs"), "tests");
}
