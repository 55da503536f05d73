//! Keeps what a run is about to take away, so that a restore can give it back.
//!
//! Each step does this immediately before its first write, with what it has just read: nothing is read twice, and a
//! step that begins thirty days later keeps what is there by then. A run's snapshot is all that its steps kept.

use std::time::Duration;

use messages::{EventKind, Kept, NotKept, RunSnapshot, Taken};
use msgraph::Seal;
use outcome::{Class, Failure};
use tokio::time::timeout;

use crate::delivery::outbox;
use crate::delivery::work::Outlet;
use crate::runs::job::Job;

/// How much room the things of one part have. What an event's attributes may take on top of that is less than the rest.
const PART_BYTES: usize = RunSnapshot::LIMIT_BYTES / 4 * 3;
/// How long a lock-out waits for the stream: then it acts.
const LOCK_OUT_WAITS: Duration = Duration::from_secs(1);

/// Stores what a step is about to take away. The step may write once all of it is confirmed.
///
/// # Errors
///
/// When it is not stored: time may help.
pub async fn keep(
    job: &Job,
    action: &str,
    taken: &[Taken],
    seal: Option<&Seal>,
    outlet: &Outlet<'_>,
) -> Result<(), Failure> {
    let storing = async {
        for taken in parts(taken, seal) {
            let workflow = job.workflow().to_owned();
            let part = RunSnapshot { run_id: job.event.run_id(), workflow, action: action.to_owned(), taken };
            let outgoing = outbox::snapshot(&job.result(part)).ok_or_else(not_written)?;
            outlet.store(&outgoing).await.map_err(|error| not_stored(&error))?;
        }
        Ok(())
    };
    if job.event.kind != EventKind::AccessRevoke {
        return storing.await;
    }
    // Locking the person out matters more than what can be given back later.
    if !matches!(timeout(LOCK_OUT_WAITS, storing).await, Ok(Ok(()))) {
        tracing::warn!(
            action,
            "what a lock-out takes away was not stored in time; a restore will not know it"
        );
    }
    Ok(())
}

fn not_written() -> Failure {
    let detail = "what the step takes away could not be written down, so it takes nothing; the worker's log has the reason";
    Failure::new(Class::Fault, "internal", detail)
}

fn not_stored(error: &broker::Error) -> Failure {
    let detail = match error.is_unroutable() {
        true => "the stream for snapshots does not exist, so nothing is taken away; `gatehouse topology apply` makes it"
            .to_owned(),
        false => format!("what the step takes away could not be stored, so it takes nothing: {error}"),
    };
    Failure::new(Class::Retry, "snapshot_not_stored", detail)
}

/// The things, sealed, in as few parts as a message has room for.
fn parts(taken: &[Taken], seal: Option<&Seal>) -> Vec<Vec<Kept>> {
    let (mut parts, mut room) = (Vec::<Vec<Kept>>::new(), 0);
    for taken in taken {
        let kept = kept(taken, seal);
        let bytes = bytes(&kept);
        match parts.last_mut().filter(|_| bytes <= room) {
            Some(part) => part.push(kept),
            None => {
                parts.push(vec![kept]);
                room = PART_BYTES;
            }
        }
        room = room.saturating_sub(bytes);
    }
    parts
}

fn kept(taken: &Taken, seal: Option<&Seal>) -> Kept {
    let Taken { kind, user, object, text } = taken;
    let kept = Kept { kind: *kind, user: user.clone(), object: object.clone(), sealed: None, not_kept: None };
    let Some(text) = text else { return kept };
    let Some(sealed) = seal.and_then(|seal| seal.close(&text.to_string().into())) else {
        return Kept { not_kept: Some(NotKept::NoKey), ..kept };
    };
    let whole = Kept { sealed: Some(sealed), ..kept.clone() };
    if bytes(&whole) > PART_BYTES { Kept { not_kept: Some(NotKept::TooLarge), ..kept } } else { whole }
}

fn bytes(kept: &Kept) -> usize {
    serde_json::to_vec(kept).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::TakenKind;
    use serde_json::json;

    fn seal() -> Seal {
        Seal::for_purpose(b"test", &["a secret that all workers share".to_owned().into()])
    }

    #[test]
    fn texts_are_sealed_or_not_kept() {
        let plain = Taken::from("1", TakenKind::SignIn);
        let texts = Taken::from("1", TakenKind::InboxRule).with_text(json!({ "displayName": "Ada's" }));
        let large = Taken::from("1", TakenKind::AutomaticReply).with_text(json!("x".repeat(PART_BYTES)));
        let taken = [plain, texts.clone(), large];
        let with = parts(&taken, Some(&seal())).concat();
        let why: Vec<_> = with.iter().map(|kept| (kept.sealed.is_some(), kept.not_kept)).collect();
        assert_eq!(why, [(false, None), (true, None), (false, Some(NotKept::TooLarge))]);
        let opened = seal().open(with[1].sealed.as_deref().unwrap()).unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), texts.text.unwrap().to_string());
        assert!(!serde_json::to_string(&with).unwrap().contains("Ada"));
        let without = parts(&taken, None).concat();
        assert_eq!(without[1].not_kept, Some(NotKept::NoKey));
        assert!(without.iter().all(|kept| kept.sealed.is_none()));
    }

    #[test]
    fn every_part_fits_into_a_message_and_nothing_is_lost() {
        let rule = |n: usize| {
            Taken::from("1", TakenKind::InboxRule)
                .with("rule", n)
                .with_text(json!("r".repeat(n * 37 % 9_000)))
        };
        let taken: Vec<_> = (0..200).map(rule).collect();
        let parts = parts(&taken, Some(&seal()));
        assert!(parts.len() > 5);
        for part in &parts {
            assert!(serde_json::to_vec(part).unwrap().len() < PART_BYTES + part.len() + 2);
        }
        let rules: Vec<_> = parts.concat().into_iter().map(|kept| kept.object["rule"].clone()).collect();
        assert_eq!(rules, (0..200).map(|n| json!(n)).collect::<Vec<_>>());
    }
}
