//! Files: their columns, their marks, and those that are incomplete.

use serde_json::json;

use crate::report::{Form, Row, day, idle, used};
use crate::server::{Place, Reply, World};

fn rows() -> Vec<Row> {
    vec![
        used("Ada@contoso.example", &[("Word", "Web"), ("Teams", "Mac")]),
        used("grace@contoso.example", &[("Outlook", "Windows"), ("Outlook", "Mobile")]),
    ]
}

async fn figures(reply: Reply) -> serde_json::Value {
    let mut world = World::default();
    world.days.insert(day(2), reply);
    let read = Place::of(world).await.read(1).await;
    let mut day = read.day(day(2)).clone();
    assert_eq!(day["state"], "read", "{day}");
    day["rows"] = json!(0);
    day
}

#[tokio::test]
async fn columns_are_found_by_their_names_however_the_file_is_written() {
    let expected = figures(Reply::Csv(Form::default().detail(&rows()))).await;
    assert_eq!(
        (&expected["people"], &expected["suite"], &expected["teams"]),
        (&json!(2), &json!(2), &json!(1))
    );
    for mark in [true, false] {
        for end in ["\r\n", "\n", "\r\n\r\n"] {
            for (quoted, moved) in [(false, true), (true, false), (true, true)] {
                let form = Form { mark, end, quoted, moved, ..Form::default() };
                let found = figures(Reply::Csv(form.detail(&rows()))).await;
                assert_eq!(found, expected, "{mark} {end:?} {quoted} {moved}");
            }
        }
    }
}

#[tokio::test]
async fn rows_of_inactive_people_may_be_there_or_not() {
    let mut more = rows();
    more.extend((0..50).map(|number| idle(&format!("idle-{number}@contoso.example"))));
    let (few, many) = (Form::default().detail(&rows()), Form::default().detail(&more));
    assert_eq!(figures(Reply::Csv(few)).await, figures(Reply::Csv(many)).await);
}

#[tokio::test]
async fn an_installation_that_was_activated_is_no_use() {
    // Every row has a day in `Last Activation Date`.
    let text = Form::default().detail(&[idle("ada@contoso.example"), idle("grace@contoso.example")]);
    let day = figures(Reply::Csv(text)).await;
    assert_eq!((&day["people"], &day["suite"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn several_rows_of_one_person_are_one_person() {
    let twice = [
        used("ada@contoso.example", &[("Word", "Web")]),
        used("ADA@contoso.example", &[("Excel", "Web"), ("Word", "Mac")]),
    ];
    let world = World::default().day(day(2), &twice);
    let read = Place::of(world).await.read(1).await;
    assert_eq!(read.day(day(2))["people"], 1);
    let row = read.find("usage", "person", "ada@contoso.example");
    assert_eq!((&row["word"], &row["excel"]), (&json!(["mac", "web"]), &json!(["web"])));
}

#[tokio::test]
async fn an_app_is_used_if_its_own_column_or_that_of_a_platform_says_so() {
    let own = Row { name: "own@contoso.example".to_owned(), yes: vec!["Excel".to_owned(), "Web".to_owned()] };
    let pair = Row { name: "pair@contoso.example".to_owned(), yes: vec!["Excel (Mac)".to_owned()] };
    let read = Place::of(World::default().day(day(2), &[own, pair])).await.read(1).await;
    assert_eq!(read.find("usage", "person", "own@contoso.example")["excel"], json!(["unknown"]));
    assert_eq!(read.find("usage", "person", "pair@contoso.example")["excel"], json!(["mac"]));
    assert_eq!((read.people("excel", "any"), read.people("excel", "unknown")), (Some(2), Some(1)));
}

#[tokio::test]
async fn the_suite_by_platform_is_without_teams_whatever_the_column_of_the_platform_says() {
    let rows = [
        used("ada@contoso.example", &[("Teams", "Mobile")]),
        used("grace@contoso.example", &[("Word", "Web")]),
    ];
    let read = Place::of(World::default().day(day(2), &rows)).await.read(1).await;
    let day = read.day(day(2));
    assert_eq!((&day["suite_mobile"], &day["suite_web"]), (&json!(0), &json!(1)));
    assert_eq!((read.people("teams", "mobile"), read.people("suite", "any")), (Some(1), Some(1)));
}

#[tokio::test]
async fn half_a_file_is_an_error_and_never_a_short_day() {
    let many: Vec<_> = (0..500).map(|n| used(&format!("p{n}@contoso.example"), &[("Word", "Web")])).collect();
    let text = Form::default().detail(&many);
    // Cut where the length tells, within a line, within a word, and within the header.
    let line = text[..text.len() / 2].rfind("\r\n").unwrap();
    let cut = |at: usize| Reply::Csv(text[..at].to_owned());
    for reply in [Reply::Half(text.clone()), cut(line + 30), cut(text.len() - 3), cut(300)] {
        let mut world = World::default();
        world.days.insert(day(2), reply);
        let place = Place::of(world).await;
        let mut pass =
            directory_sync::UsagePass::begin(place.client.reader(), crate::server::options(1)).await.unwrap();
        assert!(pass.read_day().await.is_err());
        assert_eq!(pass.next_day(), Some(day(2)), "it is still to be read");
        // The same pass reads it whole when it is whole.
        place.world.lock().unwrap().days.insert(day(2), Reply::Csv(text.clone()));
        let found = pass.read_day().await.unwrap().unwrap();
        assert_eq!(found.people(directory_sync::Facet::suite()), Some(500));
    }
}

#[tokio::test]
async fn a_flag_that_is_empty_says_nothing_and_one_that_is_odd_is_an_error() {
    let text = Form::default().detail(&rows());
    let empty = figures(Reply::Csv(text.replace(",No,", ",,"))).await;
    assert_eq!(empty, figures(Reply::Csv(text.clone())).await);
    let mut world = World::default();
    world.days.insert(day(2), Reply::Csv(format!("{}Perhaps\r\n", text.trim_end().trim_end_matches("No"))));
    let error = Place::of(world).await.read_with(crate::server::options(1)).await.err().unwrap().to_string();
    assert!(error.contains("column `") && !error.contains("Perhaps"), "{error}");
}

#[tokio::test]
async fn a_column_that_is_gone_is_named() {
    let mut world = World::default();
    let text = Form::default().detail(&rows()).replace("OneNote (Mac)", "Notes (Mac)");
    world.days.insert(day(2), Reply::Csv(text));
    let error = Place::of(world).await.read_with(crate::server::options(1)).await.err().unwrap().to_string();
    assert!(error.contains("`OneNote (Mac)`, which is missing"), "{error}");
}
