// Credentials that a browser sends with any page's request prove nothing, and do not reach the application.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { RECEIVES, knock } from "../harness/clients/doors.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { Queue } from "../harness/waiting/queue.mjs";

const SENT = { Cookie: "login=secret; JSESSIONID=node1", Authorization: "Basic c2VjcmV0", Referer: "https://page.example/" };

test("no cookie and no Authorization reaches the application, over any transport, JSESSIONID on or off", async (t) => {
  for (const jsessionid of ["false", "true"]) {
    const opened = new Queue();
    const log = byLines((line) => line.includes('"open"') && opened.push(JSON.parse(line).headers));
    const server = await startServer(t, { vars: { SOCKJS_JSESSIONID: jsessionid }, log });
    for (const door of [...RECEIVES, "websocket", "raw websocket"]) {
      await knock(`${server.url}/witness`, door, { session: randomUUID(), headers: SENT });
      assert.deepEqual(await opened.next(`on_open for ${door}`), [SENT.Referer, null, null], door);
    }
  }
});
