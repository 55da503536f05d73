//! Passes that go on in another process, with and without the memory of the days before.

use directory_sync::{Tally, UsagePass, UsageState};
use serde_json::Value;

use crate::report::{day, used};
use crate::server::{Place, World, options, read_day};

const DAYS: u8 = 5;

fn world() -> World {
    (2..=6).fold(World::default(), |world, back| {
        let rows: Vec<_> = (0..back)
            .map(|number| used(&format!("p{number}@contoso.example"), &[("Word", "Web"), ("Teams", "Mac")]))
            .collect();
        world.day(day(back), &rows)
    })
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(Value::to_string);
    rows
}

/// Reads everything, each day in a process of its own that was told how far the one before came. `forgets`: after so
/// many days a process remembers nothing.
async fn in_parts(place: &Place, forgets: Option<usize>) -> Vec<Value> {
    let pass = UsagePass::begin(place.client.reader(), options(DAYS)).await.unwrap();
    let (state, mut tally) = pass.suspend();
    let mut written = serde_json::to_string(&state).unwrap();
    let mut rows = Vec::new();
    let mut read = 0;
    loop {
        let state: UsageState = serde_json::from_str(&written).unwrap();
        let mut pass = UsagePass::resume(place.client.reader(), options(DAYS), state, tally);
        if pass.next_day().is_none() {
            let mut window = pass.window();
            while let Some(batch) = window.next().await.unwrap() {
                rows.extend(batch.iter().map(|row| serde_json::to_value(row).unwrap()));
            }
            assert!(window.finish().unwrap().is_by_person);
            return rows;
        }
        read_day(&mut pass, &mut rows).await.unwrap();
        let (state, left) = pass.suspend();
        written = serde_json::to_string(&state).unwrap();
        read += 1;
        tally = if forgets == Some(read) { Tally::default() } else { left };
    }
}

#[tokio::test]
async fn a_pass_in_parts_says_the_same_as_one_in_a_piece_wherever_its_memory_is_lost() {
    let whole = sorted(Place::of(world()).await.read(DAYS).await.rows);
    for forgets in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
        let place = Place::of(world()).await;
        let parts = sorted(in_parts(&place, forgets).await);
        assert_eq!(parts, whole, "{forgets:?}");
        let again = place.asked().len() - usize::from(DAYS);
        assert_eq!(again, forgets.unwrap_or_default(), "only what was forgotten is read again");
    }
}

#[tokio::test]
async fn a_tally_by_day_forgets_each_day_and_has_no_window() {
    let place = Place::of(world()).await;
    let read =
        place.read_with(directory_sync::UsageOptions { by_person: false, ..options(DAYS) }).await.unwrap();
    assert_eq!(read.of("usage").len(), 2 + 3 + 4 + 5 + 6);
    assert_eq!(
        (read.of("usage_day").len(), read.of("usage_app").len()),
        (6, 0),
        "with the day that is not there yet"
    );
    assert!(!read.summary.is_by_person);
}
