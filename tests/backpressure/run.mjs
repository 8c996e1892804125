// The long forms, group after group, and a table of what came of each.

import { startReference } from "../harness/reference.mjs";
import { startServer } from "../harness/server.mjs";
import { bodyCases } from "./bodies.mjs";
import { ONE_BODY_AHEAD, heldSendCases, networkCases } from "./network.mjs";
import { payloadCases } from "./payloads.mjs";
import { unreadCases } from "./unread.mjs";

const endings = [];
const owner = { after: (end) => endings.push(end) };
let failures = 0;
try {
  // Those wait most of the time.
  await show("Behind a slow network", Promise.all((await networkRuns()).map(outcome)));
  await show("Clients that do not read", inTurn(unreadCases("long")));
  await show("Many large bodies", inTurn(bodyCases("long")));
  await show("Good and bad bodies", inTurn(payloadCases("long")));
} finally {
  await endAll(endings);
}
console.log(failures === 0 ? "ok" : `${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;

async function networkRuns() {
  const edge = await startServer(owner);
  const strict = await startServer(owner, { vars: ONE_BODY_AHEAD });
  const node = await startReference(owner);
  return [
    ["sockjs-edge", edge, networkCases("long")],
    ["sockjs-edge with small limits", strict, heldSendCases("long")],
    ["sockjs-node", node, networkCases("long")],
  ].flatMap(([server, { url }, cases]) =>
    cases.map(({ name, run }) => ({ name: `${server}, ${name}`, run: (owner) => run(owner, url) })),
  );
}

async function inTurn(cases) {
  const outcomes = [];
  for (const each of cases) outcomes.push(await outcome(each));
  return outcomes;
}

/** Runs a case, and ends what it started. */
async function outcome({ name, run }) {
  const started = [];
  try {
    return { name, result: "ok", figures: await run({ after: (end) => started.push(end) }) };
  } catch (error) {
    failures += 1;
    return { name, result: "FAILED", figures: error.message };
  } finally {
    await endAll(started);
  }
}

async function endAll(endings) {
  for (const end of endings.splice(0).reverse()) await end();
}

async function show(title, running) {
  const outcomes = await running;
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, result, figures } of outcomes) console.log(`  ${result.padEnd(6)}  ${name.padEnd(width)}  ${figures}`);
}
