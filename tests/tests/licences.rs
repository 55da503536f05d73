//! Licences and bans: every dependency may be distributed with Gatehouse, and some crates must not come in.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets something unexpected fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use system_tests::repository;

/// Licences that only ask to be named.
const PERMISSIVE: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that must not come in, also not through others, and the reason.
const BANNED: [(&str, &str); 6] = [
    ("openssl-sys", "needs a C library; TLS is rustls with ring"),
    ("native-tls", "needs a C library; TLS is rustls with ring"),
    ("aws-lc-sys", "needs cmake; TLS is rustls with ring"),
    ("serde_yaml", "no longer maintained; serde-saphyr reads YAML"),
    ("chrono", "time is jiff"),
    ("async-std", "the runtime is tokio"),
];

/// Crates of which two versions would not understand each other.
const ONCE: [&str; 9] =
    ["bytes", "hyper", "lapin", "reqwest", "rustls", "serde", "serde_json", "tokio", "tracing"];

/// What may follow `WITH`: an exception only ever allows more.
const EXCEPTIONS: [&str; 1] = ["LLVM-exception"];

/// Whether we may keep to this expression with permissive licences alone.
///
/// `AND` binds tighter than `OR`, as SPDX says; `/` is how `OR` was written before.
fn is_permissive(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest).is_some_and(|holds| holds && rest.is_empty())
}

/// `None` if this is no expression; the same holds for the functions below.
fn either(words: &mut &[&str]) -> Option<bool> {
    let mut holds = both(words)?;
    while skip(words, "OR") {
        holds |= both(words)?;
    }
    Some(holds)
}

fn both(words: &mut &[&str]) -> Option<bool> {
    let mut holds = one(words)?;
    while skip(words, "AND") {
        holds &= one(words)?;
    }
    Some(holds)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    if skip(words, "(") {
        let holds = either(words)?;
        return skip(words, ")").then_some(holds);
    }
    let licence = next(words)?;
    let mut holds = PERMISSIVE.contains(&licence);
    if skip(words, "WITH") {
        holds &= EXCEPTIONS.contains(&next(words)?);
    }
    Some(holds)
}

fn next<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

fn skip(words: &mut &[&str], word: &str) -> bool {
    let found = words.first() == Some(&word);
    if found {
        next(words);
    }
    found
}

#[test]
fn every_dependency_has_a_permissive_licence() {
    // Dependencies of other platforms are not downloaded by a build, and are compiled into nothing here.
    let platform = platform();
    let metadata = repository::metadata(&["--all-features", "--filter-platform", &platform]);
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages: this looks at nothing", packages.len());
    let mut refused = Vec::new();
    for package in packages {
        let name = format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        match package["license"].as_str() {
            Some(expression) if is_permissive(expression) => {}
            Some(expression) => refused.push(format!("{name}: {expression}")),
            None => refused.push(format!("{name}: no licence is named, only {}", package["license_file"])),
        }
    }
    assert!(
        refused.is_empty(),
        "remove these dependencies, or add their licence to PERMISSIVE: {refused:#?}"
    );
}

#[test]
fn no_banned_crate_comes_in_and_what_we_name_comes_in_once() {
    let metadata = repository::metadata(&["--all-features", "--filter-platform", &platform()]);
    let resolved = metadata["resolve"]["nodes"].as_array().unwrap().iter();
    let resolved: BTreeSet<_> = resolved.map(|node| node["id"].as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let packages = packages.filter(|package| resolved.contains(package["id"].as_str().unwrap()));
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        versions.entry(name).or_default().insert(package["version"].as_str().unwrap());
    }
    for (name, reason) in BANNED {
        assert!(!versions.contains_key(name), "{name} must not come in: {reason}");
    }
    for name in ONCE {
        let found = versions.get(name);
        assert_eq!(found.map(BTreeSet::len), Some(1), "{name} comes in as {found:?}; one version is enough");
    }
}

fn platform() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").current_dir(repository::root()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap_or_else(|| panic!("rustc names no host: {text}")).to_owned()
}

#[test]
fn an_expression_holds_as_spdx_says() {
    let holds = [
        "MIT",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only/MIT",
        "GPL-3.0-only / MIT",
        "(MIT OR GPL-2.0-only) AND ISC",
        "GPL-2.0-only AND ISC OR MIT",
        "Apache-2.0 WITH LLVM-exception",
    ];
    for expression in holds {
        assert!(is_permissive(expression), "{expression}");
    }
    let does_not = [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT OR",
        "MIT MIT",
        "(MIT",
        "MIT WITH",
        "MIT WITH strings-attached",
        "(GPL-2.0-only OR MIT) AND MPL-2.0",
        "MIT OR GPL-2.0-only AND",
    ];
    for expression in does_not {
        assert!(!is_permissive(expression), "{expression}");
    }
}
