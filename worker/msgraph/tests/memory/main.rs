//! The memory of the client with a tenant or an answer far larger than it: measured and printed.
//!
//! A program of its own, so that it measures nothing else. It contains the server, which holds one page.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests may fail a test")]

#[path = "../client/server.rs"]
#[expect(dead_code, reason = "a part of what this server can do is enough here")]
mod server;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use msgraph::{Error, Report, ReportSpan, Settings, User, UserFields};
use server::{Reply, Server, client, json};
use tokio::time::Instant;

const MIB: usize = 1024 * 1024;
type Predicate = fn(&Error) -> bool;

/// The process's resident size in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// A page of people, as Graph writes it.
fn people(host: &str, first: usize, count: usize, of: usize) -> String {
    let mut page = String::with_capacity(count * 128);
    page.push_str(r#"{"@odata.context":"c","value":["#);
    for n in first..of.min(first + count) {
        let comma = if n > first { "," } else { "" };
        write!(
            page,
            r#"{comma}{{"id":"00000000-0000-4000-8000-{n:012}","userPrincipalName":"ada.{n}@contoso.example","accountEnabled":true}}"#
        )
        .unwrap();
    }
    page.push(']');
    if first + count < of {
        let next = first + count;
        write!(page, r#","@odata.nextLink":"http://{host}/v1.0/users?$skiptoken={next}""#).unwrap();
    }
    page.push('}');
    page
}

#[tokio::test]
async fn a_million_people_are_listed_in_the_memory_of_a_page() {
    const PEOPLE: usize = 1_000_000;
    let server = Server::start(|seen, _| {
        let first = seen.path.split_once("$skiptoken=").map_or(0, |(_, first)| first.parse().unwrap());
        json(200, &people(seen.header("host").unwrap(), first, 999, PEOPLE))
    })
    .await;
    let client = server.client();
    let started = Instant::now();
    let mut users = client.reader().users(UserFields::of(&["userPrincipalName", "accountEnabled"])).unwrap();
    let (mut seen, mut before, mut most) = (0, 0, 0);
    while let Some(page) = users.next().await.unwrap() {
        for user in &page.objects::<User>().unwrap() {
            assert!(user.id.ends_with(&format!("{seen:012}")), "{} is not number {seen}", user.id);
            seen += 1;
        }
        // After some pages every one-time allocation is made.
        match seen / 999 {
            20 => before = resident(),
            pages if pages % 20 == 0 => most = most.max(resident()),
            _ => {}
        }
    }
    let grown = most.saturating_sub(before);
    println!(
        "{seen} people in {:?}; resident {} MiB, grown by {} KiB",
        started.elapsed(),
        most / MIB,
        grown / 1024
    );
    assert_eq!(seen, PEOPLE);
    assert!(grown < 16 * MIB, "the resident size grew by {grown} bytes over a million people");
}

#[tokio::test]
async fn a_report_on_a_million_people_is_read_in_the_memory_of_a_row() {
    const PEOPLE: usize = 1_000_000;
    let lines = || {
        (0..PEOPLE / 1000).map(|thousand| {
            let mut piece = String::with_capacity(64 * 1024);
            for n in thousand * 1000..(thousand + 1) * 1000 {
                writeln!(piece, "2026-03-02,ada.{n}@contoso.example,2026-02-28,Yes,No").unwrap();
            }
            piece
        })
    };
    let server = Server::start(move |seen, _| match seen.path.starts_with("/v1.0/") {
        true => json(302, "").with("Location", "/data/download/opaque"),
        false => {
            let header = "Report Refresh Date,User Principal Name,Last Activity Date,Word,Excel\n".to_owned();
            Reply::Pieces(Box::new(std::iter::once(header).chain(lines())))
        }
    })
    .await;
    let started = Instant::now();
    let mut rows = server.client().reader().report(Report::AppUsers, ReportSpan::D30).await.unwrap();
    let word = rows.column("Word").unwrap();
    let (mut seen, mut before, mut most) = (0, 0, 0);
    while let Some(row) = rows.next().await.unwrap() {
        assert_eq!(row.flag(word).unwrap(), Some(true));
        seen += 1;
        match seen {
            50_000 => before = resident(),
            n if n % 50_000 == 0 => most = most.max(resident()),
            _ => {}
        }
    }
    let grown = most.saturating_sub(before);
    println!(
        "{seen} rows in {:?}; resident {} MiB, grown by {} KiB",
        started.elapsed(),
        most / MIB,
        grown / 1024
    );
    assert_eq!(seen, PEOPLE);
    assert!(grown < 16 * MIB, "the resident size grew by {grown} bytes over a million rows");
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read_where_kilobytes_are_expected() {
    const LENGTH: usize = 100 * MIB;
    let refused = |error: &Error| error.status() == Some(500) && error.is_transient();
    let too_large = |error: &Error| error.is_decode() && error.to_string().contains("more than");
    let cases: [(u16, bool, Predicate, usize); 5] = [
        (200, true, too_large, MIB),
        (200, false, too_large, 12 * MIB),
        (500, true, refused, MIB),
        (500, false, refused, MIB),
        (404, false, Error::is_not_found, MIB),
    ];
    for (status, announced, is, limit) in cases {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let server = Server::start(move |_, _| {
            let taken = Arc::clone(&counter);
            Reply::Large { status, length: LENGTH, announced, taken }
        })
        .await;
        let (before, started) = (resident(), Instant::now());
        let error = server.client().reader().subscribed_skus().await.unwrap_err();
        let grown = resident().saturating_sub(before);
        let taken = taken.load(Ordering::Relaxed);
        println!(
            "{status}: {taken} bytes taken in {:?}; grown by {} KiB: {error}",
            started.elapsed(),
            grown / 1024
        );
        assert!(is(&error), "{error}");
        // Bytes in transit count as taken.
        assert!(taken < limit + 6 * MIB, "{status}: {taken} bytes were taken");
        assert!(grown < 24 * MIB, "{status}: the resident size grew by {grown} bytes");
        assert!(started.elapsed() < Duration::from_secs(20), "{status}: it took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_token_of_a_hundred_megabytes_is_none() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let token = move |_: &server::Seen, _| Reply::Large {
        status: 200,
        length: 100 * MIB,
        announced: false,
        taken: Arc::clone(&counter),
    };
    let server = Server::with_tokens(token, |_, _| json(200, "")).await;
    let client = client(Settings { retry_budget: Duration::from_secs(5), ..server.settings() });
    let error = client.reader().subscribed_skus().await.unwrap_err();
    assert!(error.is_decode(), "{error}");
    assert!(taken.load(Ordering::Relaxed) < 8 * MIB);
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (1, 0));
}
