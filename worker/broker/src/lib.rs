//! RabbitMQ; the only user of lapin.
