//! A playground: a worker between a RabbitMQ and an emulated tenant, on loopback, until Ctrl-C.
//!
//! It prints the `export` lines for another terminal and a first event that succeeds as printed. However it ends, it
//! stops the worker, deletes its exchanges and queues, and removes its folder.

mod guide;

use std::io::{self, Write as _};
use std::process::ExitCode;

use system_tests::settings::{connection_settings, setting};
use system_tests::site::{self, Program, Site, Trouble, beside_this};
use system_tests::{contoso, events, repository};

const PLAYGROUND: Program = Program { name: "playground", interrupted: 0 };

/// The first event; the README shows it as well.
const FIRST_EVENT: &str = "schemas/examples/onboarding.requested.v1.minimal.json";

use guide::Guide;

#[tokio::main]
async fn main() -> ExitCode {
    site::on_broker(PLAYGROUND, open).await
}

/// Starts everything, explains it, and stays until a worker or the program is stopped.
async fn open(url: &str, broker: &broker::Settings) -> Result<(), Trouble> {
    let mut site = Site::open(PLAYGROUND, contoso::tenant(), url, broker).await?;
    let admin = free_address()?;
    site.set(setting("ADMIN__LISTEN", &admin));
    site.start_worker()?;
    site.ready().await?;
    let settings = connection_settings(&site.emulator, url, &broker.prefix);
    let config = site.write("gatehouse.toml", &guide::toml(&settings))?;
    let hire = events::made_now(serde_json::from_str(&repository::text(FIRST_EVENT))?);
    let hire = site.write("hire-ada.json", &format!("{}\n", serde_json::to_string_pretty(&hire)?))?;
    let leaver = serde_json::to_string_pretty(&contoso::leaver())?;
    let leaver = site.write("leave-edsger.json", &format!("{leaver}\n"))?;
    let mut binaries = beside_this("gatehouse")?;
    binaries.pop();
    let tenant = site.emulator.url();
    let guide = Guide { config, binaries, hire, leaver, tenant, admin };
    writeln!(io::stdout().lock(), "{guide}")?;
    site.until_a_worker_ends().await
}

/// An address on loopback that is free now.
fn free_address() -> io::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
