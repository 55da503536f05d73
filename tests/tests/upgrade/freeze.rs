//! Run by `freeze` in a checkout of the version whose messages are frozen, so it uses the names of that version.

#![expect(clippy::unwrap_used, reason = "a run that meets something unexpected freezes nothing")]

use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::{BrokerNode, House, events};

const WORKFLOW: &str = include_str!("workflow.yaml");

fn leave(id: &str, upn: &str) -> Value {
    events::offboarding(id, json!({ "upn": upn }))
}

#[tokio::test]
async fn freeze() {
    let folder = std::path::PathBuf::from(std::env::var("FREEZE_INTO").unwrap());
    let house = House::with(Tenant::contoso()).broker(BrokerNode::private());
    let mut house = house.workflows(WORKFLOW).build().await;
    let mut worker = house.worker().await;
    for (id, upn) in [("edsger", "edsger@contoso.example"), ("grace", "grace@contoso.example")] {
        house.queues.event(&leave(id, upn)).await;
        while house.results.next().await.key != "run.waiting" {}
    }
    house.emulator.fault(Fault::status(403).method("PATCH"));
    house.queues.event(&leave("ada", "ada@contoso.example")).await;
    while house.results.next().await.key != "run.failed" {}
    let mut copies = Vec::new();
    while copies.len() < 3 {
        let taken = house.copies.take().await;
        copies.extend(taken.into_iter().filter(|copy| copy.is_dead() || copy.exchange.contains(".delay.")));
    }
    worker.kill().await;
    let messages: Vec<Value> = copies
        .iter()
        .map(|copy| {
            let body: Value = serde_json::from_slice(&copy.body).unwrap();
            json!({ "exchange": copy.exchange, "key": copy.key, "message_id": copy.message_id,
                "headers": copy.headers, "body": body })
        })
        .collect();
    let definitions = folder.join("definitions.json");
    house.broker.ctl(&["export_definitions", definitions.to_str().unwrap()]).await;
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&definitions).unwrap()).unwrap();
    // Users and permissions are those of the node that made them.
    let kept = json!({ "queues": whole["queues"], "exchanges": whole["exchanges"], "bindings": whole["bindings"] });
    for (file, value) in [("definitions.json", kept), ("messages.json", Value::Array(messages))] {
        let text = serde_json::to_string_pretty(&value).unwrap().replace(house.prefix(), "PREFIX");
        std::fs::write(folder.join(file), text + "\n").unwrap();
    }
}
