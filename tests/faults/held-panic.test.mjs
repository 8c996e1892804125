// A panic resets the WebAssembly instance of its isolate, with the objects in it. WebSockets that the Worker holds go on: what holds
// them is JavaScript. Those whose Worker cannot attach again any more are closed with a code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { HELD, endOf, livesOf } from "./rig/held.mjs";
import { APART, TOGETHER } from "./rig/layout.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const CLIENTS = 100;
const SLEEPING = 10;
const HEARTBEAT_MS = 15_000;
/** Times that one message may break the isolate. */
const PANICS = 9;
const LONG_MS = 60_000;
const BEATING = { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS) };

describeLevels((level, vars) => {
  for (const [where, layout] of Object.entries({ "the one isolate": TOGETHER, "the objects' isolate": APART })) {
    test(`${level}: a panic in ${where} with ${CLIENTS} held sockets: each goes on, or is closed with a code within two heartbeats`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...BEATING, ...HELD, ...vars }, layout });
      const kinds = Object.values(KINDS);
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, async (_, number) => {
          const client = await kinds[number % kinds.length].open(t, trouble, { query: `keep=${number}` });
          client.send("before");
          await client.readsMessage("before");
          return client;
        }),
      );
      const [panicking, ...others] = clients;
      const ends = new Map();
      for (const client of clients) client.closed.then((end) => ends.set(client, end));
      // What they sent is in memory alone, and not handled.
      const sleeping = others.slice(0, SLEEPING);
      for (const client of sleeping) client.order({ sleep: { ms: 1_000, then: "slept" } });
      for (const { id } of sleeping) await trouble.told.hears(id, "sleeps: slept");
      panicking.order({ panic: {} });
      await trouble.told.hears(panicking.id, "panics");
      const isBack = (client) => ends.has(client) || client.messages.includes("after");
      const send = (client) => ends.has(client) || client.send("after");
      others.forEach(send);
      await until(() => others.every(isBack), "an answer or a close for each", 2 * HEARTBEAT_MS + 5_000);
      const codes = {};
      for (const [client, { code }] of ends) if (client !== panicking) codes[code] = (codes[code] ?? 0) + 1;
      t.diagnostic(`${others.filter((client) => !ends.has(client)).length} went on, closed: ${JSON.stringify(codes)}`);
      // 1011 if the isolate was reset again and again while a message of theirs was on its way.
      for (const [client, { code }] of ends) if (client !== panicking) assert.ok(code === 1011 || code === 1012, `${code}`);
      for (const [number, client] of clients.entries()) {
        if (ends.has(client) || client === panicking) continue;
        client.order({ recall: {} });
        await client.readsMessage(`recalled ${number}`);
        assert.equal(client.messages.filter((message) => message === "after").length, 1);
        assert.equal(livesOf(trouble, client)[0], "open");
      }
      for (const client of sleeping) {
        await until(() => ends.has(client) || client.messages.includes("slept"), "what was not handled to be handled, or a close");
        if (ends.has(client)) continue;
        assert.equal(client.messages.filter((message) => message === "slept").length, 1);
      }
      // Its message panics each time that it comes.
      await endOf(panicking, LONG_MS);
      const panics = trouble.told.count(panicking.id, "panics");
      t.diagnostic(`${panics} panics until the one who sent it was closed`);
      assert.ok(panics <= PANICS, `${panics} panics`);
    });
  }
});
