//! Queries on directory objects: `$filter`, `$search` and `$orderby`.
//!
//! `tokens` and `parser` read a filter into an `expression`, `rules` says which properties of a type can be asked for
//! and which of them only in an advanced query, `search` and `order` read the other two options, and `asked` puts them
//! together.

mod asked;
mod expression;
mod order;
mod parser;
mod rules;
mod search;
mod tokens;

pub(crate) use asked::Asked;
pub(crate) use rules::{GROUPS, Kind, OBJECTS, USERS};
