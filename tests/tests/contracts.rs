//! What is written down is true of the binary: schemas, commands, options, metrics and settings in every page.

use std::collections::BTreeSet;

use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::{Testbed, declared, events, repository, worker_process};

const ACTIONS: &str = "deploy/actions.md";
const TABLE_BEGINS: &str = "<!-- actions -->\n";
const TABLE_ENDS: &str = "\n<!-- /actions -->";

async fn gatehouse(arguments: &[&str]) -> String {
    worker_process::gatehouse(arguments, &[]).await.ok()
}

#[tokio::test]
async fn every_action_has_its_schema_on_file_and_nothing_else_has() {
    let listed = gatehouse(&["schema"]).await;
    let is_other = |name: &str| ["workflows", "asyncapi"].contains(&name) || name.starts_with("sync/");
    let is_action = |name: &&str| messages::Schema::named(name).is_none() && !is_other(name);
    let actions: Vec<_> = listed.lines().filter(is_action).collect();
    assert!(actions.contains(&"create_user"), "{actions:?}");
    for action in &actions {
        let schema = gatehouse(&["schema", action]).await;
        repository::golden(&format!("schemas/actions/{action}.json"), &schema);
    }
    let expected: BTreeSet<_> = actions.iter().map(|action| format!("{action}.json")).collect();
    for file in std::fs::read_dir(repository::root().join("schemas/actions")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if !expected.contains(&name) {
            assert!(
                repository::bless(),
                "schemas/actions/{name} belongs to no action; `make bless` removes it"
            );
            std::fs::remove_file(file.path()).unwrap();
        }
    }
}

#[tokio::test]
async fn every_row_of_a_sync_has_its_schema_on_file_with_examples_that_fit() {
    let listed = gatehouse(&["schema"]).await;
    let rows: Vec<_> = listed.lines().filter(|name| name.starts_with("sync/")).collect();
    assert_eq!(rows.len(), 12, "{rows:?}");
    for name in rows {
        let text = gatehouse(&["schema", name]).await;
        repository::golden(&format!("schemas/{name}.json"), &text);
        let schema: Value = serde_json::from_str(&text).unwrap();
        let fits = jsonschema::draft202012::new(&schema).unwrap();
        let examples = schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty() && examples.iter().all(|row| fits.is_valid(row)), "{name}");
        assert!(!fits.is_valid(&json!({ "kind": "other" })), "{name}");
    }
}

#[tokio::test]
async fn every_message_has_its_schema_on_file() {
    for schema in messages::schemas() {
        let printed = gatehouse(&["schema", schema.name()]).await;
        let on_file = repository::text(&format!("schemas/{}/{}.json", schema.folder(), schema.name()));
        assert!(printed == on_file, "{}: the binary has another text; build it again", schema.name());
    }
}

#[tokio::test]
async fn the_schema_of_workflow_files_is_on_file_and_accepts_ours() {
    let printed = gatehouse(&["schema", "workflows"]).await;
    repository::golden("schemas/workflows.json", &printed);
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&printed).unwrap()).unwrap();
    let folders = ["deploy/workflows/", "worker/actions/src/"];
    let is_ours =
        |file: &String| file.ends_with(".yaml") && folders.iter().any(|folder| file.starts_with(folder));
    let files: Vec<_> = repository::files().into_iter().filter(is_ours).collect();
    assert!(files.len() >= 6, "{files:?}");
    for file in &files {
        let workflows: Value = serde_saphyr::from_str(&repository::text(file)).unwrap();
        let errors: Vec<_> = schema
            .iter_errors(&workflows)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
    let broken = [
        json!("nothing"),
        json!(["disable_acount"]),
        json!(["assign_licenses"]),
        json!([{ "assign_licenses": null }]),
        json!([{ "assign_licenses": { "licenses": 7 } }]),
        json!([{ "assign_licenses": { "licenses": [7] } }]),
        json!([{ "assign_licenses": { "licences": ["SPE_E3"] } }]),
        json!([{ "delete_primary_calendar_events": { "meetings": "cancle" } }]),
        json!([{ "disable_account": null, "revoke_sessions": null }]),
        json!([{ "disable_account": null, "unless": "manager" }]),
    ];
    for steps in broken {
        let file = json!({ "ours": { "stages": [{ "name": "a", "steps": steps }] } });
        assert!(!schema.is_valid(&file), "{file}");
    }
}

#[tokio::test]
async fn the_table_of_actions_shows_every_action() {
    let page = repository::text(ACTIONS);
    let (before, rest) = page.split_once(TABLE_BEGINS).expect("the page marks where the actions begin");
    let (_, after) = rest.split_once(TABLE_ENDS).expect("the page marks where the actions end");
    let table = gatehouse(&["schema", "--table"]).await;
    let generated = format!("{before}{TABLE_BEGINS}{}{TABLE_ENDS}{after}", table.trim_end());
    repository::golden(ACTIONS, &generated);
}

#[tokio::test]
async fn the_asyncapi_document_is_on_file_and_its_examples_fit_the_schemas_it_refers_to() {
    let printed = gatehouse(&["schema", "asyncapi"]).await;
    repository::golden("schemas/asyncapi.json", &printed);
    let document: Value = serde_json::from_str(&printed).unwrap();
    let all = document["components"]["messages"].as_object().unwrap();
    let named = messages::schemas().iter().map(|schema| schema.name());
    let between_workers = ["continuation.v1", "sync-continuation.v1", "sync-token.v1", "dead-letter.v1"];
    let stored = "run.snapshot.v1";
    let expected: BTreeSet<_> = named
        .filter(|name| name.ends_with(".v1") && !between_workers.contains(name) && *name != stored)
        .collect();
    assert_eq!(all.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (name, message) in all {
        let file = message["payload"]["schema"]["$ref"].as_str().unwrap().strip_prefix("./").unwrap();
        let schema = messages::Schema::named(name).unwrap();
        assert_eq!(file, format!("{}/{name}.json", schema.folder()));
        let examples = message["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            assert_eq!(schema.violations(&example["payload"]), [], "{name} {}", example["name"]);
            assert_eq!(example["payload"]["type"], message["name"]);
        }
    }
    for row in document["components"]["messageTraits"]["page"]["x-rows"].as_object().unwrap().values() {
        let file = row["$ref"].as_str().unwrap().strip_prefix("./").unwrap();
        assert!(repository::root().join("schemas").join(file).is_file(), "{file}");
    }
}

/// Every page of the repository.
fn is_page(file: &str) -> bool {
    file.ends_with(".md")
}

/// The code in a page: the lines of its blocks, and the text between backquotes.
fn code(text: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            code.push(line.trim_start_matches("$ ").trim().to_owned());
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    code
}

/// The first words of all lines of one section of a help text.
fn named_in(help: &str, section: &str) -> BTreeSet<String> {
    let from = help.lines().skip_while(|line| line.trim() != format!("{section}:")).skip(1);
    let lines = from.take_while(|line| !line.is_empty());
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[tokio::test]
async fn every_command_and_option_in_a_page_exists() {
    let pages = repository::files().into_iter().filter(|file| is_page(file));
    let pages: Vec<_> = pages.map(|file| repository::text(&file)).collect();
    let lines = pages.iter().flat_map(|page| code(page));
    let lines: Vec<_> = lines.filter(|line| line.starts_with("gatehouse ")).collect();
    assert!(lines.len() > 5, "{lines:?}");
    let top = gatehouse(&["--help"]).await;
    assert!(
        named_in(&top, "Commands").contains("run") && !named_in(&top, "Commands").contains("walk"),
        "{top}"
    );
    for line in &lines {
        // What follows a pipe or a comment is not for this command.
        let own = line.split(['|', '#', '>', ';', '&']).next().unwrap();
        let words: Vec<_> = own.split_whitespace().skip(1).collect();
        let mut path = Vec::new();
        let mut help = top.clone();
        for word in &words {
            let commands = named_in(&help, "Commands");
            if word.starts_with('-') || commands.is_empty() {
                break;
            }
            for alternative in word.split(',') {
                assert!(commands.contains(alternative), "`{line}`: there is no `{alternative}`");
            }
            path.push(*word);
            help = gatehouse(&[path.as_slice(), &["--help"]].concat()).await;
        }
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let name = option.split('=').next().unwrap();
            let offered = |found: &str| found.trim_end_matches(',') == name;
            let known = help.split_whitespace().any(offered);
            assert!(known, "`{line}`: there is no {name}\n{help}");
        }
    }
}

#[test]
fn every_target_of_make_in_a_page_exists() {
    let makefile = repository::text("Makefile");
    let targets: BTreeSet<_> = makefile.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    for file in repository::files().into_iter().filter(|file| is_page(file)) {
        for line in code(&repository::text(&file)) {
            let Some(target) = line.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next())
            else {
                continue;
            };
            assert!(targets.contains(target), "{file}: `{line}`: there is no target {target}");
        }
    }
}

#[test]
fn every_setting_that_is_mentioned_is_documented() {
    let reference = repository::text("worker/app/config.default.toml");
    let variables = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_<>".contains(c)));
        words.filter(|word| word.starts_with("GATEHOUSE__")).map(str::to_owned).collect()
    };
    let known = variables(&reference);
    let is_known =
        |name: &str| known.contains(name) || of_a_tenant(name).is_some_and(|name| known.contains(&name));
    let mut mentioned = 0;
    for file in repository::files().iter().filter(|file| is_page(file)) {
        for name in variables(&repository::text(file)) {
            mentioned += 1;
            assert!(is_known(&name), "{file}: there is no setting {name}");
        }
    }
    assert!(mentioned > 0, "no page names a setting");
}

/// The variable of a tenant, as the reference names it.
fn of_a_tenant(name: &str) -> Option<String> {
    let (_, key) = name.strip_prefix("GATEHOUSE__TENANTS__")?.split_once("__")?;
    Some(format!("GATEHOUSE__TENANTS__CONTOSO__{key}"))
}

/// The names of metrics in a text, without what Prometheus appends to those of histograms.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("gatehouse_") && word.len() > "gatehouse_".len());
    let bare = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    names.map(bare).collect()
}

#[tokio::test]
async fn every_metric_that_is_mentioned_is_served() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.emulator.fault(Fault::status(429).path("*/assignLicense").times(1).retry_after("0"));
    let mut worker = testbed.worker().await;
    let person =
        json!({ "upn": "ada.king@contoso.example", "display_name": "Ada King", "usage_location": "GB" });
    testbed.publisher.event(&events::onboarding("hire", person, json!({ "licenses": ["EMS"] }))).await;
    assert_eq!(testbed.results.end_of("hire").await["state"], "succeeded");
    testbed.publisher.event(&events::onboarding("invalid", json!({ "upn": 7 }), events::none())).await;
    assert_eq!(testbed.results.end_of("invalid").await["state"], "rejected");
    let (status, page) = worker_process::fetch(&worker.admin_address().await, "/metrics").await;
    assert_eq!(status, 200);
    testbed.saw(&page);
    let help = |name: &String| page.contains(&format!("# HELP {name} "));
    let served = metrics_in(&page);
    assert!(served.len() > 15 && served.iter().all(help), "{page}");
    // A counter without labels in use is not on the page, so the declarations are read as well.
    let declared: BTreeSet<_> = declared::metrics().into_iter().map(|metric| metric.name).collect();
    assert_eq!(served.difference(&declared).count(), 0, "{served:?}\n{declared:?}");
    for file in repository::files().iter().filter(|file| is_page(file)) {
        for name in metrics_in(&repository::text(file)) {
            assert!(declared.contains(&name), "{file}: there is no metric {name}");
        }
    }
    assert_eq!(worker.terminate().await, Some(0));
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "invalid on purpose"]).await.ok();
    testbed.close().await;
}
