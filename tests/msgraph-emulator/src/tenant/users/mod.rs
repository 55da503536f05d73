//! Users: their properties, users computed on demand, deletion, and the history of changes.

pub(super) mod columns;
pub(super) mod country;
pub(super) mod crowd;
pub(super) mod deletion;
pub(super) mod held;
pub(super) mod history;
pub(super) mod person;
pub(super) mod properties;
pub(super) mod row;
pub(super) mod seed;
pub(super) mod sign_ins;
pub(super) mod totals;
pub(super) mod user;
