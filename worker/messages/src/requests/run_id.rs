//! The id of a run.

use uuid::Uuid;

/// The namespace of all UUIDs made here: `UUIDv5(URL, "https://gatehouse.example/")`.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x1ca0_d852_2b28_5578_97e8_5649_0598_7535);

/// The id of the run an event starts: UUIDv5 in [`NAMESPACE`] of the text `<n>:<source><id>`, where `<n>` is the
/// length of the source in bytes (UTF-8), in decimal.
///
/// The length keeps apart pairs that read the same when written one after the other.
pub fn run_id(source: &str, id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}:{source}{id}", source.len()).as_bytes())
}
