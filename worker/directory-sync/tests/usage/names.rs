//! Names: concealed in every form, of nobody, and of several.

use directory_sync::{Privacy, Subject, UsageOptions};
use serde_json::json;

use crate::report::{APPS, Form, day, used};
use crate::server::{Place, Reply, World, options, person, sku};

const SKU: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

/// Three days of two people under these names, whose tenant has a licensed person.
fn named(names: [&str; 2], concealed: Option<bool>) -> World {
    let rows = [used(names[0], &[("Word", "Web")]), used(names[1], &[("Excel", "Mac")])];
    let mut world = (2..=4).fold(World::default(), |world, back| world.day(day(back), &rows));
    world.concealed = concealed;
    world.skus = Some(vec![sku(SKU, &["OFFICESUBSCRIPTION"])]);
    world.user(person("idle@contoso.example", &[SKU]))
}

#[tokio::test]
async fn names_that_are_concealed_in_any_form_are_counted_and_are_nobody() {
    let forms = [
        ["FE7CC8C15246EDCCA289C9A4022762F7", "2BA57CC6A2895246EDCC9C4022762F72"],
        ["0f8fad5b-d9cb-469f-a165-70867728950e", "7C9E6679-7425-40DE-944B-E07FC1F90AE7"],
        ["<PII:H105(aGVsbG8=)>@contoso.example", "<PII:H105(d29ybGQ=)>@contoso.example"],
    ];
    for names in forms {
        for setting in [None, Some(true), Some(false)] {
            let read = Place::of(named(names, setting)).await.read(3).await;
            let totals = &read.summary.totals;
            assert!(totals.concealed && totals.window_state == "concealed", "{names:?} {setting:?}");
            assert_eq!(
                (read.people("suite", "any"), totals.inactive, read.of("waste").len()),
                (Some(2), 0, 0)
            );
            let rows = read.of("usage_person");
            assert_eq!(rows.len(), 2, "days of use of pseudonyms are counted, and nobody is joined");
            for row in rows {
                assert_eq!((&row["found_by"], &row["suite_days"]), (&json!("pseudonym"), &json!(3)));
            }
            let note = &read.summary.notes[0];
            assert_eq!(note.about, Subject::Names);
            for click in ["Settings", "Org settings", "Reports", "Display concealed user", "Reports Reader"] {
                assert!(note.why.contains(click), "{click}: {}", note.why);
            }
        }
    }
}

#[tokio::test]
async fn the_setting_decides_even_if_pseudonyms_look_like_addresses() {
    let names = ["a1b2@contoso.example", "c3d4@contoso.example"];
    let read = Place::of(named(names, Some(true))).await.read(3).await;
    assert!(read.summary.totals.concealed);
    let read = Place::of(named(names, None)).await.read(3).await;
    assert!(!read.summary.totals.concealed, "without the setting the names decide");
}

#[tokio::test]
async fn an_odd_name_among_real_ones_conceals_nothing() {
    let mut rows: Vec<_> =
        (0..5).map(|n| used(&format!("p{n}@contoso.example"), &[("Word", "Web")])).collect();
    rows.push(used("FE7CC8C15246EDCCA289C9A4022762F7", &[("Word", "Web")]));
    rows.push(used("", &[("Word", "Web")]));
    let read = Place::of(World::default().day(day(2), &rows)).await.read(1).await;
    assert!(!read.summary.totals.concealed);
    assert_eq!((read.people("word", "any"), &read.day(day(2))["word"]), (Some(6), &json!(7)));
}

#[tokio::test]
async fn names_that_are_all_empty_leave_figures_of_days_and_none_of_people() {
    let rows = ["", "", ""].map(|name| used(name, &[("Word", "Web")]));
    let read = Place::of(World::default().day(day(2), &rows).day(day(3), &rows)).await.read(2).await;
    assert!(read.summary.totals.concealed);
    assert_eq!(
        (&read.day(day(3))["word"], read.people("word", "any")),
        (&json!(3), None),
        "unknown, and not zero"
    );
    assert_eq!(read.of("usage").len(), 0);
}

#[tokio::test]
async fn where_names_are_concealed_microsoft_s_own_counts_are_the_totals() {
    let mut world =
        named(["FE7CC8C15246EDCCA289C9A4022762F7", "2BA57CC6A2895246EDCC9C4022762F72"], Some(true));
    let counts = (2..=4).map(|back| (day(back), vec![0, 7, 3, 0, 0, 0])).collect::<Vec<_>>();
    world.app_counts = Reply::Csv(Form::default().counts(&APPS, &counts));
    let read = Place::of(world).await.read(3).await;
    let day = read.day(day(3));
    assert_eq!((&day["word"], &day["excel"], &day["suite"]), (&json!(7), &json!(3), &json!(2)));
}

#[tokio::test]
async fn people_without_a_profile_share_a_name_and_are_counted_by_day_alone() {
    let unknown = || used("(Unknown)", &[("Word", "Web")]);
    let rows =
        [unknown(), unknown(), used("(Unknown)", &[]), used("ada@contoso.example", &[("Word", "Web")])];
    let world = (2..=3).fold(World::default(), |world, back| world.day(day(back), &rows));
    let read = Place::of(world).await.read(2).await;
    let day = read.day(day(2));
    assert_eq!((&day["word"], &day["nameless"], &day["rows"]), (&json!(3), &json!(2), &json!(4)));
    assert_eq!(read.people("word", "any"), Some(1), "nobody knows whether they are the same on two days");
    assert_eq!(read.summary.totals.nameless, 4);
    assert!(!read.summary.totals.concealed, "`(Unknown)` is no pseudonym");
    assert!(read.summary.notes.iter().any(|note| note.about == Subject::Nameless));
    assert!(read.of("usage").iter().all(|row| row["person"] == "ada@contoso.example"));
}

#[tokio::test]
async fn pseudonyms_that_were_asked_for_name_nobody_anywhere() {
    let world = named(["ada@contoso.example", "idle@contoso.example"], Some(false));
    let world = world.user(person("lazy@contoso.example", &[SKU]));
    let place = Place::of(world).await;
    let read = |key: &'static [u8]| {
        let privacy = Privacy::pseudonyms(key, "contoso");
        place.read_with(UsageOptions { privacy, ..options(3) })
    };
    let first = read(b"a key").await.unwrap();
    let text = serde_json::to_string(&first.rows).unwrap();
    for name in ["ada@", "idle@", "lazy@", "id-of", "contoso.example"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    assert_eq!(first.of("waste").len(), 1, "lazy is found without a name");
    let again = read(b"a key").await.unwrap();
    assert_eq!(first.rows, again.rows);
    let other = read(b"another key").await.unwrap();
    assert_ne!(first.of("usage")[0]["person"], other.of("usage")[0]["person"]);
    // The same person on a day and in the window.
    let on_a_day = &first.of("usage")[0]["person"];
    assert!(first.of("usage_person").iter().any(|row| row["person"] == *on_a_day));
    assert_eq!(first.people("suite", "any"), Some(2));
}

#[tokio::test]
async fn a_service_account_that_sees_no_use_of_teams_is_told_what_may_be_missing() {
    let mut world = named(["ada@contoso.example", "grace@contoso.example"], Some(false));
    world.delegated = true;
    let read = Place::of(world.clone()).await.read(3).await;
    let teams = read.summary.notes.iter().find(|note| note.about == Subject::Teams).unwrap();
    assert!(teams.why.contains("licence that includes Teams"), "{teams:?}");
    let teams = [used("ada@contoso.example", &[("Teams", "Web")])];
    let read = Place::of(world.day(day(2), &teams)).await.read(3).await;
    assert!(read.summary.notes.is_empty(), "{:?}", read.summary.notes);
}
