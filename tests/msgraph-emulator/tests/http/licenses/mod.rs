//! Licences: what was bought, and who has it.

mod assignment;
mod subscriptions;
