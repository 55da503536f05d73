"""Keeps a table of people, licences, sign-ins and usage in SQLite, from the pages of Gatehouse's syncs.

usage: sync_consumer.py AMQP_URL PREFIX DATABASE

It needs pika. It may be killed at any moment and started again, and so may every worker: pages and ends may repeat,
overtake each other and stop in the middle. Five rules keep the table right:

1. A message is acknowledged only after the transaction that holds what it said.
2. A value counts if its version is not smaller than that of the value it replaces. The version is the page's
   (generation, number).
3. What a round of changes removes stays as a row that is gone, so that an older page cannot bring it back.
4. Rows of older generations are deleted only after the end of a full pass that says `complete`, only when all of its
   pages are in, and only if they are of its `kinds`. From then on an older page brings none of these kinds.
5. Each day of usage is complete by itself: once all pages of the generation that an end names for it are in, rows of
   usage of that day of older generations are deleted. A day that is missing, or kept, deletes nothing.
"""

import json
import sqlite3
import sys

import pika

# The fields that name an object, for each kind of row.
KEYS = {
    "license_assignment": ("user_id", "sku_id"),
    "waste": ("user_id", "sku_id", "reason", "group_name"),
    "sku": ("sku_id",),
    "usage": ("date", "person"),
    "usage_day": ("date",),
    "usage_app": ("app", "platform", "window_days"),
    "usage_person": ("person", "user_id"),
    "usage_group": ("group",),
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (          -- one row for each object
    tenant TEXT, what TEXT, kind TEXT, key TEXT,
    fields TEXT NOT NULL,                    -- JSON: the values
    versions TEXT NOT NULL,                  -- JSON: the version of each value
    generation INTEGER NOT NULL,             -- the version of its presence
    number INTEGER NOT NULL,
    gone INTEGER NOT NULL,                   -- 1: a round of changes removed it
    PRIMARY KEY (tenant, what, kind, key));
CREATE TABLE IF NOT EXISTS page (            -- the pages that are in
    tenant TEXT, what TEXT, generation INTEGER, number INTEGER,
    PRIMARY KEY (tenant, what, generation, number));
CREATE TABLE IF NOT EXISTS finished (        -- the ends of full passes that are complete
    tenant TEXT, what TEXT, generation INTEGER, pages INTEGER, kinds TEXT,
    PRIMARY KEY (tenant, what, generation));
CREATE TABLE IF NOT EXISTS day (             -- days of usage whose pages are not all in
    tenant TEXT, date TEXT, generation INTEGER, pages INTEGER,
    PRIMARY KEY (tenant, date, generation));
CREATE TABLE IF NOT EXISTS swept (           -- the last full pass that has deleted
    tenant TEXT, what TEXT, kind TEXT, generation INTEGER,
    PRIMARY KEY (tenant, what, kind));
CREATE TABLE IF NOT EXISTS cursor (          -- where the next round of changes begins
    tenant TEXT, what TEXT, generation INTEGER, cursor TEXT,
    PRIMARY KEY (tenant, what));
CREATE VIEW IF NOT EXISTS present AS SELECT tenant, what, kind, key, fields FROM object WHERE NOT gone;
CREATE VIEW IF NOT EXISTS have AS            -- for `data.have` of the next request for usage
    SELECT tenant, json_extract(fields, '$.date') AS date, json_extract(fields, '$.refresh_date') AS refresh_date,
           json_extract(fields, '$.mark') AS mark
    FROM object WHERE kind = 'usage_day' AND json_extract(fields, '$.state') = 'read';
"""


def key_of(row):
    """The kind under which an object is kept, and its key."""
    kind = row["kind"]
    return kind.removeprefix("removed_"), " ".join(str(row.get(field)) for field in KEYS.get(kind, ("id",)))


def put(database, tenant, page, row):
    """Takes one row of a page."""
    kind, key = key_of(row)
    version = [page["generation"], page["number"]]
    swept = database.execute(
        "SELECT generation FROM swept WHERE tenant = ? AND what = ? AND kind IN (?, ?)",
        (tenant, page["what"], kind, f"{kind} {row.get('date')}"),
    ).fetchone()
    if swept and page["generation"] < swept[0]:
        return
    found = database.execute(
        "SELECT fields, versions, generation, number, gone FROM object"
        " WHERE tenant = ? AND what = ? AND kind = ? AND key = ?",
        (tenant, page["what"], kind, key),
    ).fetchone()
    fields, versions, presence, gone = {}, {}, version, 0
    if found:
        fields, versions = json.loads(found[0]), json.loads(found[1])
        presence, gone = [found[2], found[3]], found[4]
    if version >= presence:
        presence, gone = version, int(row["kind"].startswith("removed_"))
    for name, value in row.items():
        # A field that a row leaves out says nothing; one that is empty is null.
        if name != "kind" and version >= versions.get(name, [0, 0]):
            fields[name], versions[name] = value, version
    database.execute(
        "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (tenant, page["what"], kind, key, json.dumps(fields), json.dumps(versions), *presence, gone),
    )


def sweep(database, tenant, what, generation):
    """Deletes what a full pass no longer found, if it has ended and all of its pages are in."""
    end = database.execute(
        "SELECT pages, kinds FROM finished WHERE tenant = ? AND what = ? AND generation = ?", (tenant, what, generation)
    ).fetchone()
    (came,) = database.execute(
        "SELECT count(*) FROM page WHERE tenant = ? AND what = ? AND generation = ?", (tenant, what, generation)
    ).fetchone()
    if end and end[0] == came:
        for kind in json.loads(end[1]):
            database.execute(
                "DELETE FROM object WHERE tenant = ? AND what = ? AND kind = ? AND generation < ?",
                (tenant, what, kind, generation),
            )
            database.execute(
                "INSERT INTO swept VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation"
                " WHERE excluded.generation > generation",
                (tenant, what, kind, generation),
            )
        for table in ("page", "finished"):
            database.execute(
                f"DELETE FROM {table} WHERE tenant = ? AND what = ? AND generation < ?"
                " AND generation NOT IN (SELECT generation FROM day)",
                (tenant, what, generation),
            )


def sweep_days(database, tenant):
    """Deletes what the days of usage had before, if they are read and all of their pages are in."""
    days = database.execute(
        "SELECT date, generation FROM day WHERE tenant = ? AND pages = (SELECT count(*) FROM page"
        " WHERE page.tenant = day.tenant AND what = 'usage' AND page.generation = day.generation)",
        (tenant,),
    ).fetchall()
    for date, generation in days:
        database.execute(
            "DELETE FROM object WHERE tenant = ? AND what = 'usage' AND kind = 'usage' AND generation < ?"
            " AND key >= ? AND key < ?",
            (tenant, generation, f"{date} ", f"{date}!"),
        )
        database.execute(
            "INSERT INTO swept VALUES (?, 'usage', ?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation"
            " WHERE excluded.generation > generation",
            (tenant, f"usage {date}", generation),
        )
        done = "DELETE FROM day WHERE tenant = ? AND date = ? AND generation <= ?"
        database.execute(done, (tenant, date, generation))


def take(database, event):
    """Takes a page or the end of a sync."""
    data, tenant = event["data"], event.get("tenant", "")
    if event["type"] == "gatehouse.sync.page.v1":
        for row in data["rows"]:
            put(database, tenant, data, row)
        database.execute(
            "INSERT OR IGNORE INTO page VALUES (?, ?, ?, ?)", (tenant, data["what"], data["generation"], data["number"])
        )
    elif event["type"] == "gatehouse.sync.finished.v1":
        for day in data.get("days", []):
            if "pages" in day:
                database.execute(
                    "INSERT OR IGNORE INTO day VALUES (?, ?, ?, ?)",
                    (tenant, day["date"], day["generation"], day["pages"]),
                )
        if data["complete"] and data["mode_done"] == "full":
            database.execute(
                "INSERT OR IGNORE INTO finished VALUES (?, ?, ?, ?, ?)",
                (tenant, data["what"], data["generation"], data["pages"], json.dumps(data["kinds"])),
            )
        if data["complete"] and "cursor" in data:
            # Send it back in `data.cursor` to ask for what has changed since.
            database.execute(
                "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation,"
                " cursor = excluded.cursor WHERE excluded.generation >= generation",
                (tenant, data["what"], data["generation"], data["cursor"]),
            )
    else:
        return
    if data.get("what") == "usage":
        sweep_days(database, tenant)
    if "generation" in data:
        sweep(database, tenant, data["what"], data["generation"])


def main(url, prefix, path):
    """Reads until it is stopped."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(SCHEMA)
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    # A limit keeps the broker's disk from filling while nobody reads: a sync waits for room. The ends have a queue of
    # their own without one, because a worker repeats a sync whose end it cannot report.
    limit = {"x-max-length": 1000, "x-overflow": "reject-publish"}
    pages, ends = f"{prefix}.replies.people.pages", f"{prefix}.replies.people.ends"
    channel.queue_declare(pages, durable=True, arguments={"x-queue-type": "quorum"} | limit)
    channel.queue_declare(ends, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(pages, f"{prefix}.sync", "#")
    channel.queue_bind(ends, f"{prefix}.results", "sync.*")
    channel.basic_qos(prefetch_count=8)

    def handle(channel, method, _, body):
        database.execute("BEGIN IMMEDIATE")
        take(database, json.loads(body))
        database.execute("COMMIT")
        channel.basic_ack(method.delivery_tag)

    for queue in (pages, ends):
        channel.basic_consume(queue, handle)
    print("ready", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    main(*sys.argv[1:])
