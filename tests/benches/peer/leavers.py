"""A lean worker in Python: takes leavers' events from a queue and has the effects of tests/src/short_offboarding.yaml.

It does what such a worker does in its first version: no ledger, no plan, no retries, no look whether anybody is protected.
So its rate is what a team gets that writes the calls and nothing else.

    leavers.py AMQP_URL QUEUE EXCHANGE GRAPH_URL TENANT CLIENT SECRET COUNT IN_FLIGHT

Prints the seconds from the first event to the last answer.
"""

import asyncio
import sys
import time

import aio_pika
import aiohttp
import orjson

BATCH = 20


class Graph:
    def __init__(self, session, root, token):
        self.session, self.root = session, root
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def ask(self, method, path, body=None):
        data = orjson.dumps(body) if body is not None else None
        async with self.session.request(method, self.root + path, data=data, headers=self.headers) as answer:
            content = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
            return orjson.loads(content) if content else None

    async def together(self, requests):
        """Sends these (method, path, body) in batches."""
        for start in range(0, len(requests), BATCH):
            parts = []
            for number, (method, path, body) in enumerate(requests[start : start + BATCH]):
                part = {"id": str(number), "method": method, "url": path}
                if method != "DELETE":
                    part |= {"headers": {"Content-Type": "application/json"}, "body": body or {}}
                parts.append(part)
            answers = await self.ask("POST", "/$batch", {"requests": parts})
            refused = [answer for answer in answers["responses"] if answer["status"] >= 300]
            if refused:
                raise RuntimeError(f"refused: {refused[0]}")


async def lock_out(graph, upn):
    user = await graph.ask("GET", f"/users/{upn}?$select=id,accountEnabled,licenseAssignmentStates")
    person = f"/users/{user['id']}"
    await graph.together([("PATCH", person, {"accountEnabled": False}), ("POST", f"{person}/revokeSignInSessions", None)])
    groups = (await graph.ask("GET", f"{person}/memberOf/microsoft.graph.group?$select=id,groupTypes&$top=999"))["value"]
    fixed = [group["id"] for group in groups if "DynamicMembership" not in group["groupTypes"]]
    await graph.together([("DELETE", f"/groups/{group}/members/{user['id']}/$ref", None) for group in fixed])
    held = [state["skuId"] for state in user["licenseAssignmentStates"] if state["assignedByGroup"] is None]
    await graph.ask("POST", f"{person}/assignLicense", {"addLicenses": [], "removeLicenses": held})


async def main(amqp, queue, exchange, url, tenant, client, secret, count, in_flight):
    count, in_flight = int(count), int(in_flight)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": "https://graph.microsoft.com/.default",
        }
        async with session.post(f"{url}/{tenant}/oauth2/v2.0/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        graph = Graph(session, f"{url}/v1.0", token)
        connection = await aio_pika.connect_robust(amqp)
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(in_flight)
        results = await channel.get_exchange(exchange)
        done, began = asyncio.Queue(), []

        async def work(message):
            began.append(time.perf_counter())
            event = orjson.loads(message.body)
            await lock_out(graph, event["data"]["person"]["upn"])
            result = {"specversion": "1.0", "type": "peer.run.finished", "id": event["id"], "data": {"state": "succeeded"}}
            await results.publish(aio_pika.Message(orjson.dumps(result), delivery_mode=2), "run.succeeded")
            await message.ack()
            done.put_nowait(time.perf_counter())

        await (await channel.get_queue(queue)).consume(work)
        ended = [await done.get() for _ in range(count)]
        print(max(ended) - min(began))
        await connection.close()


asyncio.run(main(*sys.argv[1:]))
