// Sessions whose client vanishes in the middle of a response: its connection is reset while it waits for more.

import assert from "node:assert/strict";
import { Session } from "../harness/clients/session.mjs";
import { STREAMS } from "../harness/protocol/transports.mjs";

/** Transports of which each receiver waits for more. */
const SEGMENTS = [...STREAMS, "xhr"];

/** Owner of the connections. It ends none of them, since each is reset. */
const NOBODY = { after() {} };

/** Opens `total` sessions of `service` and abandons them, at most `atOnce` at a time. */
export async function abandon(service, total, atOnce) {
  let next = 0;
  const work = async () => {
    while (next < total) {
      const session = new Session(NOBODY, service, SEGMENTS[next++ % SEGMENTS.length]);
      assert.equal(await session.next(), "o");
      // Of a poll the next one, whose head is there since it waits.
      const { connection } = await session.receiver();
      connection.reset();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
