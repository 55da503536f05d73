//! What Gatehouse costs beside a bare loop, both measured in one run on one broker and one tenant.
//!
//! `make bench` builds for release and prints figures; nothing here passes or fails by the clock. Each figure is the
//! median of three rounds. The rounds of worker and bare loop alternate, so that a machine that slows down slows down
//! both. One part alone: `cargo bench -p system-tests --bench throughput -- standard`, within
//! `deploy/broker/private-node run --`. With `BENCH_SIZE=tiny` everything runs once, in seconds: continuous
//! integration does that, so that the bench always reaches its end. `tests/benches/README.md` has the figures.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that meets something unexpected has measured nothing"
)]

mod bare_broker;
mod bare_graph;
mod bare_leave;
mod bare_pages;
mod bare_sign_in;
mod broker_rounds;
mod graph_rounds;
mod history_rounds;
mod leave_rounds;
mod ledger_rounds;
mod lock_out;
mod measured;
mod process;
mod size;
mod standard;
mod sync_rounds;
mod usage_rounds;

use size::Size;

#[tokio::main]
async fn main() {
    // The bare loops run as processes of their own, like the worker: this program with other arguments.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let size = Size::from_environment();
    match arguments.as_slice() {
        ["bare-broker", rest @ ..] => bare_broker::run(rest).await,
        ["bare-graph", rest @ ..] => bare_graph::run(rest).await,
        ["bare-leave", rest @ ..] => bare_leave::run(rest).await,
        ["bare-pages", rest @ ..] => bare_pages::download(rest).await,
        [] => {
            for part in WHOLE {
                run(part, &size).await;
                println!();
            }
        }
        [part] => run(part, &size).await,
        other => panic!("{other:?}: name one part"),
    }
}

/// The parts of the whole bench.
const WHOLE: [&str; 10] =
    ["broker", "hires", "leave", "standard", "leavers", "lock-out", "ledger", "history", "sync", "usage"];

async fn run(part: &str, size: &Size) {
    match part {
        "broker" => broker_rounds::run(size).await,
        "hires" => graph_rounds::run(size).await,
        "leave" => leave_rounds::run(size).await,
        "standard" => standard::run(size).await,
        "leavers" => standard::many(size).await,
        "lock-out" => lock_out::run(size).await,
        "ledger" => ledger_rounds::run(size).await,
        "people" => ledger_rounds::people(size.known_people).await,
        "history" => history_rounds::run(size).await,
        "sync" => sync_rounds::run(size).await,
        "pages" => sync_rounds::pages(size).await,
        "usage" => usage_rounds::run(size).await,
        other => panic!("there is no part `{other}`; there are {}, people and pages", WHOLE.join(", ")),
    }
}
