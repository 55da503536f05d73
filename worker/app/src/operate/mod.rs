//! What operators see: metrics, health and logs.

pub mod admin;
pub mod metrics;
pub mod telemetry;
