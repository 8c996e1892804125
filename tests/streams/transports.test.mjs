// Each HTTP transport on the wire: head, prelude, frames and end, byte for byte, each HTTP chunk by itself.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { NOT_CACHED, assertCors } from "../harness/protocol/headers.mjs";
import { NASTY_MESSAGE, POLLS, STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const beating = await startServer({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: "1000" } });

/** An echo whose streams are not ended by the first long message. */
const UNLIMITED = `${server.url}/disabled_websocket_echo`;
const GO_AWAY = 'c[3000,"Go away!"]';
const LONG = "x".repeat(9 * 1024);

for (const [segment, { contentType, cors }] of Object.entries(TRANSPORTS)) {
  for (const origin of [undefined, "test", "null"]) {
    test(`${segment}: the head says what it is, for origin ${origin}`, async (t) => {
      const session = new Session(t, UNLIMITED, segment);
      const opened = await session.openReceiver(origin && { Origin: origin });
      const { headers } = opened.head;
      assert.equal(headers["content-type"], contentType);
      assert.equal(headers["cache-control"], NOT_CACHED);
      assert.equal(headers["x-content-type-options"], "nosniff");
      if (cors) return assertCors(opened.head, origin);
      const ofCors = Object.keys(headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(ofCors, [], "no script of another origin reads it");
    });
  }

  test(`${segment}: a heartbeat is a frame like any other`, async (t) => {
    const session = new Session(t, `${beating.url}/echo`, segment);
    for (const frame of ["o", "h", "h"]) assert.equal(await session.next(), frame);
  });
}

for (const segment of STREAMS) {
  const { prelude, wrap, nasty } = TRANSPORTS[segment];
  test(`${segment}: prelude, open frame and messages are a chunk each, however long`, async (t) => {
    const session = new Session(t, UNLIMITED, segment);
    const stream = await session.startReceiver();
    await stream.connection.head();
    assert.equal(await stream.connection.chunk(), prelude);
    assert.equal(await stream.connection.chunk(), wrap("o"));
    await session.send(NASTY_MESSAGE);
    assert.equal(await stream.connection.chunk(), nasty);
    await session.send(LONG);
    assert.equal(await stream.connection.chunk(), wrap(`a["${LONG}"]`));
    await session.send("a", "b");
    assert.equal(await stream.connection.chunk(), wrap('a["a","b"]'));
  });

  test(`${segment}: the close frame is a chunk of its own and the last, for whoever comes`, async (t) => {
    const session = new Session(t, `${server.url}/close`, segment);
    const chunks = async () => {
      const stream = await session.startReceiver();
      await stream.connection.head();
      const read = [];
      do read.push(await stream.connection.chunk());
      while (read.at(-1) !== null);
      return read;
    };
    assert.deepEqual(await chunks(), [prelude, wrap("o"), wrap(GO_AWAY), null]);
    for (const _ of [1, 2]) assert.deepEqual(await chunks(), [prelude, wrap(GO_AWAY), null]);
  });
}

for (const segment of POLLS) {
  const { wrap, nasty } = TRANSPORTS[segment];
  test(`${segment}: what is ready is the whole response`, async (t) => {
    const session = new Session(t, UNLIMITED, segment);
    const poll = async () => (await session.startReceiver()).whole();
    assert.equal(await poll(), wrap("o"));
    await session.send(NASTY_MESSAGE);
    assert.equal(await poll(), nasty);
    await session.send("a", "b");
    await session.send(LONG);
    assert.equal(await poll(), wrap(`a["a","b","${LONG}"]`));
  });

  test(`${segment}: what a poll waited for is one chunk, however long, and the response ends`, async (t) => {
    const session = new Session(t, UNLIMITED, segment);
    assert.equal(await session.next(), "o");
    for (const [message, chunk] of [
      [NASTY_MESSAGE, nasty],
      [LONG, wrap(`a["${LONG}"]`)],
    ]) {
      const poll = await session.openReceiver(); // its head is there before there is a frame
      await session.send(message);
      assert.equal(await poll.connection.chunk(), chunk);
      assert.equal(await poll.connection.chunk(), null);
    }
  });

  test(`${segment}: a closed session answers its close frame to every poll`, async (t) => {
    const session = new Session(t, `${server.url}/close`, segment);
    for (const frame of ["o", GO_AWAY, GO_AWAY]) assert.equal(await session.next(), frame);
  });
}
