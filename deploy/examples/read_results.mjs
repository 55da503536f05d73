// Keeps the end of every run in a file, a line of JSON each, and each once.
//
// usage: node read_results.mjs AMQP_URL PREFIX QUEUE FILE
//
// It needs amqplib (tested with 2.3.1). QUEUE is a queue of yours. It may be killed at any moment and started again;
// so may the broker and every worker. Three rules keep the file right:
//
// 1. A message is acknowledged only after what it said is on disk.
// 2. A result that comes again has the same id: the first one counts, and a repeat changes nothing.
// 3. A result of a type that is not known here is passed over: later versions may publish more.

import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import amqp from "amqplib";

const [url, prefix, queue, path] = process.argv.slice(2);
const file = await open(path, "a");
const lines = (await readFile(path, "utf8")).split("\n");
// A kill can leave half a line at the end; its result was not acknowledged and comes again.
if (lines.pop() !== "") await file.write("\n");
const seen = new Set(lines.flatMap((line) => {
    try { return [JSON.parse(line).result]; } catch { return []; }
}));

// Keeps the end of a run, unless it is kept already.
async function take(result) {
    if (result.type !== "gatehouse.run.finished.v1" || seen.has(result.id)) return;
    const { run_id: run, state, finished_at } = result.data;
    const { causationid: event, correlationid: correlation } = result;
    const line = JSON.stringify({ result: result.id, run, event, correlation, state, finished_at });
    await file.write(`${line}\n`);
    await file.sync();
    seen.add(result.id);
    console.log(event, state);
}

// Results are taken one after the other, also when some came through a connection that is lost by now.
let turn = Promise.resolve();

// Takes results until the connection is lost.
async function read() {
    const connection = await amqp.connect(url);
    const lost = new Promise((_, reject) => {
        connection.on("close", () => reject(new Error("the connection is lost")));
        connection.on("error", () => {});
    });
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    await channel.prefetch(100);
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(queue, `${prefix}.results`, "run.*");
    const failed = new Promise((_, reject) => {
        const work = async (message) => {
            if (!message) throw new Error("the queue is gone");
            await take(JSON.parse(message.content));
            channel.ack(message);
        };
        channel.consume(queue, (message) => { turn = turn.then(() => work(message)).catch(reject); }).catch(reject);
    });
    console.log("ready");
    await Promise.race([lost, failed]);
}

for (;;) {
    try {
        await read();
    } catch (error) {
        console.log(`${error.message}, trying again`);
        await sleep(1_000);
    }
}
