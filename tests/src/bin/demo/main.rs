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
use system_tests::house;

/// What is not as it should be, in a sentence.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// How long the broker may take to delete what the demo declared.
const LIMIT_CLEANING: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::var("AMQP_URL").ok().filter(|url| !url.is_empty()) else {
        screen::complain("AMQP_URL is not set; run `make demo`, which starts a private RabbitMQ");
        return ExitCode::FAILURE;
    };
    let prefix = format!("demo-{}", uuid::Uuid::new_v4().simple());
    let broker = house::broker_settings(&url, &prefix);
    let screen = Screen::new();
    let mut declared = false;
    let told = async {
        broker::declare(&broker).await?;
        declared = true;
        story::tell(&screen, &url, &broker).await
    };
    // Whichever ends first: the other is dropped, and with the story everything it started.
    let ended = tokio::select! {
        told = told => told.map(|()| 0),
        signal = told_to_stop() => signal,
    };
    let code = match ended {
        Ok(code) => code,
        Err(trouble) if screen::is_closed(&*trouble) => 1,
        Err(trouble) => {
            screen::complain(&trouble.to_string());
            1
        }
    };
    match tokio::time::timeout(LIMIT_CLEANING, broker::delete(&broker)).await {
        Ok(Ok(())) => ExitCode::from(code),
        // There was nothing yet, or whatever kept it from being declared has been told.
        _ if !declared => ExitCode::from(code),
        _ => {
            let prefix = &broker.prefix;
            screen::complain(&format!(
                "exchanges and queues {prefix}.* are left; the broker did not delete them"
            ));
            ExitCode::from(code.max(1))
        }
    }
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
    screen::complain("stopped; cleaning up");
    Ok(code)
}
