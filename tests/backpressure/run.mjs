// Runs the long forms, group after group, and prints a table of each. sockjs-node is there for comparison: what fails with it
// fails nothing here.

import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { bodyCases } from "./bodies.mjs";
import { ONE_BODY_AHEAD, PATIENT, backlogCases, downloadCases, heldSendCases } from "./network.mjs";
import { payloadCases } from "./payloads.mjs";
import { unreadCases } from "./unread.mjs";

/** Of the deployable Worker: a session may be without a receiver for 5 s. */
const AS_DEPLOYED = { SOCKJS_DISCONNECT_DELAY: "5000" };

let failures = 0;
// These wait most of the time.
await show("Behind a slow network", Promise.all(networkCases().map(outcome)));
await show("Clients that do not read", inTurn(unreadCases("long")));
await show("Many large bodies", inTurn(bodyCases("long")));
await show("Good and bad bodies", inTurn(payloadCases("long")));
console.log(failures === 0 ? "\nok" : `\n${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;

/** Each on a server of its own: all of them together have more under way than one isolate takes. */
function networkCases() {
  const edge = (vars) => (owner) => startServer(owner, { vars });
  const [backlogs, downloads] = [backlogCases("long"), downloadCases("long")];
  return [
    ["sockjs-edge", edge(PATIENT), [...backlogs, ...downloads]],
    ["sockjs-edge as deployed", edge(AS_DEPLOYED), downloads],
    ["sockjs-edge with small limits", edge(ONE_BODY_AHEAD), heldSendCases("long")],
    ["sockjs-node", startReference, [...backlogs, ...downloads], { isCompared: true }],
  ].flatMap(([server, start, cases, how]) =>
    cases.map(({ name, run }) => ({
      name: `${server}, ${name}`,
      run: async (owner) => run(owner, (await start(owner)).url),
      ...how,
    })),
  );
}

async function inTurn(cases) {
  const outcomes = [];
  for (const each of cases) outcomes.push(await outcome(each));
  return outcomes;
}

/** Runs a case and ends what it started. */
async function outcome({ name, run, isCompared = false }) {
  const started = [];
  let result = "ok";
  let figures;
  try {
    figures = await run({ after: (end) => started.push(end) });
  } catch (error) {
    result = isCompared ? "failed" : "FAILED";
    figures = error.message.split("\n")[0];
    if (!isCompared) failures += 1;
  } finally {
    for (const end of started.reverse()) await end();
  }
  process.stderr.write(`${result}: ${name}\n`);
  return { name, result, figures };
}

async function show(title, running) {
  const outcomes = await running;
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, result, figures } of outcomes) console.log(`  ${result.padEnd(6)}  ${name.padEnd(width)}  ${figures}`);
}
