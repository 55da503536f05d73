//! Every crate that is compiled into anything here may be given away with it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets something unexpected fails")]

use std::process::Command;

use system_tests::repository;

/// Licences that ask for no more than being named.
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

/// `None` is no expression; so for the others.
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
    // What other platforms would need is not there after a build, and is compiled into nothing here.
    let platform = platform();
    let metadata = repository::metadata(&["--filter-platform", &platform]);
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
    assert!(refused.is_empty(), "do without these, or add their licence to PERMISSIVE: {refused:#?}");
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
