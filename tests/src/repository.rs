//! The files of the repository, for tests about its shape.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The repository's root.
pub fn root() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    beside.canonicalize().unwrap()
}

/// Every file that is or could be committed, by its path from the root, in order.
pub fn files() -> Vec<String> {
    let mut git = Command::new("git");
    // In a container the checkout may belong to another user.
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]);
    let mut files: Vec<_> = output(&mut git).lines().map(str::to_owned).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
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
