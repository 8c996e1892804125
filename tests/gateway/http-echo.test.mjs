// Messages through a gateway to a backend that speaks WebSocket-over-HTTP, over every transport.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { NASTY_MESSAGE } from "../harness/protocol/transports.mjs";
import { startHttpBackend } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const backend = await startHttpBackend({ after });
const { service } = await startGateway({ after }, backend);
const COUNT = 1_000;
const TOGETHER = 50;

describe("through the gateway to a backend over HTTP", { concurrency: false }, () => {
  for (const transport of [RAW, ...TRANSPORTS]) {
    test(`a message and its echo are the same over ${transport}`, async (t) => {
      const session = await openSession(t, service, transport);
      await session.send([NASTY_MESSAGE, "", "a\ud800b\udc00c\u0000\b"]);
      assert.deepEqual(await session.received(3), [NASTY_MESSAGE, "", "a\ufffdb\ufffdc\u0000\b"]);
    });

    test(`${COUNT} messages come back in order over ${transport}, several in a request, one request at a time`, async (t) => {
      const before = backend.asked;
      const session = await openSession(t, service, transport);
      const messages = Array.from({ length: COUNT }, (_, number) => `${number}`);
      for (let at = 0; at < COUNT; at += TOGETHER) await session.send(messages.slice(at, at + TOGETHER));
      assert.deepEqual(await session.received(COUNT), messages);
      assert.ok(backend.asked - before < COUNT / 2, `${backend.asked - before} requests`);
      assert.equal(backend.mostInFlight, 1);
    });
  }
});
