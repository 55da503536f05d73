//! Dead letters in files: they come back as they were, and never with more trust than a signature gives.

use std::os::unix::fs::PermissionsExt as _;

use lapin::BasicProperties;
use serde_json::{Value, json};
use system_tests::{Testbed, crowd, documents, events};

use super::after_a_bad_night;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn path(testbed: &Testbed, name: &str) -> String {
    let path = testbed.file(name, "");
    std::fs::remove_file(&path).unwrap();
    path.display().to_string()
}

async fn with_key(leavers: usize) -> Testbed {
    let mut testbed = Testbed::with(crowd::tenant(leavers)).build().await;
    let key = testbed.file("key", KEY);
    testbed.set("WORKER__KEY_FILE", key.display());
    testbed
}

#[tokio::test]
async fn what_was_exported_and_discarded_comes_back_and_resumes_where_it_failed() {
    let mut testbed = with_key(3).await;
    let worker = after_a_bad_night(&mut testbed, 3).await;
    testbed.publisher.publish("events", "onboarding.requested", BasicProperties::default(), b"\xff\n").await;
    testbed.holds("workflows.dlq", 4).await;
    let before = documents(&testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok());
    let file = path(&testbed, "letters.ndjson");
    let exported = testbed.gatehouse(&["dead", "export", "--out", &file]).await.ok();
    assert!(exported.contains("exported 4 dead letters"), "{exported}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(testbed.depth("workflows.dlq").await, 4, "they stay");
    let again = testbed.gatehouse(&["dead", "export", "--out", &file]).await;
    assert!(again.code == Some(3) && again.stderr.contains("exists"), "{again:?}");
    let lines = documents(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(
        lines.iter().filter(|line| line["body"]["progress"].is_object()).count(),
        3,
        "JSON stays JSON"
    );
    assert!(lines.iter().all(|line| line["headers"]["gatehouse-signature"].is_string()));

    let known = documents(&testbed.gatehouse(&["dead", "import", &file, "--output", "json"]).await.ok());
    assert_eq!((&known[0]["imported"], &known[0]["skipped"]), (&json!(0), &json!(4)), "{known:?}");
    testbed.gatehouse(&["dead", "discard", "--all", "--yes", "--rate", "1000"]).await.ok();
    assert_eq!(testbed.depth("workflows.dlq").await, 0);
    let heard = testbed.results.received().len();
    let back = documents(&testbed.gatehouse(&["dead", "import", &file, "--output", "json"]).await.ok());
    assert_eq!(back, [json!({ "imported": 4, "skipped": 0, "broken": [] })]);
    let after = documents(&testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok());
    let sorted = |mut letters: Vec<Value>| {
        for letter in &mut letters {
            // What a worker did not write was last published by the import.
            letter["routing_key"].take();
        }
        letters.sort_by_key(|letter| letter["id"].as_str().unwrap().to_owned());
        letters
    };
    assert_eq!(sorted(after), sorted(before));
    let mut told = 0;
    while told < 4 {
        told += usize::from(testbed.results.next().await.key == "dead_letter.added");
    }
    assert!(testbed.results.received().len() > heard);

    testbed.emulator.clear_journal();
    testbed
        .gatehouse(&["dead", "replay", "--all", "--class", "permission_missing", "--rate", "1000"])
        .await
        .ok();
    let ends = testbed.results.ends(3).await;
    for number in 0..3 {
        let end = &ends[&events::run_of(&crowd::leave(number)).to_string()];
        assert_eq!(
            (&end["state"], &end["replays"]),
            (&json!(crowd::state_of_leaver(number)), &json!(1)),
            "{end}"
        );
    }
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn broken_lines_are_named_and_the_others_come_back() {
    let mut testbed = with_key(2).await;
    let worker = after_a_bad_night(&mut testbed, 2).await;
    let file = path(&testbed, "letters.ndjson");
    testbed.gatehouse(&["dead", "export", "--out", &file]).await.ok();
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    let text = std::fs::read_to_string(&file).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    // One says that it is done with something that it is not.
    let forged = second.replacen("\"changes\":0", "\"changes\":9", 1);
    assert_ne!(forged, second);
    let broken = testbed.file("broken.ndjson", &format!("{first}\n{{\n\n{forged}"));
    let arguments = ["dead", "import", broken.to_str().unwrap(), "--output", "json"];
    let imported = testbed.gatehouse(&arguments).await;
    assert_eq!(imported.code, Some(1), "{imported:?}");
    let report = &documents(&imported.stdout)[0];
    let lines: Vec<_> = report["broken"].as_array().unwrap().iter().map(|line| &line["line"]).collect();
    assert_eq!((&report["imported"], lines), (&json!(1), vec![&json!(2), &json!(4)]), "{report}");
    assert!(report["broken"][1]["why"].as_str().unwrap().contains("no signature proves"), "{report}");
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn without_a_key_no_file_brings_back_what_a_worker_wrote() {
    let mut testbed = Testbed::with(crowd::tenant(1)).build().await;
    let worker = after_a_bad_night(&mut testbed, 1).await;
    testbed.publisher.publish("events", "onboarding.requested", BasicProperties::default(), b"{}").await;
    testbed.holds("workflows.dlq", 2).await;
    let file = path(&testbed, "letters.ndjson");
    testbed.gatehouse(&["dead", "export", "--out", &file]).await.ok();
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    let imported = testbed.gatehouse(&["dead", "import", &file]).await;
    assert_eq!(imported.code, Some(1), "{imported:?}");
    assert!(imported.stdout.contains("imported 1 dead letters"), "{imported:?}");
    assert!(imported.stdout.contains("line 1 not imported") && imported.stdout.contains("worker.key_file"));
    let back = documents(&testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok());
    assert_eq!(
        (&back[0]["origin"]["writer"], &back[0]["origin"]["user"]),
        (&json!("publisher"), &Value::Null)
    );
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}
