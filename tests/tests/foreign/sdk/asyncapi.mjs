// Has the official parser read an AsyncAPI document, and prints what is in it.
//
// usage: node asyncapi.mjs FILE
//
// The parser follows every reference, also into the schemas, and does not look into schemas of JSON Schema 2020-12.

import { Parser, fromFile } from "@asyncapi/parser";

const ERROR = 0;
const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
for (const { severity, code, message, path } of diagnostics) {
    console.error(severity, code, message, path.join("/"));
}
if (!document || diagnostics.some(({ severity }) => severity === ERROR)) {
    process.exit(1);
}
const count = (list) => list.all().length;
console.log(
    `${count(document.channels())} channels, ${count(document.operations())} operations, ` +
    `${count(document.components().messages())} messages`,
);
