//! What a release consists of: the bill of materials, and the workflows that make it elsewhere.

use std::collections::BTreeMap;

use serde_json::Value;
use system_tests::repository;
use tempfile::TempDir;
use tokio::process::Command;

use crate::run;

/// The packages of the lock file, by name and version, with their checksums.
fn locked() -> BTreeMap<(String, String), Option<String>> {
    let lock = repository::text("Cargo.lock");
    let field = |package: &str, name: &str| {
        let start = format!("{name} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(&start));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    let named =
        |package| Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")));
    packages.filter_map(named).collect()
}

#[tokio::test]
async fn the_bill_of_materials_names_what_the_program_is_linked_from_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("gatehouse.cdx.json");
    let mut make = Command::new(repository::root().join("deploy/release/bill-of-materials"));
    make.arg(&file)
        .arg(std::env::var("FOREIGN_BILL").expect("FOREIGN_BILL is not set: run `make test-foreign`"));
    run(make, "").await;
    let bill: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let program = &bill["metadata"]["component"];
    assert_eq!(
        (&program["name"], &program["version"]),
        (&"gatehouse".into(), &env!("CARGO_PKG_VERSION").into())
    );

    let locked = locked();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut names = Vec::new();
    for component in bill["components"].as_array().unwrap() {
        let (name, version) = (text(&component["name"]), text(&component["version"]));
        let checksum = locked.get(&(name.clone(), version.clone()));
        let checksum = checksum.unwrap_or_else(|| panic!("{name} {version} is not in Cargo.lock"));
        assert_eq!(component["hashes"][0]["content"].as_str(), checksum.as_deref(), "{name}");
        assert!(component["licenses"][0].is_object(), "{name} has no licence");
        let address = checksum.as_ref().map(|_| format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")));
        assert_eq!(component["purl"].as_str(), address.as_deref());
        names.push(name);
    }
    for linked in ["lapin", "reqwest", "ring", "rustls", "tokio", "msgraph", "workflow"] {
        assert!(names.iter().any(|name| name == linked), "{linked} is missing");
    }
    for not_linked in ["proptest", "msgraph-emulator", "rcgen", "tempfile", "cc", "windows-sys"] {
        assert!(!names.iter().any(|name| name == not_linked), "{not_linked} is not linked");
    }
}

/// The targets that a target makes, itself among them.
fn made_by(makefile: &str, target: &str) -> Vec<String> {
    let start = format!("\n{target}:");
    let (_, rest) = makefile.split_once(&start).unwrap_or_else(|| panic!("there is no target {target}"));
    let recipe = rest.lines().skip(1).take_while(|line| line.starts_with('\t'));
    let calls =
        recipe.filter_map(|line| line.split_once("$(MAKE) --no-print-directory ").map(|(_, call)| call));
    let called = calls.filter_map(|call| call.split_whitespace().next());
    called.flat_map(|call| made_by(makefile, call)).chain([target.to_owned()]).collect()
}

#[test]
fn workflows_run_what_continuous_integration_runs_and_tools_that_send_it_away() {
    let makefile = repository::text("Makefile");
    let tried = made_by(&makefile, "check");
    assert!(tried.contains(&"release".to_owned()) && tried.contains(&"test".to_owned()), "{tried:?}");
    for file in std::fs::read_dir(repository::root().join(".github/workflows")).unwrap() {
        let workflow = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let commands: Vec<&str> =
            workflow.lines().filter_map(|line| line.trim_start().strip_prefix("- run: ")).collect();
        assert!(commands.contains(&"make check") || workflow.contains("uses: ./.github/workflows/ci.yml"));
        for command in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            match words[..] {
                ["make", target, ..] => assert!(tried.iter().any(|made| made == target), "{command}"),
                ["rustup" | "skopeo" | "gh", ..] => {}
                _ => panic!("{command}: only `make` targets are tried before they are needed"),
            }
        }
        let all_lines = workflow.lines().filter(|line| line.contains("run:")).count();
        assert_eq!(
            workflow.lines().filter(|line| line.trim_start().starts_with("- run: ")).count(),
            all_lines
        );
    }
}
