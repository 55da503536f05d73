//! The engine: stages, steps, outcomes, progress and report; knows neither Graph nor RabbitMQ.
