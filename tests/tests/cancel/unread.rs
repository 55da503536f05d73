//! A cancel while the ledger cannot be read: it waits, and takes the run out once it can.

use std::time::Duration;

use serde_json::json;
use system_tests::proxy::Proxy;
use system_tests::{BrokerNode, Testbed};
use tokio::time::timeout;

use crate::{ADA, asleep, cancel_of, in_seconds, is_cancelled, leave, run, tenant, workflows};

#[tokio::test]
async fn a_cancel_waits_for_the_ledger_and_takes_the_run_out_then() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let wire = Proxy::start(node.url(), true).await;
    let testbed = Testbed::with(tenant()).workflows(&workflows()).broker(node);
    let mut testbed = testbed.set("BROKER__URL", wire.url()).build().await;
    // The first one declares the ledger. The one after it declares nothing, which takes the right to read.
    let mut first = testbed.worker().await;
    first.counts("gatehouse_ledger_ready", 1.0).await;
    assert_eq!(first.terminate().await, Some(0));
    testbed.set("BROKER__DECLARE", false);
    let worker = testbed.worker().await;
    let planned = in_seconds(leave("planned", ADA), 30);
    testbed.publisher.event(&planned).await;
    asleep(&mut testbed, 1).await;

    testbed.workers_may_read("^(?!.*ledger).*$").await;
    wire.cut();
    worker.counts("gatehouse_ledger_ready", 0.0).await;
    let cancel = cancel_of("no", ADA, &planned);
    testbed.publisher.event(&cancel).await;
    worker.counts_with("gatehouse_put_off_total", "reason=\"ledger_unread\"", 1.0).await;
    let told = timeout(Duration::from_secs(1), testbed.results.next()).await;
    assert!(told.is_err(), "{told:?}");

    testbed.workers_may_read(".*").await;
    let ends = crate::ends(&mut testbed, 2).await;
    let shut = &ends["no"]["shut"][0];
    assert_eq!(
        (&ends["no"]["state"], &shut["run_id"]),
        (&json!("succeeded"), &json!(run(&planned))),
        "{shut}"
    );
    is_cancelled(&ends["planned"], &cancel);
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.close().await;
}
