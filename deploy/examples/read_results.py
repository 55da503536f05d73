"""Keeps the end of every run in SQLite, each once.

usage: read_results.py AMQP_URL PREFIX QUEUE DATABASE

It needs pika (tested with 1.4.4). QUEUE is a queue of yours. It may be killed at any moment and started again; so may
the broker and every worker. Three rules keep the table right:

1. A message is acknowledged only after the transaction that holds what it said.
2. A result that comes again has the same id: the first one counts, and a repeat changes nothing.
3. A result of a type that is not known here is passed over: later versions may publish more.
"""

import json
import sqlite3
import sys
import time

import pika

SCHEMA = """CREATE TABLE IF NOT EXISTS run (
    result TEXT PRIMARY KEY,        -- the id of the result
    run TEXT NOT NULL,
    event TEXT,                     -- the id of the event
    correlation TEXT,
    state TEXT NOT NULL,
    finished_at TEXT NOT NULL)"""


def take(database, result):
    """Keeps the end of a run. Returns whether it is new."""
    if result["type"] != "gatehouse.run.finished.v1":
        return False
    data = result["data"]
    row = (result["id"], data["run_id"], result.get("causationid"), result.get("correlationid"))
    with database:
        kept = database.execute(
            "INSERT OR IGNORE INTO run VALUES (?, ?, ?, ?, ?, ?)", (*row, data["state"], data["finished_at"])
        )
    return kept.rowcount == 1


def read(url, prefix, queue, database):
    """Takes results until the connection is lost."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(queue, f"{prefix}.results", "run.*")
        print("ready", flush=True)
        for method, _, body in channel.consume(queue):
            result = json.loads(body)
            if take(database, result):
                print(result.get("causationid"), result["data"]["state"], flush=True)
            channel.basic_ack(method.delivery_tag)


def main(url, prefix, queue, file):
    database = sqlite3.connect(file)
    database.execute(SCHEMA)
    while True:
        try:
            read(url, prefix, queue, database)
        except pika.exceptions.AMQPConnectionError as lost:
            print(f"no connection ({lost!r}), trying again", flush=True)
            time.sleep(1)


main(*sys.argv[1:])
