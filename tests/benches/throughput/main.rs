//! What Gatehouse costs beside a bare loop, both measured in one run on one broker and one tenant.
//!
//! `make bench` builds for release and prints figures; nothing here passes or fails by the clock. Each figure is the
//! median of three rounds, and the rounds of worker and bare loop alternate, so that a machine that gets slower
//! gets slower for both. One part alone: `cargo bench -p system-tests --bench throughput -- standard`, within
//! `deploy/broker/private-node run --`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that meets something unexpected has measured nothing"
)]

mod bare_broker;
mod bare_graph;
mod broker_rounds;
mod graph_rounds;
mod measured;
mod process;
mod standard;

#[tokio::main]
async fn main() {
    // The bare loops run as processes of their own, as the worker does: this program, called with another name.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bare-broker", rest @ ..] => bare_broker::run(rest).await,
        ["bare-graph", rest @ ..] => bare_graph::run(rest).await,
        [] => {
            broker_part().await;
            println!();
            hires_part().await;
            println!();
            standard_part().await;
            println!();
            standard::many().await;
        }
        ["broker"] => broker_part().await,
        ["hires"] => hires_part().await,
        ["standard"] => standard_part().await,
        ["leavers"] => standard::many().await,
        other => panic!("there is no part {other:?}; there are broker, hires, standard and leavers"),
    }
}

async fn broker_part() {
    println!("events whose workflow has no stage; rate is events a second, CPU is the process's own");
    broker_rounds::run().await;
}

async fn hires_part() {
    println!("onboarding runs; the bare loop makes the same HTTP calls");
    graph_rounds::run().await;
}

async fn standard_part() {
    println!("one person with 3 licences, 40 groups and 2 inbox rules; the tenant answers after 50 ms");
    standard::run().await;
}
