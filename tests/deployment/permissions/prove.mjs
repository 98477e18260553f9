// The proof of the permissions: every recorded request is allowed by its function's role, and no role allows more.
//
//     node prove.mjs EXPANDED.json REQUESTS.jsonl...
//
// EXPANDED.json is the output of expand.py. REQUESTS.jsonl holds one request in each line, as README.md describes.

import { readFileSync } from "node:fs";

import { Proof, checksOf } from "./proof.mjs";

const [expanded, ...recordings] = process.argv.slice(2);
const requests = recordings.flatMap((path) =>
  readFileSync(path, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line)),
);
const checks = checksOf(requests);
const proof = new Proof(JSON.parse(readFileSync(expanded, "utf8")));
const denied = await proof.denied(checks);
for (const { caller, action, resource, context } of denied) {
  console.error(`denied: ${caller} may not ${action} on ${resource} ${JSON.stringify(context)}`);
}
const needless = await proof.needless(checks);
for (const problem of needless) console.error(`needless: ${problem}`);
console.log(
  `${requests.length} requests, ${checks.length} distinct checks, ${denied.length} denied; ` +
    `${proof.taken} actions taken away one by one, ${needless.length} needless`,
);
process.exitCode = denied.length + needless.length > 0 ? 1 : 0;
