//! People: everyone, who changed since, and when they last signed in.

pub(crate) mod change;
pub(crate) mod delta;
pub(crate) mod fields;
pub(crate) mod full;
mod people;
pub(crate) mod sign_ins;
pub(crate) mod totals;
