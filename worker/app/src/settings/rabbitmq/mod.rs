//! The sections about RabbitMQ: how to reach it, what it keeps, and who publishes.

pub mod connection;
pub mod history;
pub mod publisher;
