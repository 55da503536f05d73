//! Gatehouse at work, for somebody who watches: events through a real RabbitMQ, two workers, an emulated tenant
//! over real HTTP, results, and a dead letter that is mended and replayed.
//!
//! What is shown is checked: where something is not as it should be, the demo says so and ends with 1. However it
//! ends, also by a signal, it stops what it started and deletes its exchanges and queues. Start reading at `story`.

mod contoso;
mod names;
mod screen;
mod site;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use screen::Screen;

/// What is not as it should be, in a sentence.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// How long the broker may take to delete what the demo declared.
const LIMIT_CLEANING: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::var("AMQP_URL").ok().filter(|url| !url.is_empty()) else {
        eprintln!("demo: AMQP_URL is not set; run `make demo`, which starts a private RabbitMQ");
        return ExitCode::FAILURE;
    };
    let prefix = format!("demo-{}", uuid::Uuid::new_v4().simple());
    let broker = broker::Settings { prefix, ..broker::Settings::new(url.clone().into()) };
    let screen = Screen::new();
    // Whichever ends first: the other is dropped, and with the story everything it started.
    let ended = tokio::select! {
        told = story::tell(&screen, &url, &broker) => told.map(|()| 0),
        signal = told_to_stop() => signal,
    };
    let cleaned = tokio::time::timeout(LIMIT_CLEANING, broker::delete(&broker)).await;
    let cleaned = cleaned.map_err(Trouble::from).and_then(|deleted| deleted.map_err(Trouble::from));
    let code = match ended {
        Ok(code) => code,
        Err(trouble) if screen::is_closed(&*trouble) => 1,
        Err(trouble) => {
            eprintln!("demo: {trouble}");
            1
        }
    };
    if let Err(trouble) = cleaned {
        eprintln!("demo: exchanges and queues named {}.* may be left: {trouble}", broker.prefix);
        return ExitCode::from(code.max(1));
    }
    ExitCode::from(code)
}

/// Waits for a signal and answers with the exit code that goes with it.
async fn told_to_stop() -> Result<u8, Trouble> {
    let (mut interrupt, mut terminate, mut hangup) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let code = tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
        _ = hangup.recv() => 129,
    };
    eprintln!("demo: stopped; cleaning up");
    Ok(code)
}
