// Publishes an event, and waits until its run has ended.
//
// usage: node publish_event.mjs AMQP_URL PREFIX QUEUE EVENT_FILE
//
// It needs amqplib (tested with 2.3.1). PREFIX is `gatehouse` unless the operator has chosen another. QUEUE is a queue
// for the answers to this publisher alone; its name begins with `gatehouse.replies.`. Four rules make sure that
// nothing is lost and nothing is done twice:
//
// 1. An event counts as published once the broker confirms it. A refusal (nack) means that a queue is full: ask again.
// 2. Without a confirm, publish the very same event again. It is the same run, whatever became of the first message.
// 3. `mandatory` has the broker return an event that no queue takes.
// 4. Answers wait in a durable queue. The `correlationId` says which event an answer belongs to, and the answer's id
//    whether it has come before.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import amqp from "amqplib";

const PATIENCE_MS = 120_000;
// A queue for answers that nobody reads any more deletes itself.
const ANSWERS = { durable: true, arguments: { "x-expires": 7 * 24 * 3600 * 1000 } };

const [url, prefix, queue, file] = process.argv.slice(2);
const event = JSON.parse(await readFile(file, "utf8"));
const seen = new Set();

// Publishes the event and returns when the broker has stored it.
async function publish(channel) {
    const key = event.type.replace(/^gatehouse\./, "").replace(/\.v1$/, "");
    const options = {
        contentType: "application/cloudevents+json",
        persistent: true,
        mandatory: true,
        messageId: event.id,
        correlationId: event.id,
        replyTo: queue,
        type: event.type,
    };
    channel.once("return", () => {
        console.error(`no queue takes the key ${key}`);
        process.exit(1);
    });
    channel.publish(`${prefix}.events`, key, Buffer.from(JSON.stringify(event)), options);
    // Fails if the broker refuses the event, or the connection is lost before it has confirmed it.
    await channel.waitForConfirms();
}

// Prints an answer. Returns how the run ended, if this is the end.
function told({ type, data }) {
    switch (type) {
        case "gatehouse.run.waiting.v1":
            console.log("  waits until", data.until);
            break;
        case "gatehouse.run.finished.v1":
            // It lists every step. The results of single steps may come after it.
            data.steps.forEach(({ step, outcome }) => console.log(" ", step, outcome));
            data.violations?.forEach(({ pointer, message }) => console.log(" ", pointer, message));
            return data.state;
        case "gatehouse.run.planned.v1":
            return "planned";
        case "gatehouse.event.duplicate.v1":
            if (data.state !== "open") return `published before: ${data.state}`;
            break;
        case "gatehouse.dead_letter.added.v1":
            // The only answer to a message in which no event can be read.
            return "unreadable";
    }
}

// Prints each answer once, and returns how the run ended.
function wait(connection, channel) {
    return new Promise((resolve, reject) => {
        connection.on("close", () => reject(new Error("the connection is lost")));
        setTimeout(() => resolve("still going on"), PATIENCE_MS).unref();
        channel.consume(queue, (message) => {
            const answer = JSON.parse(message.content);
            channel.ack(message);
            if (message.properties.correlationId === event.id && !seen.has(answer.id)) {
                seen.add(answer.id);
                const end = told(answer);
                if (end) resolve(end);
            }
        }).catch(reject);
    });
}

for (;;) {
    try {
        const connection = await amqp.connect(url);
        connection.on("error", () => {});
        const channel = await connection.createConfirmChannel();
        channel.on("error", () => {});
        await channel.assertQueue(queue, ANSWERS);
        await publish(channel);
        console.log("published", event.id);
        console.log(event.id, await wait(connection, channel));
        // The channel first: only then has the broker seen the last acknowledgement.
        await channel.close();
        await connection.close();
        break;
    } catch (error) {
        console.log(`${error.message}, trying again`);
        await sleep(1_000);
    }
}
