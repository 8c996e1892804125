// `npm test`: the handler alone, and the whole Worker as it is deployed, in the runtime itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import SockJS from "sockjs-client";
import { TestRoom } from "sockjs-edge/testing";
import { unstable_startWorker } from "wrangler";
import { echo } from "../src/echo.ts";

test("the handler sends back what comes", async () => {
  const room = new TestRoom(echo);
  const client = await room.connect();
  await client.send("hello");
  assert.equal(client.next(), "hello");
});

for (const transport of ["websocket", "xhr-streaming"]) {
  test(`a SockJS client hears itself over ${transport}`, async () => {
    const worker = await unstable_startWorker({ config: "wrangler.jsonc", dev: { server: { port: 0 }, inspector: false, logLevel: "error" } });
    try {
      const url = await worker.url;
      const heard = await new Promise((resolve, reject) => {
        const sock = new SockJS(new URL("/echo", url).href, null, { transports: [transport] });
        sock.onopen = () => sock.send("hello");
        sock.onmessage = ({ data }) => {
          resolve(data);
          sock.close();
        };
        sock.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
      });
      assert.equal(heard, "hello");
    } finally {
      await worker.dispose();
    }
  });
}
