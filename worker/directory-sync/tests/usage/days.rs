//! Days: which are asked for, and what becomes of those without figures.

use directory_sync::{KnownDay, Subject, UsageOptions};
use serde_json::json;

use crate::report::{APPS, Form, PLATFORMS, day, used};
use crate::server::{Place, Reply, World, options, person, sku};

const SKU: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

/// The same use on each of these days.
fn daily(backs: impl IntoIterator<Item = i32>) -> World {
    let row = used("ada@contoso.example", &[("Word", "Web")]);
    backs.into_iter().fold(World::default(), |world, back| world.day(day(back), std::slice::from_ref(&row)))
}

#[tokio::test]
async fn the_twenty_eighth_day_may_be_refused_and_is_named_and_the_window_is_whole_without_it() {
    let place = Place::of(daily(2..=27)).await;
    // Graph gives fourteen reports in ten minutes; only the plan of the pass is looked at.
    let mut few = options(28);
    few.known =
        (5..=27).map(|back| KnownDay { date: day(back), refresh_date: day(back - 6), mark: None }).collect();
    few.by_person = false;
    let read = place.read_with(few).await.unwrap();
    let asked = [2, 3, 4, 28].map(|back| day(back).to_string());
    assert_eq!(place.asked(), asked);
    let totals = &read.summary.totals;
    assert_eq!(totals.missing.get(&day(28)), Some(&"refused"));
    assert_eq!(
        totals.missing.get(&day(1)),
        Some(&"not_yet"),
        "a day later than the last figures is not asked for"
    );
    assert_eq!(
        (read.day(day(28))["why"].as_str(), read.day(day(1))["why"].as_str()),
        (Some("refused"), Some("not_yet"))
    );
    assert!(read.summary.notes.is_empty(), "{:?}", read.summary.notes);
}

#[tokio::test]
async fn a_file_with_its_first_line_only_is_missing_and_no_day_without_use() {
    let mut world = daily([2, 4]).user(person("idle@contoso.example", &[SKU]));
    world.skus = Some(vec![sku(SKU, &["OFFICESUBSCRIPTION"])]);
    world.days.insert(day(3), Reply::Csv(Form::default().detail(&[])));
    let place = Place::of(world).await;
    let read = place.read(3).await;
    let missing = read.day(day(3));
    assert_eq!(
        (&missing["state"], &missing["why"], &missing["people"]),
        (&json!("missing"), &json!("no_rows"), &json!(null))
    );
    let app = read.of("usage_app")[0];
    assert_eq!(
        (&app["window_state"], &app["days_counted"], &app["days_expected"]),
        (&json!("partial"), &json!(2), &json!(3))
    );
    let idle = read.find("usage_person", "person", "idle@contoso.example");
    assert_eq!((&idle["use"], &idle["reasons"]), (&json!("unknown"), &json!(["days_missing"])));
    assert_eq!(read.of("waste").len(), 0);
    let note = &read.summary.notes[0];
    assert!(note.about == Subject::Days && note.why.contains(&day(3).to_string()), "{note:?}");

    // Asked for again later, it has filled.
    let filled = Form::default().detail(&[used("ada@contoso.example", &[("Word", "Web")])]);
    place.world.lock().unwrap().days.insert(day(3), Reply::Csv(filled));
    let read = place.read(3).await;
    assert_eq!(read.find("usage_person", "person", "idle@contoso.example")["use"], "inactive");
    assert!(read.summary.notes.is_empty());
}

#[tokio::test]
async fn a_refusal_in_the_middle_is_an_error_and_no_empty_day() {
    for status in [403, 500, 502, 503, 504] {
        let mut world = daily([2, 4]);
        world.days.insert(day(3), Reply::Refusal(status, "UnknownError", "later".to_owned()));
        let error = Place::of(world).await.read_with(options(3)).await.err().unwrap();
        assert_eq!(error.to_string().contains("Reports Reader"), status == 403, "{error}");
    }
    // 400 for another reason than the date.
    let mut world = daily([2]);
    world.days.insert(day(2), Reply::Refusal(400, "BadRequest", "something else".to_owned()));
    assert!(Place::of(world).await.read_with(options(1)).await.is_err());
}

#[tokio::test]
async fn only_days_that_may_differ_are_read_again() {
    let place = Place::of(daily(2..=8)).await;
    let known = |back: i32, made: i32| KnownDay { date: day(back), refresh_date: day(made), mark: None };
    // Settled; made with the newest figures; made before them and not settled.
    let known = vec![known(8, 2), known(3, 2), known(5, 3)];
    let read = place.read_with(UsageOptions { known, ..options(7) }).await.unwrap();
    assert_eq!(place.asked(), [2, 4, 5, 6, 7].map(|back| day(back).to_string()));
    assert_eq!((read.summary.totals.kept, read.of("usage").len()), (2, 5));
    assert_eq!(read.of("usage_app").len(), 0, "a window without the days that the caller has would be wrong");
}

#[tokio::test]
async fn a_restated_day_replaces_what_was_known_of_it() {
    let place = Place::of(daily([2])).await;
    assert_eq!(place.read(1).await.day(day(2))["people"], 1);
    let form = Form { refreshed: day(1), ..Form::default() };
    let rows =
        [used("ada@contoso.example", &[("Word", "Web")]), used("grace@contoso.example", &[("Word", "Web")])];
    {
        let mut world = place.world.lock().unwrap();
        world.days.insert(day(2), Reply::Csv(form.detail(&rows)));
        world.app_counts = Reply::Csv(form.counts(&APPS, &[(day(2), vec![0; 6])]));
    }
    let known = vec![KnownDay { date: day(2), refresh_date: day(2), mark: None }];
    let read = place.read_with(UsageOptions { known, ..options(2) }).await.unwrap();
    let again = read.day(day(2));
    assert_eq!((&again["people"], &again["refresh_date"]), (&json!(2), &json!(day(1).to_string())));
}

#[tokio::test]
async fn microsoft_s_own_counts_are_a_cross_check() {
    let form = Form::default();
    let mut world = daily([2, 3]);
    world.app_counts =
        Reply::Csv(form.counts(&APPS, &[(day(2), vec![0, 1, 0, 0, 0, 0]), (day(3), vec![0, 4, 0, 0, 0, 9])]));
    world.platform_counts = Reply::Csv(form.counts(&PLATFORMS, &[(day(3), vec![1, 2, 3, 4])]));
    let read = Place::of(world).await.read(2).await;
    assert_eq!(read.day(day(2))["cross_check"], json!(null));
    let differs = read.day(day(3));
    let words = "Word 1 in rows, 4 by Microsoft; Teams 0 in rows, 9 by Microsoft";
    assert_eq!((&differs["cross_check"], &differs["reported_word"]), (&json!(words), &json!(4)));
    assert_eq!(
        (&differs["reported_mobile"], &differs["word"]),
        (&json!(3), &json!(1)),
        "rows count where names show"
    );
}

#[tokio::test]
async fn a_tenant_without_any_figures_has_no_use_and_nobody_inactive() {
    let form = Form::default();
    let mut world = World::default().user(person("idle@contoso.example", &[SKU]));
    world.skus = Some(vec![sku(SKU, &["OFFICESUBSCRIPTION"])]);
    world.app_counts = Reply::Csv(form.counts(&APPS, &[]));
    for back in 1..=3 {
        world.days.insert(day(back), Reply::Csv(form.detail(&[])));
    }
    let read = Place::of(world).await.read(3).await;
    assert_eq!(read.summary.totals.window_state, "unavailable");
    assert_eq!(read.people("suite", "any"), None, "null, and not zero");
    assert_eq!(read.find("usage_person", "person", "idle@contoso.example")["use"], "unknown");
    assert!(read.summary.notes.iter().any(|note| note.why.contains("no report of any day")));
}

#[tokio::test]
async fn a_day_counts_once_for_the_suite_and_each_app_counts_its_days() {
    let mut world = daily([4]);
    world = world
        .day(day(3), &[used("ada@contoso.example", &[("Word", "Mac"), ("Excel", "Web"), ("Teams", "Web")])]);
    world = world.day(day(2), &[used("grace@contoso.example", &[("Excel", "Web")])]);
    let read = Place::of(world).await.read(3).await;
    let ada = read.find("usage_person", "person", "ada@contoso.example");
    let days =
        ["word_days", "excel_days", "teams_days", "suite_days", "app_days"].map(|name| ada[name].clone());
    assert_eq!(days, [2, 1, 1, 2, 3].map(|days| json!(days)));
    assert_eq!(ada["last_used"], day(3).to_string());
    // Not the sum of the days, and not the largest of them.
    assert_eq!(
        (read.people("word", "any"), read.people("excel", "any"), read.people("suite", "any")),
        (Some(1), Some(2), Some(2))
    );
    assert_eq!((read.people("word", "desktop"), read.people("word", "web")), (Some(1), Some(1)));
}
