//! What operators see: metrics, health and logs.

pub mod admin;
pub mod background;
pub mod memory;
pub mod metrics;
pub mod observers;
pub mod process;
pub mod telemetry;
pub mod watch;
pub mod zeros;
