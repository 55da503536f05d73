//! The AsyncAPI document: what Gatehouse receives and sends, and through which exchanges and queues of RabbitMQ.
//!
//! It is made from the tables that the worker itself uses: types of events and results, work queues, topology. It
//! refers to the schemas by their place in the folder that it stands in. What only workers say to each other is left out.

mod channels;
mod examples;
mod messages;
mod places;

use serde_json::{Value, json};

use self::places::Places;

/// The version of the specification.
const ASYNCAPI: &str = "3.0.0";

const DESCRIPTION: &str = "Gatehouse takes CloudEvents 1.0 from RabbitMQ (AMQP 0-9-1), lets people into Microsoft 365 \
and out of it, and publishes what it did as CloudEvents. `receive` and `send` are said from Gatehouse's side. The names \
begin with `gatehouse`, the default of `broker.prefix`. A key that AMQP carries as a property of the message, such as \
`correlation_id`, stands in `x-amqp-properties`. `gatehouse topology export` prints everything in the broker, also what \
only workers use.";

/// The document, for the default prefix.
pub fn document() -> Result<Value, broker::Error> {
    let places = Places::of_defaults()?;
    Ok(json!({
        "asyncapi": ASYNCAPI,
        "id": "urn:gatehouse:worker",
        "info": {
            "title": "Gatehouse",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": ::messages::CLOUDEVENT_CONTENT_TYPE,
        "servers": {
            "rabbitmq": {
                "host": "rabbitmq.example:5671",
                "protocol": "amqps",
                "protocolVersion": "0-9-1",
                "description": "Your RabbitMQ, 3.10 or later.",
                "security": [{ "$ref": "#/components/securitySchemes/user" }],
            },
        },
        "channels": channels::channels(&places),
        "operations": channels::operations(),
        "components": {
            "messages": messages::messages(),
            "messageTraits": messages::traits(),
            "securitySchemes": {
                "user": { "type": "userPassword", "description": "A user of the broker." },
            },
        },
    }))
}
