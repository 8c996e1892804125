// The slow network has the configured speed, however fast the machine is, and otherwise behaves like a network.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { until, within } from "../waiting/wait.mjs";
import { startSlowProxy } from "./slow-proxy.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Bytes that a read of a socket may bring beyond the proxy's buffer. */
const ONE_READ = 64 * KIB;

const DIRECTIONS = ["up", "down"];
/** Returns the sender and the receiver of bytes in that direction. */
const ends = (direction, { client, server }) => (direction === "up" ? [client, server] : [server, client]);

test("a round trip takes at least its time", async (t) => {
  const roundTripMs = 40;
  const { client, server } = await openPair(t, { roundTripMs });
  server.on("data", (data) => server.write(data));
  const started = performance.now();
  for (let trip = 0; trip < 3; trip += 1) {
    client.write("?");
    await within(once(client, "data"), "an answer");
  }
  assertAtLeast(performance.now() - started, 3 * roundTripMs);
});

for (const direction of DIRECTIONS) {
  test(`${direction}: no more bits come through in a second than may`, async (t) => {
    const bytes = 64 * KIB;
    const bitsPerSecond = 1_000_000;
    const { open, proxy } = await openProxy(t, { [direction]: bitsPerSecond });
    const pairs = [await open(), await open()];
    const started = performance.now();
    const arrivals = pairs.map(async (pair) => {
      const [sender, receiver] = ends(direction, pair);
      sender.write(Buffer.alloc(bytes / pairs.length));
      await received(receiver, bytes / pairs.length);
    });
    await Promise.all(arrivals);
    assertAtLeast(performance.now() - started, (bytes * 8_000) / bitsPerSecond);

    proxy[direction].bitsPerSecond *= 10;
    const later = performance.now();
    const [sender, receiver] = ends(direction, pairs[0]);
    sender.write(Buffer.alloc(bytes));
    await received(receiver, bytes);
    assertAtLeast(performance.now() - later, (bytes * 8_000) / (10 * bitsPerSecond));
  });

  test(`${direction}: everything arrives as it was sent, and the proxy holds little of it`, async (t) => {
    const buffer = 64 * KIB;
    const { client, server, proxy } = await openPair(t, { roundTripMs: 2, buffer });
    const [sender, receiver] = ends(direction, { client, server });
    receiver.pause();
    const sent = randomBytes(32 * MIB);
    sender.write(sent);
    // The kernel accepts some bytes; after that nobody does.
    await until(() => proxy.held >= buffer, "a full buffer");
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, proxy.held)), 1);
    const bytes = await received(receiver, sent.length);
    clearInterval(watch);
    assert.ok(bytes.equals(sent), "the same bytes, in order");
    assert.ok(most <= buffer + ONE_READ, `the proxy held ${most} bytes`);
    await until(() => proxy.held === 0, "an empty proxy");
  });

  test(`${direction}: nothing comes through a link that is shut, on a new connection neither, and all of it once it is open`, async (t) => {
    const { open, proxy } = await openProxy(t, {});
    const first = await open();
    proxy[direction].shut();
    for (const pair of [first, await open()]) {
      const [sender, receiver] = ends(direction, pair);
      let isOpen = false;
      receiver.once("data", () => assert.ok(isOpen, "nothing comes before it is open"));
      sender.write("shut in");
      // The other direction continues.
      receiver.write("still open");
      await received(sender, "still open".length);
      isOpen = true;
      const arrived = received(receiver, "shut in".length);
      proxy[direction].open();
      assert.equal((await arrived).toString(), "shut in");
      proxy[direction].shut();
    }
  });

  test(`${direction}: what is in flight arrives at once when the link becomes fast`, async (t) => {
    const { open, proxy } = await openProxy(t, { [direction]: 8 });
    const [sender, receiver] = ends(direction, await open());
    sender.write(Buffer.alloc(KIB));
    await until(() => proxy.held === KIB, "the bytes in the proxy");
    proxy[direction].bitsPerSecond = Infinity;
    await received(receiver, KIB);
  });

  test(`${direction}: the end of one side leaves the other open`, async (t) => {
    const { client, server } = await openPair(t, { roundTripMs: 10 });
    const [sender, receiver] = ends(direction, { client, server });
    const ended = once(receiver.resume(), "end");
    sender.end("the last");
    await within(ended, "the end");
    receiver.write("still here");
    await received(sender, "still here".length);
    assert.equal(receiver.bytesRead, "the last".length);
  });

  test(`${direction}: a reset is passed on`, async (t) => {
    const { client, server } = await openPair(t, { roundTripMs: 10 });
    const [sender, receiver] = ends(direction, { client, server });
    const failed = once(receiver.resume(), "error");
    sender.resetAndDestroy();
    const [{ code }] = await within(failed, "a reset");
    assert.equal(code, "ECONNRESET");
  });
}

test("a server that is not there resets its client", async (t) => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const url = `http://127.0.0.1:${nobody.address().port}`;
  await new Promise((closed) => nobody.close(closed));
  const client = connectTo(t, await startSlowProxy(t, url));
  const [{ code }] = await within(once(client.resume(), "error"), "a reset");
  assert.equal(code, "ECONNRESET");
});

async function openPair(t, network) {
  const { open, proxy } = await openProxy(t, network);
  return { ...(await open()), proxy };
}

/** Starts a proxy. Returns it with a function that opens a connection and returns the sockets of both ends. */
async function openProxy(t, network) {
  const target = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(target, "listening");
  t.after(() => target.close());
  const proxy = await startSlowProxy(t, `http://127.0.0.1:${target.address().port}`, network);
  const open = async () => {
    const accepted = once(target, "connection");
    const client = connectTo(t, proxy);
    const [server] = await within(accepted, "a connection through the proxy");
    t.after(() => server.destroy());
    return { client, server };
  };
  return { open, proxy };
}

function connectTo(t, { url }) {
  const { hostname: host, port } = new URL(url);
  const client = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
  t.after(() => client.destroy());
  return client;
}

/** Waits for this many bytes. */
async function received(socket, length) {
  const chunks = [];
  let bytes = 0;
  const all = Promise.withResolvers();
  const take = (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= length) all.resolve();
  };
  socket.on("data", take).resume();
  await within(all.promise, `${length} bytes`, 60_000);
  socket.off("data", take);
  return Buffer.concat(chunks);
}

function assertAtLeast(ms, expected) {
  assert.ok(ms >= expected, `it took ${ms.toFixed(1)} ms, and has to take at least ${expected.toFixed(1)} ms`);
}
