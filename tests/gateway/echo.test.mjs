// Messages through the gateway, in both directions, over every transport.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { NASTY_MESSAGE } from "../harness/protocol/transports.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const upstream = await startUpstream({ after });
const { service } = await startGateway({ after }, upstream);
const COUNT = 1_000;
const TOGETHER = 50;

describe("through the gateway", { concurrency: false }, () => {
  for (const transport of [RAW, ...TRANSPORTS]) {
    test(`a message and its echo are the same over ${transport}`, async (t) => {
      const session = await openSession(t, service, transport);
      await session.send([NASTY_MESSAGE, "", "a\ud800b\udc00c\u0000\b"]);
      assert.deepEqual(await session.received(3), [NASTY_MESSAGE, "", "a\ufffdb\ufffdc\u0000\b"]);
    });

    test(`${COUNT} messages come back in order over ${transport}`, async (t) => {
      const before = upstream.asked;
      const session = await openSession(t, service, transport);
      const messages = Array.from({ length: COUNT }, (_, number) => `${number}`);
      for (let at = 0; at < COUNT; at += TOGETHER) await session.send(messages.slice(at, at + TOGETHER));
      assert.deepEqual(await session.received(COUNT), messages);
      assert.equal(upstream.asked - before, 1, "one connection to the upstream");
    });
  }
});
