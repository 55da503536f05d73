// Publishes an event with amqplib and the CloudEvents SDK, and prints how its run ended.
//
// usage: node publish.mjs AMQP_URL PREFIX

import assert from "node:assert/strict";
import amqp from "amqplib";
import { CloudEvent, HTTP } from "cloudevents";

const PATIENCE_MS = 60_000;
const [url, prefix] = process.argv.slice(2);

const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();
const { queue } = await channel.assertQueue("", { exclusive: true });
await channel.bindQueue(queue, `${prefix}.results`, "run.*");

const event = new CloudEvent({
    id: "javascript",
    source: "/hr/javascript",
    type: "gatehouse.onboarding.requested.v1",
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { person: { upn: "grace.murray@contoso.example", display_name: "Grace Hopper" } },
});

const finished = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no result in time")), PATIENCE_MS).unref();
    channel.consume(queue, (message) => {
        const headers = { "content-type": message.properties.contentType };
        const result = HTTP.toEvent({ headers, body: message.content.toString() });
        if (result.type === "gatehouse.run.finished.v1") {
            resolve(result);
        }
    }, { noAck: true });
});
// The structured mode is the same JSON for every transport.
const { headers, body } = HTTP.structured(event);
const options = { contentType: headers["content-type"], persistent: true, mandatory: true };
channel.publish(`${prefix}.events`, "onboarding.requested", Buffer.from(body), options);
await channel.waitForConfirms();

const result = await finished;
assert.ok(result.validate());
console.log(result.causationid, result.type, result.data.state);
await connection.close();
