//! A leaver's files move to the manager completely and once, even when workers are killed and files change meanwhile.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msgraph_emulator::{Drive, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Received, Testbed, TestbedBuilder, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";
/// The name of the folder of the copies on the day of the events.
const HOME: &str = "Files of Grace Hopper, 2026-03-02";
const LIST: &str = "Gatehouse migration.csv";

const WORKFLOW: &str = "offboarding:
  stages:
    - name: hand over
      steps: [migrate_onedrive: { settled: 5s }]
    - name: take back
      steps: [remove_licenses]
";

fn tenant(files: Drive) -> Tenant {
    let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").drive(files);
    let ada = User::new(ADA, "Ada Lovelace").drive(Drive::new().file("Notes.docx", 1_843));
    Tenant::empty().sku(Sku::new("SPE_E3", 1).plan("SHAREPOINTENTERPRISE")).user(ada).user(grace)
}

/// The name of the folder has the day of the event, however long ago that is.
fn testbed_of(drive: Drive) -> TestbedBuilder {
    Testbed::with(tenant(drive)).set("WORKER__MAX_EVENT_AGE_DAYS", 36_500)
}

fn leave() -> Value {
    let mut event = events::offboarding("leave", json!({ "upn": GRACE }));
    event["data"]["manager"] = json!({ "upn": ADA });
    event["time"] = json!("2026-03-02T08:00:00Z");
    event
}

/// The items of a drive by path: `folder`, or size, hash and versions.
fn files(testbed: &Testbed, upn: &str) -> BTreeMap<String, Value> {
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(upn)).unwrap().to_string();
    let state = testbed.emulator.state();
    let files = state["users"][&id]["drive"]["files"].as_object().unwrap();
    files.iter().map(|(path, what)| (path.clone(), what.clone())).collect()
}

/// The lines of the list beside the copies, each by its path, without the head.
fn list(testbed: &Testbed) -> BTreeMap<String, Vec<String>> {
    let text = String::from_utf8(testbed.emulator.file(ADA, &format!("{HOME}/{LIST}")).unwrap()).unwrap();
    let lines = text.trim_start_matches('\u{feff}').lines().skip(1);
    let fields = |line: &str| line.split(',').map(ToOwned::to_owned).collect::<Vec<_>>();
    lines.map(|line| (fields(line)[0].clone(), fields(line))).collect()
}

fn licenses(testbed: &Testbed) -> usize {
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(GRACE)).unwrap().to_string();
    testbed.emulator.state()["users"][&id]["licenses"]["direct"].as_array().unwrap().len()
}

async fn waiting(testbed: &mut Testbed) -> Received {
    loop {
        let received = testbed.results.next().await;
        assert!(!received.is_end(), "it should have waited: {received:?}");
        if received.key == "run.waiting" {
            return received;
        }
    }
}

/// Asserts that copies were monitored, and that nobody who reads the messages could do the same.
async fn addresses_are_sealed(testbed: &mut Testbed) {
    let carried = testbed.published.take().await;
    assert!(carried.iter().any(|message| message.text().contains("\"address\"")), "no copy was monitored");
    for message in carried {
        let text = message.text();
        assert!(!text.contains("/monitor/") && !text.contains("tempauth"), "{text}");
        testbed.saw(&text);
    }
}

/// The result of the step that moved the files.
fn finished(testbed: &Testbed) -> Value {
    let received = testbed.results.received();
    let is_it = |received: &&Received| {
        received.event["data"]["action"] == "migrate_onedrive" && received.key.starts_with("step.")
    };
    received.iter().rfind(is_it).unwrap().event["data"].clone()
}

#[tokio::test]
async fn fifty_thousand_items_move_once_however_often_a_worker_is_killed() {
    let deep = format!("{}/The end.txt", ["A folder with a name of forty characters"; 8].join("/"));
    let odd =
        ["Odd/100% #1 & more.txt", "Odd/trailing dots...", "Odd/a 🦋.jpg", "Odd/née/été.docx", deep.as_str()];
    let drive = odd.iter().fold(Drive::new().made_up(48_800), |drive, path| drive.file(path, 1_906));
    let pace = Duration::from_micros(300);
    let testbed = testbed_of(drive).emulator(|options| options.copy_pace(pace));
    let mut testbed = testbed.workflows(WORKFLOW).build().await;
    let source = files(&testbed, GRACE);
    assert!(source.len() >= 50_000, "{}", source.len());

    let mut worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    // The folder is made; then copies are started, and the worker is killed before it can record that.
    waiting(&mut testbed).await;
    worker.kill().await;
    worker = testbed.worker().await;
    testbed.changed(2).await;
    worker.kill().await;
    worker = testbed.worker().await;
    // Then a worker is killed whenever the run has gone to sleep.
    let mut kills = 2;
    let mut reasons = BTreeSet::new();
    let end = loop {
        let received = testbed.results.next().await;
        if received.is_end() {
            break received.event["data"].clone();
        }
        let reason = &received.event["data"]["steps"][0]["reason"];
        if received.key == "run.waiting" && kills < 5 && reasons.insert(reason.to_string()) {
            worker.kill().await;
            worker = testbed.worker().await;
            kills += 1;
        }
    };
    // On a slow machine the copies have ended before the second worker takes over: then the run sleeps once.
    assert!(kills >= 3, "only {kills} died: {reasons:?}");
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end}");
    assert_eq!(licenses(&testbed), 0);

    let effects: Vec<_> = testbed.effects();
    let orders: Vec<_> = effects.iter().filter(|effect| effect.starts_with("copy ")).collect();
    let distinct: BTreeSet<_> = orders.iter().collect();
    assert_eq!(orders.len(), distinct.len(), "what is under way is not ordered again: {orders:#?}");
    let copies = files(&testbed, ADA);
    // The copies, the folder they are in, that for the long path, the list, and what was there.
    assert_eq!(copies.len(), source.len() + 4);
    let twice: Vec<_> =
        copies.iter().filter(|(_, what)| what["versions"].as_u64().is_some_and(|v| v > 1)).collect();
    assert!(twice.is_empty(), "written twice: {twice:#?}");
    assert_eq!(files(&testbed, GRACE), source, "nothing is deleted");

    let step = finished(&testbed);
    let count = |name: &str| step["details"][name].as_u64().unwrap();
    assert_eq!(count("items") as usize, source.len(), "{step}");
    assert_eq!((count("failed"), count("skipped")), (0, 0), "{step}");
    // The one with dots at its end, and the one whose path was too long.
    assert_eq!(count("renamed"), 2, "{step}");
    // Two of five files that were made up are Office's, and one of the odd.
    assert_eq!(count("rewritten"), 48_800 * 2 / 5 + 1, "{step}");
    assert_eq!(count("identical") + count("rewritten") + count("renamed"), count("items"));
    let list = list(&testbed);
    assert_eq!(list.len(), source.len());
    let line = &list[&format!("/{deep}")];
    assert!(line[1].starts_with("/Paths longer than 400 characters/") && line[2] == "renamed", "{line:?}");
    println!("{kills} kills, {} orders, {} requests", orders.len(), testbed.emulator.journal().len());
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn what_changes_while_it_is_copied_is_copied_as_it_is_in_the_end() {
    let drive =
        Drive::new().file("Plan.txt", 10).file("Budget.xlsx", 20).file("Old/Draft.txt", 30).made_up(200);
    let mut testbed = testbed_of(drive).workflows(WORKFLOW).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    waiting(&mut testbed).await;
    let ordered = waiting(&mut testbed).await;
    assert!(ordered.event.to_string().contains("copy all that is in item"), "{ordered:?}");
    assert!(testbed.emulator.write_file(GRACE, "Plan.txt", 11));
    assert!(testbed.emulator.write_file(GRACE, "Budget.xlsx", 21));
    assert!(testbed.emulator.write_file(GRACE, "Old/Another.txt", 31));
    assert!(testbed.emulator.delete_file(GRACE, "Old/Draft.txt"));
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    addresses_are_sealed(&mut testbed).await;

    let copies = files(&testbed, ADA);
    let copy = |path: &str| copies[&format!("{HOME}/{path}")].clone();
    assert_eq!((&copy("Plan.txt")["size"], &copy("Plan.txt")["versions"]), (&json!(11), &json!(2)));
    assert_eq!((&copy("Budget.xlsx")["versions"], &copy("Old/Another.txt")["size"]), (&json!(2), &json!(31)));
    assert_eq!(copy("Old/Draft.txt")["size"], 30, "nothing is deleted");
    let others = copies.iter().filter(|(path, _)| path.contains("Archive") && path.contains('.'));
    assert!(others.clone().all(|(_, what)| what["versions"] == 1), "what did not change is copied once");
    assert_eq!(others.count(), 200);
    assert_eq!(finished(&testbed)["details"]["failed"], 0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn what_cannot_be_copied_keeps_the_licence_until_an_operator_has_mended_it() {
    let drive = Drive::new().file("Plan.txt", 10).infected_file("Tools/setup.exe", 99).made_up(50);
    let mut testbed = testbed_of(drive).workflows(WORKFLOW).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave()).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("failed"), &json!("files_not_copied")),
        "{end}"
    );
    assert_eq!(licenses(&testbed), 1, "the licence stays");
    let line = list(&testbed)["/Tools/setup.exe"].clone();
    assert_eq!((line[2].as_str(), line[3].as_str()), ("failed", "malwareDetected"));
    assert_eq!(files(&testbed, ADA)[&format!("{HOME}/Plan.txt")]["size"], 10, "the others are there");
    testbed.holds("workflows.dlq", 1).await;

    let before = testbed.effects().len();
    assert!(testbed.emulator.delete_file(GRACE, "Tools/setup.exe"));
    testbed.gatehouse(&["dead", "replay", &events::run_of(&leave()).to_string()]).await.ok();
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let after: Vec<_> = testbed.effects().split_off(before);
    assert!(!after.iter().any(|effect| effect.starts_with("copy ")), "nothing is copied again: {after:#?}");
    assert_eq!(licenses(&testbed), 0);
    assert_eq!(finished(&testbed)["details"]["failed"], 0);
    testbed.drain([worker]).await;
    testbed.close().await;
}
