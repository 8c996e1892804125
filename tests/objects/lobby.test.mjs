// The API of rooms and connections, in a service of two shards.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const TOKEN = randomUUID();
const server = await startServer({ after }, { vars: { SOCKJS_PUSH_TOKENS: TOKEN } });

/** Members of a room: `send` and `next`, of one message. */
const MEMBERS = {
  async websocket(t, room) {
    const socket = await openWebSocket(t, `${server.url}/lobby/${room}/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    return member((message) => socket.send(JSON.stringify([message])), () => socket.frames.next());
  },
  async "xhr-polling"(t, room) {
    const session = await openPollingSession(`${server.url}/lobby/${room}`);
    return member((message) => session.send([message]), async () => (await session.poll()).body.trim());
  },
};

function member(send, frame) {
  const messages = [];
  const next = async () => {
    while (messages.length === 0) {
      const text = await frame();
      if (text.startsWith("a")) messages.push(...JSON.parse(text.slice(1)));
    }
    return messages.shift();
  };
  const ask = async (message) => {
    await send(message);
    return JSON.parse(await next());
  };
  return { send, next, ask };
}

/** So many that both shards have some. */
const MANY = 24;

for (const kind of Object.keys(MEMBERS)) {
  test(`${kind}: a room in two shards is told things by half, and as a whole from outside`, async (t) => {
    const room = randomUUID();
    const members = [];
    while (members.length < MANY) members.push(await MEMBERS[kind](t, room));
    const abouts = [];
    for (const member of members) abouts.push(await member.ask("about"));
    const [speaker] = abouts;
    assert.deepEqual(speaker, {
      parameter: room,
      name: `/lobby/${room}`,
      present: speaker.present,
      found: true,
      ready_state: 1,
      buffered_amount: 0,
      remote_address: "127.0.0.1",
    });
    const sizes = [...new Set(abouts.map(({ present }) => present))];
    assert.equal(sizes.length === 1 ? 2 * sizes[0] : sizes[0] + sizes[1], MANY, `shards of ${sizes}`);

    await members[0].send("others hello");
    await members[0].ask("about"); // so that the push is behind it
    const body = JSON.stringify({ room: `/lobby/${room}`, message: "from outside" });
    const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };
    const pushed = await request(`${server.url}/push`, { method: "POST", headers, body });
    assert.deepEqual([pushed.status, JSON.parse(pushed.body)], [200, { connections: MANY }]);
    const heard = await Promise.all(members.map((member) => untilOutside(member)));
    assert.deepEqual(heard[0], [], "not the one who spoke");
    assert.equal(heard.flat().length, speaker.present - 1);
    assert.deepEqual(new Set(heard.flat()), new Set(["hello"]));
  });

  test(`${kind}: an alarm never overlaps itself, though it is set again and due while it runs, and can be cleared`, async (t) => {
    const member = await MEMBERS[kind](t, randomUUID());
    await member.send("alarm");
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await member.next(), "begin");
      if (round === 2) await member.send("clear");
      assert.equal(await member.next(), "end");
    }
    assert.equal(await member.ask("alarms"), 0);
  });
}

test("who waits for an on_start that fails is closed with 1011, and it runs again for the next", async (t) => {
  const id = randomUUID();
  // In one shard, where the handler is the same.
  const url = `${server.url}/lobby/late-${randomUUID()}/000/${id}/websocket`;
  const first = await openWebSocket(t, url);
  assert.equal(await first.frames.next("the open frame"), "o");
  assert.equal(await first.frames.next("the close frame"), 'c[1011,"Handler failed"]');
  const second = await openWebSocket(t, url);
  assert.equal(await second.frames.next("the open frame"), "o");
  second.send(JSON.stringify(["about"]));
  assert.match(await second.frames.next("what is known"), /^a\["{.*present.*}"\]$/);
});

test("of two services whose prefixes overlap, the literal one has its room, however that is spelled", async (t) => {
  const [first, ...others] = ["/lobby/hall", "/lobby/%68all", "/%6cobby/hall", "/lobby/h%61l%6C"];
  const id = randomUUID();
  const members = [];
  for (const path of [first, ...others]) {
    const socket = await openWebSocket(t, `${server.url}${path}/000/${id}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send('["about"]');
    assert.equal(await socket.frames.next("an echo, and nothing that the other service knows"), 'a["about"]', path);
    members.push(socket);
  }
  const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };
  for (const path of [first, ...others]) {
    const body = JSON.stringify({ room: path, message: path });
    const { status } = await request(`${server.url}/push`, { method: "POST", headers, body });
    assert.equal(status, 200, path);
    for (const { frames } of members) assert.equal(await frames.next("what was pushed"), `a[${JSON.stringify(path)}]`);
  }
});

for (const [name, why] of [
  ["never", "after a moment"],
  ["mistyped", "at a stored value of another type"],
]) {
  test(`an on_start that fails ${why} runs again at an event, and not on its own`, async (t) => {
    let lines = "";
    const own = await startServer(t, { vars: { SOCKJS_HEARTBEAT_DELAY: "1000" }, log: (text) => (lines += text) });
    const starts = () => lines.split("a start that fails").length - 1;
    const room = `${own.url}/lobby/${name}-${randomUUID()}`;
    const began = Date.now();
    const id = randomUUID();
    for (let opened = 0; opened < 3; opened += 1) {
      const socket = await openWebSocket(t, `${room}/000/${id}/websocket`);
      let frame;
      do frame = await socket.frames.next("the open frame, heartbeats and the close frame");
      while (frame === "o" || frame === "h");
      assert.equal(frame, 'c[1011,"Handler failed"]');
    }
    const other = await openWebSocket(t, `${own.url}/echo/000/${randomUUID()}/websocket`);
    for (const frame of ["o", "h", "h"]) assert.equal(await other.frames.next("a frame of another service"), frame);
    // The close of a socket is an event, too: each may cause another run a second later, and nothing else does.
    const most = Math.floor((Date.now() - began) / 1000) + 1;
    assert.ok(starts() >= 3 && starts() <= most + 3, `${starts()} starts in ${Date.now() - began} ms`);
  });
}

async function untilOutside(member) {
  const heard = [];
  for (;;) {
    const message = await member.next();
    if (message === "from outside") return heard;
    heard.push(message);
  }
}
