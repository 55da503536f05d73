"""Publishes events with pika and the CloudEvents SDK, in both modes, and prints how each run ended.

usage: publish.py AMQP_URL PREFIX
"""

import sys

import pika
from cloudevents.core.bindings import rabbitmq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

PATIENCE_SECONDS = 60


def hire(event_id: str, upn: str) -> CloudEvent:
    """The event of a hire."""
    attributes = {
        "id": event_id,
        "source": "/hr/python",
        "type": "gatehouse.onboarding.requested.v1",
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, {"person": {"upn": upn, "display_name": "Ada Lovelace"}})


def main(url: str, prefix: str) -> None:
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.confirm_delivery()
    results = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(results, f"{prefix}.results", "run.*")
    json = JSONFormat()
    messages = {
        "structured": rabbitmq.to_structured(hire("structured", "ada.byron@contoso.example"), json),
        "binary": rabbitmq.to_binary(hire("binary", "ada.king@contoso.example"), json),
    }
    for message in messages.values():
        properties = pika.BasicProperties(
            content_type=message.content_type, headers=message.headers, delivery_mode=2
        )
        channel.basic_publish(
            f"{prefix}.events", "onboarding.requested", message.body, properties, mandatory=True
        )
    waiting = set(messages)
    for _, properties, body in channel.consume(results, auto_ack=True, inactivity_timeout=PATIENCE_SECONDS):
        if body is None:
            sys.exit(f"no result within {PATIENCE_SECONDS} s for {sorted(waiting)}")
        message = rabbitmq.RabbitMQMessage(properties.headers or {}, properties.content_type, body)
        result = rabbitmq.from_structured(message, json)
        cause = result.get_extension("causationid")
        print(cause, result.get_type(), result.get_data()["state"], flush=True)
        waiting.discard(cause)
        if not waiting:
            break


main(*sys.argv[1:])
