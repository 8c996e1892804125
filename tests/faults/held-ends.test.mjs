// The end of WebSockets that the Worker holds, when something else breaks at the same time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { HELD, OBJECT, echoes, endOf, livesOf } from "./rig/held.mjs";
import { storedSessions } from "./rig/storage.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

/** Whoever is lost is missed soon. */
const HASTY = { SOCKJS_REATTACH_TIMEOUT: "1000" };
/** More than a client's window, and than the buffers of the kernel. */
const SPEECH = { round: 1, count: 2_500, every_ms: 0, size: 20_000 };
const PATIENCE = {
  SOCKJS_STALL_TIMEOUT: "2000",
  SOCKJS_QUEUE_LIMIT: String(60 << 20),
  SOCKJS_OBJECT_QUEUE_LIMIT: String(64 << 20),
};
/** Else all of that is a few bytes. */
const UNCOMPRESSED = { perMessageDeflate: false };
const LONG_MS = 60_000;
const VERY_LONG_MS = 180_000;

const nothingStays = ({ server }) => until(() => storedSessions(server.objects).length === 0, "all rows to go", LONG_MS);

describeLevels((level, vars) => {
  for (const [name, { open, frames }] of Object.entries(KINDS)) {
    test(`${level}, ${name}: everything is killed: the client sees it, and the application learns of it if it has an outbox`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...HASTY, ...vars } });
      const client = await open(t, trouble);
      await echoes(client);
      await trouble.crash();
      assert.equal((await endOf(client)).code, 1006);
      // It brings the object back into memory.
      const next = await open(t, trouble);
      await echoes(next);
      if (level === "outbox") {
        await trouble.told.hears(client.id, "closed");
        assert.deepEqual(livesOf(trouble, client), ["open", "close: Lost", "closed"]);
      }
      next.close(1000, "");
      await trouble.told.hears(next.id, "closed");
      await nothingStays(trouble);
      if (level === "default") assert.deepEqual(livesOf(trouble, client), ["open"]);
    });

    test(`${level}, ${name}: a client that leaves while its Worker attaches again is missed once`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...HASTY, ...vars } });
      const client = await open(t, trouble);
      await echoes(client);
      await trouble.away(OBJECT, true);
      await trouble.restart(OBJECT);
      client.close(3000, "done");
      assert.equal((await endOf(client)).code, 3000);
      await trouble.away(OBJECT, false);
      await trouble.told.hears(client.id, "closed", LONG_MS);
      await nothingStays(trouble);
      const [opened, closed, ...rest] = livesOf(trouble, client).filter((event) => event !== "return");
      assert.equal(opened, "open");
      assert.match(closed, /^close: (Lost|Client \{ code: 3000, reason: "done" \})$/);
      assert.deepEqual(rest, ["closed"]);
    });

    test(`${level}, ${name}: a client that leaves is missed once, though the answer to its Worker is lost with the object`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...HASTY, ...vars } });
      const client = await open(t, trouble);
      await echoes(client);
      await trouble.mislay(OBJECT, "hold", { restart: true });
      await Promise.all([trouble.restart(OBJECT), client.close(3000, "done")]);
      await endOf(client);
      await trouble.told.hears(client.id, "closed", LONG_MS);
      await nothingStays(trouble);
      const next = await open(t, trouble);
      await echoes(next);
      const closes = livesOf(trouble, client).filter((event) => event === "closed");
      if (level === "outbox") assert.equal(closes.length, 1);
      else t.diagnostic(`${closes.length} times told`);
    });

    test(`${level}, ${name}: a client that never reads is closed with 1013, and the application is told`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...PATIENCE, ...vars } });
      const client = await open(t, trouble, UNCOMPRESSED);
      await echoes(client);
      client.pause();
      client.order({ speak: SPEECH });
      await trouble.told.hears(client.id, "close: Stalled", VERY_LONG_MS);
      await trouble.told.hears(client.id, "closed");
      await nothingStays(trouble);
      client.resume();
      assert.deepEqual(await endOf(client, LONG_MS), { code: 1013, reason: "Stalled" });
      const last = client.frames.slice(frames.length);
      assert.deepEqual(last, name === "websocket" ? ['c[1013,"Stalled"]'] : []);
    });

    test(`${level}, ${name}: the application closes it while its Worker attaches again`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
      const client = await open(t, trouble);
      await echoes(client);
      await trouble.relay(OBJECT);
      await trouble.restart(OBJECT);
      await echoes(client);
      client.order({ sleep: { ms: 300, then: "awake" } });
      client.order({ close: { code: 3000, reason: "Go away!" } });
      await trouble.told.hears(client.id, "sleeps: awake");
      await trouble.away(OBJECT, true);
      await trouble.cut(OBJECT);
      await trouble.told.hears(client.id, "closed");
      await trouble.away(OBJECT, false);
      const closed = await endOf(client, LONG_MS);
      if (name === "websocket") assert.deepEqual(client.frames, ["o", 'c[3000,"Go away!"]']);
      else assert.deepEqual(closed, { code: 3000, reason: "Go away!" });
      assert.ok(client.messages.includes("awake"));
      assert.equal(livesOf(trouble, client).filter((event) => event === "closed").length, 1);
      await nothingStays(trouble);
    });

    test(`${level}, ${name}: a client that breaks a rule while its Worker attaches again is closed with the code of that`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...vars, SOCKJS_MESSAGE_LIMIT: "10000" } });
      const client = await open(t, trouble);
      await echoes(client);
      await trouble.away(OBJECT, true);
      await trouble.restart(OBJECT);
      client.send("x".repeat(20_000));
      await trouble.away(OBJECT, false);
      assert.equal((await endOf(client, LONG_MS)).code, 1009);
      await trouble.told.hears(client.id, "closed");
      assert.equal(livesOf(trouble, client).filter((event) => event === "closed").length, 1);
      await nothingStays(trouble);
    });
  }
});
