//! The files of the repository, for tests about its shape.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The repository's root.
pub fn root() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    beside.canonicalize().unwrap()
}

/// Every file that is or could be committed, by its path from the root, in order. Without git, or in an archive, that
/// is every file but those that a build writes.
pub fn files() -> Vec<String> {
    let mut files = if has_history() { listed() } else { walk() };
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files
}

/// Whether this is a checkout, and git is there to read it.
fn has_history() -> bool {
    root().join(".git").exists() && Command::new("git").arg("--version").output().is_ok()
}

fn listed() -> Vec<String> {
    let mut git = Command::new("git");
    // In a container the checkout may belong to another user.
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]);
    output(&mut git).lines().map(str::to_owned).collect()
}

/// The files below the root, without git's own and those that `.gitignore` names, which are in the root.
fn walk() -> Vec<String> {
    let ignored = text(".gitignore");
    let ignored: Vec<_> = ignored.lines().map(|line| line.trim_matches('/')).chain([".git"]).collect();
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if ignored.contains(&name.as_str()) {
                continue;
            }
            let is_folder = path.is_dir() && !path.is_symlink();
            if is_folder { folders.push(path) } else { files.push(name) }
        }
    }
    files
}

/// Every Rust file, as [`files`].
pub fn rust_files() -> Vec<String> {
    files().into_iter().filter(|file| file.ends_with(".rs")).collect()
}

/// A file's text.
pub fn text(file: &str) -> String {
    let text = std::fs::read_to_string(root().join(file));
    text.unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The output of `cargo metadata` for this workspace, without a network.
pub fn metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked", "--offline"]).args(arguments);
    serde_json::from_str(&output(&mut command)).unwrap()
}

/// Whether to write goldens instead of comparing them.
pub fn bless() -> bool {
    std::env::var_os("GATEHOUSE_BLESS").is_some_and(|value| value == "1")
}

/// Compares a generated file with the committed one, or writes it when blessing.
pub fn golden(file: &str, generated: &str) {
    let committed = std::fs::read_to_string(root().join(file)).unwrap_or_default();
    let Some((number, is, was)) = first_difference(generated, &committed) else { return };
    assert!(
        bless(),
        "{file} is out of date: line {number} is now `{is}`, not `{was}`; `make bless` writes it anew"
    );
    std::fs::write(root().join(file), generated).unwrap();
}

/// The first line in which two texts differ, and what it is in each.
fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let line = |text: &'a str, index| text.split('\n').nth(index).unwrap_or("");
    let lines = one.split('\n').count().max(other.split('\n').count());
    let mut pairs = (0..lines).map(|index| (index + 1, line(one, index), line(other, index)));
    pairs.find(|(_, is, was)| is != was).or((one != other).then_some((lines, "", "")))
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_finds_what_git_lists() {
        let mut walked = walk();
        walked.sort();
        assert!(walked.iter().any(|file| file == "worker/app/src/main.rs"));
        assert!(!walked.iter().any(|file| file.starts_with("target/") || file.starts_with(".git/")));
        if has_history() {
            let listed = files();
            let missing: Vec<_> = listed.iter().filter(|file| !walked.contains(file)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
