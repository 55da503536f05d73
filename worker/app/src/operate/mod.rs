//! What operators see: metrics, health and logs.

pub mod admin;
pub mod background;
pub mod memory;
pub mod metrics;
pub mod telemetry;
