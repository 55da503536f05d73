"""Publishes an event, and waits until its run has ended.

usage: publish_event.py AMQP_URL PREFIX QUEUE EVENT_FILE

It needs pika (tested with 1.4.4). PREFIX is `gatehouse` unless the operator has chosen another. QUEUE is a queue for
the answers to this publisher alone; its name begins with `gatehouse.replies.`. Four rules make sure that nothing is
lost and nothing is done twice:

1. An event counts as published once the broker confirms it. A refusal (nack) means that a queue is full: ask again.
2. Without a confirm, publish the very same event again. It is the same run, whatever became of the first message.
3. `mandatory` has the broker return an event that no queue takes.
4. Answers wait in a durable queue. The `correlation_id` says which event an answer belongs to, and the answer's id
   whether it has come before.
"""

import json
import sys
import time

import pika

PATIENCE_SECONDS = 120
# A queue for answers that nobody reads any more deletes itself.
EXPIRES = {"x-expires": 7 * 24 * 3600 * 1000}


def publish(channel, prefix, queue, event):
    """Publishes the event and returns when the broker has stored it."""
    key = event["type"].removeprefix("gatehouse.").removesuffix(".v1")
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json",
        delivery_mode=pika.DeliveryMode.Persistent,
        message_id=event["id"],
        correlation_id=event["id"],
        reply_to=queue,
        type=event["type"],
    )
    body = json.dumps(event).encode()
    while True:
        try:
            return channel.basic_publish(f"{prefix}.events", key, body, properties, mandatory=True)
        except pika.exceptions.NackError:
            print("a queue is full, trying again", flush=True)
            time.sleep(1)


def wait(channel, queue, event):
    """Prints each answer once, and returns how the run ended."""
    seen = set()
    for method, properties, body in channel.consume(queue, inactivity_timeout=PATIENCE_SECONDS):
        if body is None:
            return "still going on"
        answer = json.loads(body)
        if properties.correlation_id == event["id"] and answer["id"] not in seen:
            seen.add(answer["id"])
            end = told(answer)
            if end:
                channel.basic_ack(method.delivery_tag)
                return end
        channel.basic_ack(method.delivery_tag)


def told(answer):
    """Prints an answer. Returns how the run ended, if this is the end."""
    data = answer["data"]
    match answer["type"]:
        case "gatehouse.run.waiting.v1":
            print("  waits until", data["until"], flush=True)
        case "gatehouse.run.finished.v1":
            # It lists every step. The results of single steps may come after it.
            for step in data["steps"]:
                print(" ", step["step"], step["outcome"], flush=True)
            for violation in data.get("violations", []):
                print(" ", violation["pointer"], violation["message"], flush=True)
            return data["state"]
        case "gatehouse.run.planned.v1":
            return "planned"
        case "gatehouse.event.duplicate.v1" if data["state"] != "open":
            return f"published before: {data['state']}"
        case "gatehouse.dead_letter.added.v1":
            # The only answer to a message in which no event can be read.
            return "unreadable"


def main(url, prefix, queue, file):
    with open(file, encoding="utf-8") as opened:
        event = json.load(opened)
    while True:
        try:
            with pika.BlockingConnection(pika.URLParameters(url)) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                channel.queue_declare(queue, durable=True, arguments=EXPIRES)
                publish(channel, prefix, queue, event)
                print("published", event["id"], flush=True)
                print(event["id"], wait(channel, queue, event), flush=True)
                return
        except pika.exceptions.AMQPConnectionError as lost:
            print(f"no connection ({lost!r}), trying again", flush=True)
            time.sleep(1)


main(*sys.argv[1:])
