//! Licences: what the tenant bought, who has it, what is unused, and what it costs.

pub(crate) mod class;
pub(crate) mod directory;
pub(crate) mod groups;
pub(crate) mod holder;
pub(crate) mod money;
pub(crate) mod names;
pub(crate) mod pass;
pub(crate) mod prices;
pub(crate) mod sku;
pub(crate) mod totals;
pub(crate) mod waste;
