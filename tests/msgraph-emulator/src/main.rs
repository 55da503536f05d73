//! The program: reads the command line, serves until a signal stops it.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use msgraph_emulator::Emulator;
use tokio::signal::unix::{SignalKind, signal};

mod arguments;

use arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("msgraph-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    // Registered before the line that says "ready": its reader may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let emulator = Emulator::start(arguments.options()?)?;
    if let Some((path, authority)) = arguments.https.as_ref().zip(emulator.certificate_authority()) {
        let wrong = |error| format!("cannot write {}: {error}; name another file", path.display());
        std::fs::write(path, authority).map_err(wrong)?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", emulator.url())?;
    out.flush()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
