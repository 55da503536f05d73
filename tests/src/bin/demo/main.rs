//! Gatehouse at work: events through a real RabbitMQ, two workers, an emulated tenant over real HTTP, results, and a
//! dead letter that is replayed after the cause is fixed.
//!
//! The demo checks what it shows: it reports the first difference and ends with 1. However it ends, also by a signal,
//! it stops what it started and deletes its exchanges and queues. Start reading at `story`.

mod names;
mod screen;
mod story;

use std::process::ExitCode;

use system_tests::site::{self, Program};

use screen::Screen;

const DEMO: Program = Program { name: "demo", interrupted: 130 };

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::new();
    site::on_broker(DEMO, async |url, broker| story::tell(&screen, url, broker).await).await
}
