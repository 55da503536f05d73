//! A broker that is out of memory blocks publishers: the worker waits, and no message is stored twice.

use std::{path::PathBuf, time::Duration};

use broker::Outgoing;
use tokio::process::Command;

use crate::support::{id, with_broker_at, with_id, within};

#[tokio::test]
async fn while_the_broker_blocks_no_publish_ends_and_no_work_starts() {
    let node = Node::start().await;
    with_broker_at(node.url.clone(), async |fixture| {
        let mut settings = fixture.settings.clone();
        // Shorter than the alarm: a limit that did not pause would end the session.
        settings.publish_timeout = Duration::from_secs(1);
        settings.prefetch = 1.try_into().unwrap();
        fixture.publish_work("m-1").await;
        let mut running = crate::support::Running::start(settings);
        let (delivery, publisher) = running.next().await;
        let mut results = fixture.client.results(&["run.*"]).await.unwrap();
        node.ctl(&["set_vm_memory_high_watermark", "0.000001"]).await;

        let (message, receipt) = delivery.split();
        let outgoing = with_id(Outgoing::result("run.succeeded", "{}"), id(&message));
        let result = publisher.publish(&outgoing);
        let mut result = Box::pin(result);
        tokio::select! {
            early = &mut result => panic!("published despite the alarm: {early:?}"),
            () = running.recorder.wait_for("blocked true", 1) => {}
        }
        // The acknowledgement uses the other connection, which is not blocked.
        within("the acknowledgement", receipt.ack()).await.unwrap();
        let twice_the_limit = tokio::time::timeout(Duration::from_secs(2), &mut result);
        assert!(twice_the_limit.await.is_err(), "a publish ended during the alarm");
        assert_eq!(running.recorder.count("session started"), 1);

        node.ctl(&["set_vm_memory_high_watermark", "0.9"]).await;
        within("the publish", result).await.unwrap();
        running.recorder.wait_for("blocked false", 1).await;
        assert_eq!(id(&within("the result", results.next()).await.unwrap()), "m-1");
        fixture.publish_work("m-2").await;
        assert_eq!(id(&running.next_settled().await), "m-2");
        assert_eq!(running.recorder.count("session started"), 1);
        running.stop().await;
    })
    .await;
    node.stop().await;
}

/// A broker for this test alone, because an alarm affects every client.
struct Node {
    url: String,
    home: String,
}

impl Node {
    async fn start() -> Self {
        let pid = std::process::id().to_string();
        let printed = script(&["start", "--private", "--while", &pid]).await;
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {name} in: {printed}")).to_owned()
        };
        Self { url: value("AMQP_URL"), home: value("NODE_HOME") }
    }

    async fn ctl(&self, arguments: &[&str]) {
        script(&[&["ctl", &self.home], arguments].concat()).await;
    }

    async fn stop(self) {
        script(&["stop", &self.home]).await;
    }
}

async fn script(arguments: &[&str]) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/broker/private-node");
    let output = Command::new(path).args(arguments).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "private-node {arguments:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
