import { after, describe, test } from "node:test";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { ONE_BODY_AHEAD, PATIENT, backlogCases, downloadCases, heldSendCases } from "./network.mjs";

const edge = await startServer({ after }, { vars: PATIENT });
const strict = await startServer({ after }, { vars: ONE_BODY_AHEAD });
const node = await startReference({ after });

const CASES = [...backlogCases("short"), ...downloadCases("short")];
const GROUPS = [
  ["sockjs-edge", edge, CASES],
  ["sockjs-edge with small limits", strict, heldSendCases("short")],
  ["sockjs-node", node, CASES],
];

describe("behind a slow network everything comes back in order, and nobody is closed", { concurrency: true }, () => {
  for (const [server, { url }, cases] of GROUPS) {
    for (const { name, run } of cases) test(`${server}, ${name}`, async (t) => t.diagnostic(await run(t, url)));
  }
});
