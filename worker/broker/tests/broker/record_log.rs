//! The log of records: one order for all, no gap, and no end that goes unnoticed.

use broker::{RecordLog, Records};
use futures_util::future::join_all;

use crate::{
    proxy::Proxy,
    support::{amqp_url, with_broker, within},
};

async fn read(records: &mut Records, count: usize) -> Vec<(u64, Vec<u8>)> {
    let mut read = Vec::new();
    while read.len() < count {
        read.push(within("a record", records.next()).await.unwrap());
    }
    read
}

#[tokio::test]
async fn all_readers_see_one_order_without_gaps_from_any_offset() {
    with_broker(async |fixture| {
        let [one, two] = [RecordLog::open(&fixture.settings).await, RecordLog::open(&fixture.settings).await];
        let (one, two) = (one.unwrap(), two.unwrap());
        let mut early = one.read(None).await.unwrap();
        // More than one acknowledgement, and more than the broker sends ahead.
        join_all((0..600_u32).map(async |number| {
            let log = if number % 2 == 0 { &one } else { &two };
            within("a confirm", log.append(&number.to_be_bytes())).await.unwrap();
        }))
        .await;
        let seen = read(&mut early, 600).await;
        let offsets: Vec<u64> = seen.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (0..600).collect::<Vec<u64>>());
        let late = read(&mut two.read(None).await.unwrap(), 600).await;
        assert_eq!(late, seen);
        let middle = read(&mut two.read(Some(333)).await.unwrap(), 267).await;
        assert_eq!(middle, seen[333..]);
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_offset_beyond_the_end_waits_for_the_record_that_gets_it() {
    with_broker(async |fixture| {
        let log = RecordLog::open(&fixture.settings).await.unwrap();
        log.append(b"0").await.unwrap();
        let mut records = log.read(Some(2)).await.unwrap();
        log.append(b"1").await.unwrap();
        log.append(b"2").await.unwrap();
        assert_eq!(read(&mut records, 1).await, [(2, b"2".to_vec())]);
        log.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_cut_connection_ends_appending_and_reading() {
    with_broker(async |fixture| {
        let proxy = Proxy::start(&amqp_url()).await;
        let mut settings = fixture.settings.clone();
        settings.url = proxy.url.clone().into();
        let log = RecordLog::open(&settings).await.unwrap();
        let mut records = log.read(None).await.unwrap();
        proxy.cut();
        assert!(within("the reader to notice", records.next()).await.unwrap_err().is_session_lost());
        assert!(within("the writer to notice", log.append(b"x")).await.unwrap_err().is_session_lost());
    })
    .await;
}

#[tokio::test]
async fn a_stream_deleted_under_its_reader_ends_the_session() {
    with_broker(async |fixture| {
        let log = RecordLog::open(&fixture.settings).await.unwrap();
        let mut records = log.read(None).await.unwrap();
        log.append(b"0").await.unwrap();
        read(&mut records, 1).await;
        broker::delete(&fixture.settings).await.unwrap();
        assert!(within("the reader to notice", records.next()).await.unwrap_err().is_session_lost());
        assert!(within("the writer to notice", log.append(b"x")).await.unwrap_err().is_session_lost());
    })
    .await;
}
