//! Finds the newest snapshot in the stream of snapshots.
//!
//! A snapshot is parts, and an index behind them. Two workers may have written at once: then parts and indexes of both
//! stand among each other. One may be at it, or have died before its index.

use std::time::Duration;

use ledger::{Index, Ledger, Piece, Restoring, piece};
use tokio::time::timeout;

use super::log::{LogError, Messages, Records, THERE};

/// How long to look for a message. The broker does not say where a stream ends; it says nothing more.
const LOOK: Duration = Duration::from_secs(2);
/// The same after a part: its index may have been stored together with it, and comes together with it.
const MORE: Duration = Duration::from_millis(250);
/// A file of the stream has room for more parts than this.
const PARTS_OF_A_FILE: u64 = 20;
/// How many workers may have written at once.
const AT_ONCE: u64 = 4;

/// The ledger of the newest snapshot; none if that is not whole, or of another version.
pub(crate) async fn newest<M: Messages>(messages: &M) -> Result<Option<Ledger>, LogError> {
    let Some((end, index)) = newest_index(messages).await? else { return Ok(None) };
    for writers in [1, AT_ONCE] {
        if let Some(ledger) = before(messages, end, &index, writers).await? {
            return Ok(Some(ledger));
        }
    }
    Ok(None)
}

/// The newest index, and where it stands.
async fn newest_index<M: Messages>(messages: &M) -> Result<Option<(u64, Index)>, LogError> {
    let mut records = messages.read_last().await?;
    let (mut part, mut look) = (None, LOOK);
    while let Ok(record) = timeout(look, records.next()).await {
        let (offset, message) = record?;
        match piece(&message) {
            // Another one may stand behind it, and this one serves as well.
            Ok(Piece::Index(index)) => return Ok(Some((offset, index))),
            Ok(Piece::Part(number)) => part = Some((offset, number)),
            Err(_) => return Ok(None),
        }
        look = MORE;
    }
    // The writer is at it, or has died. Before what it has written stands the snapshot before.
    let Some((end, number)) = part else { return Ok(None) };
    let mut records = messages.read_from(behind(end, u64::from(number) + 2, 1)).await?;
    let mut newest = None;
    while let Ok(record) = timeout(THERE, records.next()).await {
        let (offset, message) = record?;
        if offset >= end {
            break;
        }
        if let Ok(Piece::Index(index)) = piece(&message) {
            newest = Some((offset, index));
        }
    }
    Ok(newest)
}

/// The ledger of the parts before an index, among which those of other writers may stand.
async fn before<M: Messages>(
    messages: &M,
    end: u64,
    index: &Index,
    writers: u64,
) -> Result<Option<Ledger>, LogError> {
    let mut restoring = Restoring::new(index.clone());
    if !restoring.is_whole() {
        let mut records = messages.read_from(behind(end, index.parts().into(), writers)).await?;
        while !restoring.is_whole() {
            let Ok(record) = timeout(THERE, records.next()).await else { return Ok(None) };
            let (offset, message) = record?;
            if offset >= end || restoring.read(&message).is_err() {
                return Ok(None);
            }
        }
    }
    Ok(restoring.finish().ok())
}

/// Where to begin to read so many messages of each of some writers. The broker has an entry of its own in each file.
fn behind(end: u64, messages: u64, writers: u64) -> u64 {
    let messages = messages.saturating_mul(writers);
    end.saturating_sub(messages.saturating_add(2 + messages / PARTS_OF_A_FILE))
}
