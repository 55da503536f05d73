//! Syncs of usage: day by day through the queue, and right at the end however often a worker dies.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Application, Fault, Tenant};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::worker_process::fetch;
use system_tests::{Pages, Testbed, TestbedBuilder};

use crate::cancels::{cancel, is_cancelled};
use crate::{end_of, sync};

const DAYS: usize = 5;

/// A tenant of about so many people who use something, without limits.
fn used(seed: u64, people: u64) -> TestbedBuilder {
    let roles =
        ["Reports.Read.All", "ReportSettings.Read.All", "User.Read.All", "LicenseAssignment.Read.All"];
    let application = roles.into_iter().fold(Application::default(), Application::role);
    let tenant = Tenant::contoso().application(application).crowd(seed, people).lifelike();
    Testbed::with(tenant).set("GRAPH__LIMITS_SHARE", 1000)
}

fn usage(id: &str, more: Value) -> Value {
    let mut data = json!({ "what": "usage", "days": DAYS });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sync(id, data)
}

/// What a consumer keeps: the rules of its documentation.
#[derive(Default)]
struct Kept {
    /// Rows by kind and key, with their generation.
    rows: BTreeMap<(String, String), (i64, Value)>,
    pages: BTreeMap<i64, BTreeSet<u64>>,
    ends: Vec<Value>,
}

impl Kept {
    fn page(&mut self, page: &Value) {
        let page = &page["data"];
        let generation = page["generation"].as_i64().unwrap();
        self.pages.entry(generation).or_default().insert(page["number"].as_u64().unwrap());
        for row in page["rows"].as_array().unwrap() {
            let kind = row["kind"].as_str().unwrap();
            let fields: &[&str] = match kind {
                "usage" => &["person", "date"],
                "usage_day" => &["date"],
                "usage_app" => &["app", "platform", "window_days"],
                "usage_person" => &["person", "user_id"],
                "usage_group" => &["group"],
                "waste" => &["user_id", "sku_id"],
                other => unreachable!("{other}"),
            };
            let key = fields.iter().map(|field| row[*field].to_string()).collect::<Vec<_>>().join(" ");
            let known = self.rows.entry((kind.to_owned(), key)).or_insert((generation, Value::Null));
            if known.0 <= generation {
                *known = (generation, row.clone());
            }
        }
        self.sweep();
    }

    fn finished(&mut self, end: &Value) {
        self.ends.push(end.clone());
        self.sweep();
    }

    fn has_all(&self, generation: &Value, pages: &Value) -> bool {
        let came = generation.as_i64().and_then(|generation| self.pages.get(&generation));
        came.map_or(0, BTreeSet::len) as u64 == pages.as_u64().unwrap_or(u64::MAX)
    }

    /// Whether a page of a sync that ended like this is still to come.
    fn waits_for(&self, end: &Value) -> bool {
        let days = end["days"].as_array().unwrap().iter().filter(|day| day.get("pages").is_some());
        let mut all = days.chain([end]);
        all.any(|part| !self.has_all(&part["generation"], &part["pages"]))
    }

    /// A day that is read replaces what was there of it, and a kind that is complete what was there of that.
    fn sweep(&mut self) {
        for end in self.ends.clone() {
            for day in end["days"].as_array().unwrap().iter().filter(|day| day.get("pages").is_some()) {
                if self.has_all(&day["generation"], &day["pages"]) {
                    let of = day["generation"].as_i64().unwrap();
                    let is_old = |kind: &str, row: &Value, generation: i64| {
                        kind == "usage" && row["date"] == day["date"] && generation < of
                    };
                    self.rows.retain(|(kind, _), (generation, row)| !is_old(kind, row, *generation));
                }
            }
            if end["complete"] == true && self.has_all(&end["generation"], &end["pages"]) {
                let of = end["generation"].as_i64().unwrap();
                let kinds = end["kinds"].as_array().unwrap();
                self.rows
                    .retain(|(kind, _), (generation, _)| *generation >= of || !kinds.contains(&json!(kind)));
            }
        }
    }

    /// The rows of every kind, without their generations.
    fn table(&self) -> BTreeMap<(String, String), Value> {
        self.rows.iter().map(|(key, (_, row))| (key.clone(), row.clone())).collect()
    }

    fn count(&self, kind: &str) -> usize {
        self.rows.keys().filter(|(of, _)| of == kind).count()
    }
}

/// Takes pages until the sync of this event has ended and all of its pages are in.
async fn keep(testbed: &mut Testbed, pages: &mut Pages, kept: &mut Kept, event: &str) -> Value {
    let reading = async {
        loop {
            kept.page(&pages.next().await.1);
        }
    };
    let end = tokio::select! {
        end = end_of(testbed, event) => end,
        () = reading => unreachable!(),
    };
    kept.finished(&end);
    while kept.waits_for(&end) {
        kept.page(&pages.next().await.1);
    }
    end
}

/// How often each day was asked for.
fn asked(testbed: &Testbed) -> BTreeMap<String, usize> {
    let mut days = BTreeMap::new();
    for entry in testbed.emulator.journal() {
        if let Some(date) = entry.path.strip_prefix("/v1.0/reports/getM365AppUserDetail(date=") {
            *days.entry(date.trim_end_matches(')').to_owned()).or_default() += 1;
        }
    }
    days
}

async fn truth(testbed: &Testbed, end: &Value) -> Value {
    let totals = &end["totals"];
    let url = testbed.emulator.url();
    let path = format!(
        "/_emulator/reports/totals?first={}&last={}",
        totals["from"].as_str().unwrap(),
        totals["to"].as_str().unwrap()
    );
    serde_json::from_str(&fetch(url.strip_prefix("http://").unwrap(), &path).await.1).unwrap()
}

#[tokio::test]
async fn each_day_is_complete_by_itself_and_the_window_is_that_of_the_tenant() {
    let mut testbed = used(1, 700).build().await;
    let worker = testbed.worker().await;
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    testbed.publisher.event(&usage("all", json!({}))).await;
    let end = keep(&mut testbed, &mut pages, &mut kept, "all").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end:#}");
    assert_eq!(end["kinds"], json!(["usage_app", "usage_person", "usage_group", "waste"]), "{end:#}");
    let truth = truth(&testbed, &end).await;
    assert_eq!(end["totals"]["people"]["suite"], truth["suite"]["people"]);
    assert_eq!(end["totals"]["people"]["word"], truth["apps"]["Word"]["people"]);
    let read = end["days"].as_array().unwrap().iter().filter(|day| day["state"] == "read");
    let generations: BTreeSet<_> = read.map(|day| day["generation"].as_i64().unwrap()).collect();
    assert_eq!(generations.len(), DAYS, "each day has one of its own: {end:#}");
    let days = truth["days"].as_array().unwrap();
    let people: u64 = days.iter().map(|day| day["people"].as_u64().unwrap()).sum();
    assert_eq!(kept.count("usage") as u64, people);
    assert!(asked(&testbed).values().all(|times| *times == 1), "{:?}", asked(&testbed));
    let shown = testbed.gatehouse(&["dead", "list", "--queue", "sync"]).await.ok();
    assert!(!shown.contains("gatehouse.sync"), "{shown}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// Waits until so many days were asked for.
async fn asked_for(testbed: &Testbed, days: usize) {
    system_tests::metrics::until(async || asked(testbed).len() >= days).await;
}

#[tokio::test]
async fn a_worker_killed_at_every_day_leaves_the_table_right() {
    let mut testbed = used(2, 600).build().await;
    let mut worker = testbed.worker().await;
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    testbed.publisher.event(&usage("killed", json!({}))).await;
    for day in 1..=DAYS {
        asked_for(&testbed, day).await;
        worker.kill().await;
        worker = testbed.worker().await;
    }
    let end = keep(&mut testbed, &mut pages, &mut kept, "killed").await;
    assert_eq!(end["complete"], true, "{end:#}");
    let killed = kept.table();

    let mut kept = Kept::default();
    testbed.publisher.event(&usage("quiet", json!({}))).await;
    keep(&mut testbed, &mut pages, &mut kept, "quiet").await;
    assert_eq!(killed, kept.table());
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn two_workers_that_share_the_days_count_the_same() {
    let mut testbed = used(3, 500).build().await;
    let workers = [testbed.worker().await, testbed.worker().await];
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    testbed.publisher.event(&usage("shared", json!({}))).await;
    let end = keep(&mut testbed, &mut pages, &mut kept, "shared").await;
    let truth = truth(&testbed, &end).await;
    assert_eq!(end["totals"]["people"]["suite"], truth["suite"]["people"], "{end:#}");
    assert_eq!(end["totals"]["window_state"], "complete");
    testbed.drain(workers).await;
    testbed.close().await;
}

/// How far a sync says it is, the first time it has to wait.
async fn waiting_of(testbed: &mut Testbed, event: &str) -> Value {
    loop {
        let result = testbed.results.next().await;
        if result.key == "sync.waiting" && result.event["causationid"] == event {
            return result.event["data"].clone();
        }
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_in_the_delay_and_is_no_failure() {
    let mut testbed = used(4, 200).build().await;
    let worker = testbed.worker().await;
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    let report = "*/reports/getM365AppUserDetail*";
    testbed.emulator.fault(Fault::status(429).path(report).nth(3).times(1).retry_after("2"));
    testbed.publisher.event(&usage("limited", json!({}))).await;
    let waiting = waiting_of(&mut testbed, "limited").await;
    // The newest day, which has no report yet, and two that were read.
    assert_eq!(
        (&waiting["days_done"], &waiting["days_wanted"]),
        (&json!(3), &json!(DAYS + 1)),
        "{waiting:#}"
    );
    let end = keep(&mut testbed, &mut pages, &mut kept, "limited").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("succeeded"), &json!(1)), "{end:#}");
    worker.logged("waits until Microsoft's limit allows the next report of usage").await;
    let truth = truth(&testbed, &end).await;
    assert_eq!(end["totals"]["people"]["any"], truth["people"]);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn microsoft_s_limit_of_fourteen_reports_is_kept_without_a_refusal() {
    let mut testbed = used(5, 50).set("GRAPH__LIMITS_SHARE", 1).build().await;
    let worker = testbed.worker().await;
    let _pages = testbed.pages(None).await;
    testbed.publisher.event(&usage("long", json!({ "days": 28 }))).await;
    let waiting = waiting_of(&mut testbed, "long").await;
    assert_eq!((&waiting["days_done"], &waiting["days_wanted"]), (&json!(15), &json!(28)), "{waiting:#}");
    let until: jiff::Timestamp = waiting["until"].as_str().unwrap().parse().unwrap();
    let left = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((1..=600).contains(&left), "the limit counts ten minutes: {left} s");
    worker.logged("waits until Microsoft's limit allows the next report of usage").await;
    // No worker waits: the sync is in the delay.
    testbed.forget_sleeping_run().await;
    assert_eq!(asked(&testbed).values().sum::<usize>(), 14, "{:?}", asked(&testbed));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_failure_in_the_middle_reads_only_that_day_again() {
    for status in [500, 503] {
        let mut testbed = used(6, 200).build().await;
        let worker = testbed.worker().await;
        let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
        let report = "*/reports/getM365AppUserDetail*";
        testbed.emulator.fault(Fault::status(status).path(report).nth(3).times(1));
        testbed.publisher.event(&usage("failing", json!({}))).await;
        let end = keep(&mut testbed, &mut pages, &mut kept, "failing").await;
        assert_eq!(end["state"], "succeeded", "{end:#}");
        let truth = truth(&testbed, &end).await;
        assert_eq!(end["totals"]["people"]["any"], truth["people"]);
        let asked = asked(&testbed);
        let again = asked.values().filter(|times| **times > 1).count();
        assert!(again <= 1, "{asked:?}");
        testbed.drain([worker]).await;
        testbed.close().await;
    }
}

#[tokio::test]
async fn only_new_and_restated_days_are_read_of_those_the_publisher_has() {
    let mut testbed = used(7, 900).build().await;
    let worker = testbed.worker().await;
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    testbed.publisher.event(&usage("first", json!({ "days": 12 }))).await;
    keep(&mut testbed, &mut pages, &mut kept, "first").await;
    let have: Vec<Value> = kept
        .rows
        .iter()
        .filter(|((kind, _), (_, row))| kind == "usage_day" && row["state"] == "read")
        .map(|(_, (_, row))| {
            json!({ "date": row["date"], "refresh_date": row["refresh_date"], "mark": row["mark"] })
        })
        .collect();
    assert_eq!(have.len(), 12);
    // The oldest one was restated; the newest one is not among those that the publisher has.
    let restated = have[0]["date"].as_str().unwrap().to_owned();
    let newest = have[11]["date"].as_str().unwrap().to_owned();
    let (date, on) = (restated.parse().unwrap(), newest.parse().unwrap());
    testbed.emulator.with_tenant(|tenant| tenant.report_switches().restated.insert(date, on));
    testbed.emulator.clear_journal();
    testbed.publisher.event(&usage("next", json!({ "days": 12, "have": have[..11] }))).await;
    let end = keep(&mut testbed, &mut pages, &mut kept, "next").await;
    assert_eq!((&end["state"], &end["complete"]), (&json!("succeeded"), &json!(false)), "{end:#}");
    let asked = asked(&testbed);
    assert!(asked.contains_key(&restated) && asked.contains_key(&newest), "{asked:?}");
    assert!(asked.len() <= 4, "only these, and the last days, which may differ: {asked:?}");
    let kept_days = end["days"].as_array().unwrap().iter().filter(|day| day["state"] == "kept").count();
    assert_eq!(kept_days, 12 - asked.len(), "{end:#}");
    let row = &kept.rows[&("usage_day".to_owned(), format!("\"{restated}\""))].1;
    assert_eq!(row["refresh_date"], newest, "{row}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn what_may_not_be_read_is_for_an_operator_and_names_the_role() {
    let mut testbed = used(8, 30).build().await;
    let worker = testbed.worker().await;
    let _pages = testbed.pages(None).await;
    // Days are read from the newest on, and the newest may not be there yet.
    for back in 6..40_i64 {
        let day = Timestamp::now().to_zoned(TimeZone::UTC).date() - back.days();
        let of_day = format!("*/reports/getM365AppUserDetail*{day}*");
        testbed.emulator.fault(Fault::status(403).path(&of_day));
    }
    testbed.publisher.event(&usage("forbidden", json!({}))).await;
    let end = end_of(&mut testbed, "forbidden").await;
    assert_eq!((&end["state"], &end["failure"]["class"]), (&json!("failed"), &json!("blocked")), "{end:#}");
    assert!(end["failure"]["message"].as_str().unwrap().contains("Reports Reader"), "{end:#}");
    let days = end["days"].as_array().unwrap();
    assert!(days.iter().any(|day| day["state"] == "read"), "what was read is there: {end:#}");
    testbed.holds("sync.dlq", 1).await;

    // A replay starts a new pass.
    testbed.emulator.clear_faults();
    testbed.gatehouse(&["dead", "replay", "--queue", "sync", "--all"]).await.ok();
    let end = end_of(&mut testbed, "forbidden").await;
    // Partial where the newest day has no rows yet.
    let is_read = (&end["complete"], &end["failure"], &end["replays"]);
    assert_eq!(is_read, (&json!(true), &Value::Null, &json!(1)), "{end:#}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn pseudonyms_without_a_key_are_for_an_operator_and_with_one_name_nobody() {
    let mut testbed = used(9, 80).build().await;
    let worker = testbed.worker().await;
    let (mut pages, mut kept) = (testbed.pages(None).await, Kept::default());
    testbed.publisher.event(&usage("no-key", json!({ "pseudonyms": true }))).await;
    let end = end_of(&mut testbed, "no-key").await;
    assert_eq!(end["failure"]["code"], "pseudonym_key_missing", "{end:#}");
    testbed.holds("sync.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--queue", "sync", "--all"]).await.ok();
    testbed.drain([worker]).await;
    let key = testbed.file("key", "0123456789abcdef0123456789abcdef");
    testbed.set("TENANTS__CONTOSO__SYNC__PSEUDONYM_KEY_FILE", key.display());
    let worker = testbed.worker().await;
    testbed.publisher.event(&usage("named", json!({ "pseudonyms": true }))).await;
    let end = keep(&mut testbed, &mut pages, &mut kept, "named").await;
    // Partial where the newest day has no rows yet.
    assert_eq!((&end["complete"], &end["failure"]), (&json!(true), &Value::Null), "{end:#}");
    assert!(kept.count("usage_person") > 0);
    let text = serde_json::to_string(&kept.table().values().collect::<Vec<_>>()).unwrap();
    assert!(!text.contains('@'), "somebody is named");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn totals_alone_send_no_page_and_allow_to_delete_nothing() {
    let mut testbed = used(10, 80).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&usage("totals", json!({ "detail": "none" }))).await;
    let end = end_of(&mut testbed, "totals").await;
    assert_eq!((&end["state"], &end["complete"]), (&json!("succeeded"), &json!(false)), "{end:#}");
    assert_eq!((&end["pages"], &end["rows"]), (&json!(0), &json!(0)));
    assert!(end["totals"]["people"]["any"].as_u64() > Some(0));
    assert!(end["days"].as_array().unwrap().iter().all(|day| day.get("generation").is_none()), "{end:#}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_cancel_between_two_days_ends_the_sync_there() {
    let mut testbed = used(4, 300).build().await;
    let access = testbed.worker_of("access").await;
    let mut killed = testbed.worker_of("sync").await;
    let pages = testbed.pages(None).await;
    // The worker dies while it asks for the third day: the part of that day is in the queue.
    let of_days = Fault::delayed(3_600_000).path("/reports/getM365AppUserDetail(date=");
    let held = testbed.emulator.fault(of_days.nth(3));
    let all = usage("all", json!({}));
    testbed.publisher.event(&all).await;
    until(async || testbed.emulator.spoiled(held) > 0).await;
    killed.kill().await;
    until(async || testbed.depth("sync").await == 1).await;
    testbed.emulator.clear_faults();
    testbed.publisher.event(&cancel("no", &all)).await;
    assert_eq!(testbed.results.end_of("no").await["state"], "succeeded");
    let read = asked(&testbed);
    assert_eq!(read.len(), 2, "{read:?}");
    let sync = testbed.worker_of("sync").await;
    let end = end_of(&mut testbed, "all").await;
    is_cancelled(&end);
    assert_eq!(asked(&testbed), read, "nothing more was read");
    drop(pages);
    testbed.drain([access, sync]).await;
    testbed.close().await;
}
