//! Subjects of commits: a scope, a verb, and short enough for one line.

use std::process::Command;

use system_tests::repository;

/// The last commit before this rule.
const BEFORE: &str = "e5ec012";
const COLUMNS: usize = 72;

/// Subjects since the rule; none in an archive, which has no commits. Continuous integration has a whole checkout, so
/// there git must answer; elsewhere the history may begin later, as in a shallow clone.
fn subjects() -> Vec<String> {
    let range = format!("{BEFORE}..HEAD");
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "log", "--no-merges", "--format=%s", &range]);
    let output = git.current_dir(repository::root()).output();
    let output = output.ok().filter(|output| output.status.success());
    let must_answer = std::env::var_os("CI").is_some() && repository::root().join(".git").exists();
    assert!(output.is_some() || !must_answer, "git cannot read the commits since {BEFORE}");
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    // A merge without a second parent is still called one.
    text.lines().filter(|subject| !subject.starts_with("Merge ")).map(str::to_owned).collect()
}

/// Whether a subject has the form `scope: Verb …`.
fn is_well_formed(subject: &str) -> bool {
    let Some((scope, text)) = subject.split_once(": ") else { return false };
    let is_scope =
        !scope.is_empty() && scope.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-{},".contains(c));
    is_scope && text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.ends_with('.')
}

#[test]
fn every_subject_has_a_scope_and_a_verb_and_fits_a_line() {
    for subject in subjects() {
        assert!(subject.chars().count() <= COLUMNS, "above {COLUMNS} characters: {subject}");
        assert!(is_well_formed(&subject), "not of the form `scope: Verb …`: {subject}");
    }
}

#[test]
fn a_subject_without_scope_or_verb_is_found() {
    for subject in
        ["actions/users: Move the names", "README: Shorten it", "worker/{app,broker}: Rename a type"]
    {
        assert!(is_well_formed(subject), "{subject}");
    }
    for subject in
        ["Move the names", "actions: move the names", "two words: Move", ": Move", "tests: Move it."]
    {
        assert!(!is_well_formed(subject), "{subject}");
    }
}
