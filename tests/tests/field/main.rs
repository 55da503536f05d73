//! What people who let others in and out met in the field: Graph as it is, and not as it is documented.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod copies;
mod failures;
mod figures;
mod licenses;
mod objects;
mod unseen;
