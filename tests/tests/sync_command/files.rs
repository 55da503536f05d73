//! The files of a sync: complete or not there, safe to open, and changes after a cursor.

use std::collections::BTreeMap;

use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::{repository, worker_process};

use crate::bench::Bench;

const KINDS: [&str; 10] = [
    "user",
    "license_assignment",
    "waste",
    "sku",
    "subscription",
    "usage",
    "usage_day",
    "usage_app",
    "usage_person",
    "usage_group",
];

fn schema(kind: &str) -> jsonschema::Validator {
    let schema = serde_json::from_str(&repository::text(&format!("schemas/sync/{kind}.json"))).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_form_has_the_same_rows_and_each_fits_its_schema() {
    let roles: Vec<_> = crate::bench::ROLES.into_iter().chain(["Reports.Read.All"]).collect();
    let bench = Bench::with(Tenant::contoso().crowd(3, 1_500).lifelike(), &roles);
    let schemas: BTreeMap<_, _> = KINDS.into_iter().map(|kind| (kind, schema(kind))).collect();
    for sync in ["users", "licenses", "usage"] {
        let names = ["csv", "ndjson", "json"].map(|ending| bench.name(&format!("{sync}.{ending}")));
        for name in &names {
            bench.sync(&[sync, "--out", name]).await.ok();
        }
        let lines = rows(&bench.text(&format!("{sync}.ndjson")));
        let list: Vec<Value> = serde_json::from_str(&bench.text(&format!("{sync}.json"))).unwrap();
        assert_eq!(lines, list);
        let sheet = bench.text(&format!("{sync}.csv"));
        assert!(sheet.starts_with("\u{feff}kind,"), "the mark, so that Excel reads names right");
        assert_eq!(sheet.lines().count(), lines.len() + 1);
        for row in &lines {
            let errors: Vec<_> = schemas[row["kind"].as_str().unwrap()].iter_errors(row).collect();
            assert!(errors.is_empty(), "{row}: {errors:?}");
        }
    }
}

#[tokio::test]
async fn a_spreadsheet_runs_nothing_that_somebody_wrote_into_a_name() {
    let evil = ["=cmd|'/c calc'!A1", "+1+2", "-2+3", "@SUM(1)", "\t=1"];
    let tenant = evil.iter().enumerate().fold(Tenant::empty(), |tenant, (number, name)| {
        tenant.user(User::new(&format!("u{number}@contoso.example"), "x").with("department", *name))
    });
    let bench = Bench::of(tenant.user(User::new("zoe@contoso.example", "Zoë, \"the\" Müller")));
    bench.sync(&["users", "--out", &bench.name("people.csv")]).await.ok();
    bench.sync(&["users", "--out", &bench.name("people.ndjson")]).await.ok();
    let sheet = bench.text("people.csv");
    for name in evil {
        assert!(sheet.contains(&format!(",'{name},")), "{name}: {sheet}");
        assert!(bench.text("people.ndjson").contains(&json!(name).to_string()), "{name} is data");
    }
    assert!(sheet.contains("\"Zoë, \"\"the\"\" Müller\""), "{sheet}");
}

#[tokio::test]
async fn a_file_is_complete_or_not_there() {
    let bench = Bench::of(Tenant::contoso().crowd(1, 3_000));
    let (out, cursor) = (bench.name("people.ndjson"), bench.name("cursor"));
    std::fs::write(&out, "what was there\n").unwrap();
    for fault in [Fault::status(403), Fault::status(503), Fault::dropped()] {
        bench.emulator.clear_faults();
        bench.emulator.fault(fault.path("/v1.0/users").from(4));
        let failed = bench.sync(&["users", "--out", &out, "--cursor-file", &cursor]).await;
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
        assert!(failed.stderr.starts_with("gatehouse: "), "{failed:?}");
        assert_eq!(
            (bench.text("people.ndjson"), bench.files()),
            ("what was there\n".to_owned(), vec!["people.ndjson".to_owned()])
        );
    }
    bench.emulator.clear_faults();
    bench.sync(&["users", "--out", &out, "--cursor-file", &cursor]).await.ok();
    assert_eq!(rows(&bench.text("people.ndjson")).len(), 3_004);
    assert_eq!(bench.files(), ["cursor", "people.ndjson"]);
}

#[tokio::test]
async fn after_a_cursor_only_changes_are_read_and_a_bad_one_says_why_everyone_is() {
    let bench = Bench::of(Tenant::contoso());
    let (out, cursor) = (bench.name("out.ndjson"), bench.name("cursor"));
    let arguments = ["users", "--out", &out, "--cursor-file", &cursor];
    let first = bench.report(&arguments).await;
    assert_eq!(
        (&first["mode"], &first["totals"]["people"], &first["rows"]),
        (&json!("full"), &json!(4), &json!(4))
    );
    bench.emulator.with_tenant(|tenant| tenant.set("ada@contoso.example", "department", "Kitchen")).unwrap();
    let second = bench.report(&arguments).await;
    assert_eq!((&second["mode"], &second["changes"]["changed"]), (&json!("changes"), &json!(1)));
    assert_eq!(rows(&bench.text("out.ndjson"))[0]["department"], "Kitchen");
    let third = bench.report(&arguments).await;
    assert_eq!((&third["changes"]["changed"], bench.text("out.ndjson").as_str()), (&json!(0), ""));

    bench.emulator.with_tenant(Tenant::expire_delta_tokens);
    let expired = bench.report(&arguments).await;
    assert_eq!((&expired["mode"], &expired["full_pass_because"]), (&json!("full"), &json!("token_expired")));
    assert_eq!(rows(&bench.text("out.ndjson")).len(), 4);
    std::fs::write(&cursor, [0xff, 0xfe]).unwrap();
    let damaged = bench.report(&arguments).await;
    assert_eq!(damaged["full_pass_because"], "cursor_damaged");
    let human = bench.sync(&arguments).await.ok();
    assert!(human.contains("changes since the last time"), "the cursor is good again: {human}");
    std::fs::write(&cursor, "no cursor").unwrap();
    let human = bench.sync(&arguments).await.ok();
    assert!(
        human.contains("everyone was read, because") && human.contains("the cursor is damaged"),
        "{human}"
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_anything_is_read() {
    let bench = Bench::of(Tenant::contoso());
    let (xlsx, bare, nowhere) = (bench.name("a.xlsx"), bench.name("a"), bench.name("no/folder/a.csv"));
    for (sync, out) in [("users", &xlsx), ("users", &bare), ("licenses", &xlsx), ("users", &nowhere)] {
        let refused = bench.sync(&[sync, "--out", out]).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(
            refused.stderr.contains(".csv, .ndjson or .json") || refused.stderr.contains("cannot write"),
            "{refused:?}"
        );
    }
    let prices = bench.name("prices.csv");
    std::fs::write(&prices, "SPE_E3,36,EUR\nEMS,cheap,EUR\nVISIOCLIENT,15\n").unwrap();
    let refused = bench.sync(&["licenses", "--prices", &prices]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("line 2") && refused.stderr.contains("line 3"), "{refused:?}");
    let refused = bench.sync(&["users", "--tenant", "fabrikam"]).await;
    assert_eq!((refused.code, refused.stderr.contains("known: contoso")), (Some(3), true), "{refused:?}");
    assert!(bench.emulator.journal().iter().all(|entry| entry.token), "nothing was read");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_people() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::of(Tenant::contoso());
    let (out, cursor) = (bench.name("people.csv"), bench.name("cursor"));
    bench.sync(&["users", "--out", &out, "--cursor-file", &cursor]).await.ok();
    for name in ["people.csv", "cursor"] {
        let mode = std::fs::metadata(bench.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn who_stops_a_sync_leaves_no_file_behind() {
    let bench = Bench::of(Tenant::contoso().crowd(1, 2_500));
    let log = tempfile::TempDir::new().unwrap();
    for (number, signal) in ["-INT", "-TERM"].into_iter().enumerate() {
        bench.emulator.clear_faults();
        bench.emulator.fault(Fault::delayed(60_000).path("*/v1.0/users").nth(2));
        let log = log.path().join(format!("{number}.log"));
        let out = bench.name("people.csv");
        let mut command =
            worker_process::start(&["sync", "users", "--out", &out], &bench.settings(&[]), &log);
        until(async || bench.files().len() == 1).await;
        let id = command.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(command.wait().await.unwrap().code(), Some(1));
        assert_eq!(bench.files(), Vec::<String>::new(), "{signal}");
        let told = std::fs::read_to_string(log.with_extension("stderr.log")).unwrap();
        assert!(told.contains("nothing was written"), "{told}");
    }
}
