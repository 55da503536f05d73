//! Stopping a command between two dead letters.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::commands::CommandError;

/// Does work that ends soon after its receiver says true. SIGINT and SIGTERM say so; the second one ends the command at
/// once, as a kill does.
pub(super) async fn stopping<T>(
    work: impl AsyncFnOnce(watch::Receiver<bool>) -> T,
) -> Result<T, CommandError> {
    let (say, stop) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked_twice = async {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !say.send_replace(true) {
                eprintln!(
                    "gatehouse: stops after this dead letter, and counts the rest; again to stop at once"
                );
            }
        }
    };
    tokio::select! {
        biased;
        done = work(stop) => Ok(done),
        () = asked_twice => Err(io::Error::other("stopped at once; the last dead letter may exist twice").into()),
    }
}
