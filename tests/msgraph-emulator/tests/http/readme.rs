//! The README: its options, paths, controls, faults, credentials and keys are exactly the program's.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use msgraph_emulator::{CLIENT_ID, CLIENT_SECRET, Options, TENANT_ID, Tenant};
use serde_json::{Value, json};

use crate::harness::{Desk, read, tenant};

const README: &str = include_str!("../../README.md");
const GRANT_TYPES: [&str; 3] =
    ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"];
const METHODS: [&str; 5] = ["GET", "POST", "PATCH", "PUT", "DELETE"];

/// The text below a heading, up to the next of its kind.
fn section(heading: &str) -> &'static str {
    let marked = format!("\n## {heading}\n");
    assert!(README.contains(&marked), "no section {heading}");
    let (_, rest) = README.split_once(&marked).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The cells of every row of the tables in a text, without heads and rulers.
fn rows(text: &'static str) -> Vec<Vec<&'static str>> {
    let lines: Vec<_> = text.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| line.starts_with("| ") && !is_head(*at) && !line.starts_with("| **"));
    rows.map(|(_, line)| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|&name| name.to_owned()).collect()
}

/// The names that serde lists when it refuses a field it does not know.
fn known(error: &str) -> BTreeSet<String> {
    assert!(error.contains("expected "), "no list of fields: {error}");
    let (_, list) = error.split_once("expected ").unwrap();
    names(&quoted(list))
}

fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_msgraph-emulator")).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Every `--option` in a text.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with("--") && word.len() > 3).map(str::to_owned).collect()
}

#[test]
fn the_options_are_those_of_the_help() {
    let mut ours = options(&help());
    ours.retain(|option| !["--help", "--version"].contains(&option.as_str()));
    let of_page: String = rows(section("Options")).iter().map(|row| row[0]).collect();
    assert_eq!(options(&of_page), ours);
}

#[test]
fn the_built_in_values_are_those_of_the_library() {
    let start = section("Start it");
    for value in [CLIENT_ID, CLIENT_SECRET, &TENANT_ID.to_string()] {
        assert!(start.contains(value), "{value}");
    }
    let user = |upn: &str| Tenant::contoso().user_id(upn).is_some();
    assert!(["ada", "grace", "edsger", "admin"].iter().all(|name| user(&format!("{name}@contoso.example"))));
}

#[test]
fn the_files_it_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = quoted(README).into_iter().filter(|name| name.ends_with(".rs")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert!(root.join(file).is_file(), "{file}");
    }
}

#[tokio::test]
async fn the_controls_are_those_the_emulator_names() {
    let desk = Desk::open().await;
    let address = format!("{}/_emulator/nothing", desk.emulator.url());
    let (status, body) = read(desk.http.get(address).send().await.unwrap()).await;
    assert_eq!(status, 404);
    let (_, list) = body["error"].as_str().unwrap().split_once("there are ").unwrap();
    let mut ours = BTreeSet::new();
    for control in list.split(", ") {
        let (methods, path) = control.split_once(' ').unwrap();
        ours.extend(methods.split('|').map(|method| format!("{method} {path}")));
    }
    let rows = rows(section("Controls"));
    let controls = rows.iter().filter(|row| row.len() == 3);
    let of_page: BTreeSet<_> = controls
        .map(|row| format!("{} {}", row[0], quoted(row[1])[0].strip_prefix("/_emulator/").unwrap()))
        .collect();
    assert_eq!(of_page, ours);
}

#[tokio::test]
async fn the_fields_of_an_entry_of_the_journal_are_all() {
    let desk = Desk::open().await;
    desk.found("users").await;
    let journal = format!("{}/_emulator/journal", desk.emulator.url());
    let (_, entries) = read(desk.http.get(journal).send().await.unwrap()).await;
    let ours: BTreeSet<_> = entries[0].as_object().unwrap().keys().cloned().collect();
    let rows = rows(section("Controls"));
    let fields = rows.iter().filter(|row| row.len() == 2).flat_map(|row| quoted(row[0]));
    assert_eq!(fields.map(str::to_owned).collect::<BTreeSet<_>>(), ours);
}

#[tokio::test]
async fn the_fields_of_a_fault_are_all() {
    let desk = Desk::open().await;
    let address = format!("{}/_emulator/faults", desk.emulator.url());
    let request = desk.http.post(address).json(&json!({ "colour": "red" }));
    let (_, body) = read(request.send().await.unwrap()).await;
    let of_page: Vec<_> = rows(section("Faults")).iter().flat_map(|row| quoted(row[0])).collect();
    assert_eq!(names(&of_page), known(body["error"].as_str().unwrap()));
}

#[tokio::test]
async fn the_kinds_of_credential_are_those_it_takes() {
    let desk = Desk::open().await;
    let rows = rows(section("Sign-in"));
    assert_eq!(rows.len(), 4);
    let grants: BTreeSet<_> = rows.iter().flat_map(|row| quoted(row[2])).collect();
    assert_eq!(grants, BTreeSet::from(GRANT_TYPES));
    let address = format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url());
    for grant in GRANT_TYPES.into_iter().chain(["password", "authorization_code"]) {
        let form = [("grant_type", grant), ("client_id", CLIENT_ID)];
        let (_, body) = read(desk.http.post(&address).form(&form).send().await.unwrap()).await;
        let is_taken = body["error"] != "unsupported_grant_type";
        assert_eq!(is_taken, GRANT_TYPES.contains(&grant), "{grant}: {body}");
    }
    let keys: Vec<_> = rows.iter().flat_map(|row| quoted(row[1])).collect();
    let application = keys_of("an application");
    assert!(keys.iter().all(|key| application.contains(*key)), "{keys:?}");
}

/// Whether a path on the page stands for this path: a name in braces stands for anything.
fn stands_for(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let fits = |(pattern, segment): (&&str, &&str)| match pattern.split_once(['{', '}']) {
        None => pattern == segment,
        Some((before, rest)) => {
            segment.starts_with(before) && segment.ends_with(rest.split_once('}').unwrap().1)
        }
    };
    pattern.len() == path.len() && pattern.iter().zip(&path).all(fits)
}

/// The path with something in place of every brace.
fn filled(path: &str) -> String {
    let mut filled = path.replace("{report}", "getM365AppUserDetail(period='D7')");
    while let Some((before, rest)) = filled.clone().split_once('{') {
        filled = format!("{before}x{}", rest.split_once('}').unwrap().1);
    }
    filled
}

#[tokio::test]
async fn every_path_is_served_with_its_methods_and_no_other() {
    let desk = Desk::with(Options::new(tenant())).await;
    let rows = rows(section("What it models"));
    let table: Vec<(&str, Vec<&str>)> =
        rows.iter().map(|row| (quoted(row[0])[0], row[1].split(' ').collect())).collect();
    let of_graph = table.iter().filter_map(|(path, _)| path.strip_prefix("/v1.0/"));
    assert!(of_graph.clone().count() > 70, "the table is read");
    let mut wrong = Vec::new();
    for path in of_graph.map(filled) {
        let full = format!("/v1.0/{path}");
        let same: Vec<_> = table.iter().filter(|(pattern, _)| stands_for(pattern, &full)).collect();
        for method in METHODS {
            let answer = desk.request(method, &path).header("Content-Length", 0).send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let is_served = status != 405 && !text.contains("Resource not found for the segment");
            let is_named = same.iter().any(|(_, methods)| methods.contains(&method));
            if is_served != is_named {
                wrong.push(format!("{method} {path}, served: {is_served}, status {status}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn the_reports_it_names_are_made() {
    let desk = Desk::allowed(&["Reports.Read.All"]).await;
    let row = rows(section("What it models")).into_iter().find(|row| row[0].contains("{report}")).unwrap();
    let reports: Vec<_> = quoted(row[2]).into_iter().filter(|name| name.starts_with("get")).collect();
    assert_eq!(reports.len(), 13);
    for report in reports {
        let span = if report == "getOffice365ActivationsUserDetail" { "" } else { "(period='D7')" };
        let answer = desk.request("GET", &format!("reports/{report}{span}")).send().await.unwrap();
        let url = answer.url().path().to_owned();
        assert!(url.starts_with("/data/download/"), "{report}: {url}");
    }
}

#[tokio::test]
async fn the_switches_of_reports_are_all() {
    let desk = Desk::open().await;
    let control = format!("{}/_emulator/reports", desk.emulator.url());
    let (_, switches) = read(desk.http.get(control).send().await.unwrap()).await;
    let ours = switches.as_object().unwrap().keys().cloned();
    let rows = rows(section("Usage reports")).into_iter().filter(|row| row.len() == 3);
    let of_page: Vec<_> = rows.flat_map(|row| quoted(row[0])).collect();
    assert_eq!(names(&of_page), ours.collect());
}

/// The keys the page has for an object of a tenant file.
fn keys_of(object: &str) -> BTreeSet<String> {
    let rows = rows(section("Tenant file"));
    let row = rows.iter().find(|row| row[0] == object);
    assert!(row.is_some(), "no row for {object}");
    names(&quoted(row.unwrap()[1]))
}

/// What is wrong with a tenant file that has this besides what it must have.
fn mistake(key: &str, value: &Value) -> String {
    let mut file =
        json!({ "tenantId": TENANT_ID, "displayName": "Contoso", "verifiedDomains": ["contoso.example"] });
    file[key] = value.clone();
    Tenant::from_json(&file.to_string()).unwrap_err().to_string()
}

fn user(key: &str, value: &Value) -> Value {
    let mut user = json!({ "userPrincipalName": "ada@contoso.example", "displayName": "Ada Lovelace" });
    user[key] = value.clone();
    json!([user])
}

#[test]
fn the_keys_of_a_tenant_file_are_all() {
    let odd = json!({ "colour": "red" });
    let application = json!([{ "clientId": "a", "clientSecret": "s", "roles": [],
                               "federatedCredentials": [odd] }]);
    let sku = json!([{ "skuPartNumber": "EMS", "enabled": 1, "servicePlans": [odd] }]);
    let subscription = json!([{ "skuPartNumber": "EMS", "enabled": 1, "subscriptions": [odd] }]);
    let group =
        json!([{ "displayName": "A", "mailEnabled": false, "securityEnabled": true, "channels": [odd] }]);
    let mailbox = |key: &str, value: Value| user("mailbox", &json!({ key: value }));
    let cases = [
        ("the file", "colour", odd.clone()),
        ("an application", "applications", json!([odd])),
        ("a federated credential", "applications", application),
        ("a SKU", "skus", json!([odd])),
        ("a service plan", "skus", sku),
        ("a subscription", "skus", subscription),
        ("sign-ins", "users", user("signInActivity", &odd)),
        ("a pass", "users", user("temporaryAccessPass", &odd)),
        ("a device", "users", user("devices", &json!([odd]))),
        ("a drive", "users", user("drive", &odd)),
        ("a file in a drive", "users", user("drive", &json!({ "files": [odd] }))),
        ("a mailbox", "users", user("mailbox", &odd)),
        ("automatic replies", "users", mailbox("automaticReplies", odd.clone())),
        ("an inbox rule", "users", mailbox("inboxRules", json!([odd]))),
        ("a calendar", "users", mailbox("calendars", json!([odd]))),
        ("a sharing of a calendar", "users", mailbox("calendars", json!([{ "sharedWith": [odd] }]))),
        ("an event", "users", mailbox("events", json!([odd]))),
        ("an exception", "users", mailbox("events", json!([{ "exceptions": [odd] }]))),
        ("a message", "users", mailbox("messages", json!([odd]))),
        ("a group", "groups", json!([odd])),
        ("a channel", "groups", group),
    ];
    assert_eq!(cases.len() + 1, rows(section("Tenant file")).len(), "and a user");
    for (object, key, value) in cases {
        assert_eq!(keys_of(object), known(&mistake(key, &value)), "{object}");
    }
}

/// The keys of a user are read by hand, so their list is the one in the source.
#[test]
fn the_keys_of_a_user_are_all() {
    let source = include_str!("../../src/tenant/file.rs");
    let (_, arms) = source.split_once("match name.as_str() {").unwrap();
    let (arms, _) = arms.split_once("_ => user = user.with").unwrap();
    let ours = arms.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    assert_eq!(keys_of("a user"), ours.map(str::to_owned).collect());
}
