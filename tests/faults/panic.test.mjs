// A panic resets the WebAssembly instance of its isolate, with all that is in memory there: that of every object, and
// where the Worker shares the isolate, as in workerd by itself, that of every response under way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { APART, TOGETHER } from "./rig/layout.mjs";
import { nothingWaits, storedMessages } from "./rig/storage.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";

const PANIC = '{"panic":{}}';
/** Beats soon, since nothing else tells a stream that its isolate is another one. */
const BEATING = { SOCKJS_HEARTBEAT_DELAY: "2000" };
const HALTING = { SOCKJS_RESPONSE_LIMIT: "1" };
const SEGMENTS = Object.keys(TRANSPORTS);

/** Clients of every transport whose responses wait, each with a word that its application keeps. */
async function openAll(t, trouble) {
  const open = async (segment) => {
    const client = await openClient(t, trouble, segment);
    await client.order({ keep: { text: segment } });
    await client.readsMessage("kept");
    await client.attached();
    return { segment, client };
  };
  const all = await Promise.all(SEGMENTS.map(open));
  // With an outbox, what was read and not acknowledged would come again after the end of its response.
  await nothingWaits(trouble);
  return all;
}

/** A session that panics when it is told to: `panic` resolves to the promise of the status that its client gets. */
async function openPanicking(t, trouble) {
  const client = new Client(t, trouble, "xhr");
  await client.readResponse();
  const panic = async () => {
    const status = client.send(PANIC);
    await trouble.told.hears(client.id, "panics");
    return { status };
  };
  return { panic };
}

async function goesOn(trouble, client, segment) {
  await client.order({ recall: {} });
  await client.readsMessage(`recalled ${segment}`);
  assert.deepEqual(client.messages, ["kept", `recalled ${segment}`]);
  assert.deepEqual(client.frames.filter((frame) => frame !== "h"), ["o"]);
  assert.deepEqual(trouble.told.of(client.id).filter((told) => /^(open|close)/.test(told)), ["open"]);
}

describeLevels((level, vars) => {
  test(`${level}: a panic in the objects' isolate is a timeout to its client, and nothing to those who wait`, async (t) => {
    const trouble = await startTrouble(t, { vars: { ...BEATING, ...vars }, layout: APART });
    const other = await openPanicking(t, trouble);
    const all = await openAll(t, trouble);
    const { status } = await other.panic();
    for (const { client, segment } of all) {
      await goesOn(trouble, client, segment);
      assert.equal(client.cuts, 0);
      if (STREAMS.includes(segment)) assert.equal(client.responses, 1);
    }
    assert.equal(await status, 503);
  });

  test(`${level}: a panic in the one isolate ends the responses that wait by the next heartbeat`, async (t) => {
    // As long as a response's timer for clients that stall may run, the runtime does not see that nothing will come any more.
    const stalling = { SOCKJS_STALL_TIMEOUT: "1000" };
    const trouble = await startTrouble(t, { vars: { ...BEATING, ...stalling, ...vars }, layout: TOGETHER });
    const other = await openPanicking(t, trouble);
    const all = await openAll(t, trouble);
    const beats = ({ frames }) => frames.filter((frame) => frame === "h").length;
    const before = all.map(({ client }) => beats(client));
    await other.panic();
    for (const [at, { client, segment }] of all.entries()) {
      await client.when(() => client.cuts > 0, `the end of a response over ${segment}`);
      assert.ok(beats(client) <= before[at] + 1, "one heartbeat may have been on its way, and none came after the panic");
    }
    for (const { client, segment } of all) await goesOn(trouble, client, segment);
  });

  for (const [name, layout] of Object.entries({ "the objects' isolate": APART, "the one isolate": TOGETHER })) {
    test(`${level}: what is stored for others is there after a panic in ${name}`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HALTING, ...vars }, layout });
      const clients = SEGMENTS.map((segment) => new Client(t, trouble, segment));
      const messages = ["a", "b", "c"];
      for (const client of clients) {
        await client.readResponse();
        assert.equal(await client.send(...messages), 204);
      }
      await storedMessages(trouble, clients, messages.length);
      await (await openPanicking(t, trouble)).panic();
      for (const client of clients) {
        client.readOn();
        assert.equal(await client.send("d"), 204);
        await client.readsMessage("d");
        assert.deepEqual(client.messages, [...messages, "d"]);
      }
    });
  }
});
