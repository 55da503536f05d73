//! Workers that are killed after every page: the table of the consumer is right at the end.

use system_tests::Testbed;

use crate::table::Table;
use crate::{end_of, everybody, tenant, users};

#[tokio::test]
async fn a_worker_killed_after_each_page_in_turn_leaves_the_table_right() {
    let mut testbed = Testbed::with(tenant(1_230)).build().await;
    // The consumer takes one page at a time, so the worker is in the middle of the pass until the last.
    let mut pages = testbed.pages(Some(1)).await;
    let mut worker = testbed.worker().await;
    let mut table = Table::default();
    // Somebody who is in the table already and not in the tenant any more.
    let gone = serde_json::json!({ "data": { "generation": 1, "number": 1, "kind": "user",
        "rows": [{ "kind": "user", "id": "gone" }] } });
    table.page(&gone);
    testbed.publisher.event(&users("all")).await;
    for kill_after in 1..=4 {
        let former = table.generations();
        let mut pages_of_this = 0;
        while pages_of_this < kill_after {
            let (_, page) = pages.next().await;
            // What is left of the pass before may still come.
            pages_of_this += usize::from(!former.contains(&page["data"]["generation"].as_i64().unwrap()));
            table.page(&page);
            assert!(table.people().contains(&"gone".to_owned()), "no pass has ended");
        }
        worker.kill().await;
        worker = testbed.worker().await;
    }
    let reading = async {
        loop {
            table.page(&pages.next().await.1);
        }
    };
    let end = tokio::select! {
        end = end_of(&mut testbed, "all") => end,
        () = reading => unreachable!(),
    };
    table.finished(&end);
    while table.waits_for(&end) {
        table.page(&pages.next().await.1);
    }
    assert!(table.generations().len() > 5, "{:?}", table.generations());
    assert_eq!(table.people(), everybody(&testbed));
    testbed.drain([worker]).await;
    testbed.close().await;
}
