// The end of a connection to a backend over HTTP, and responses that break a rule.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { closing, encode, startHttpBackend } from "./http-backend.mjs";
import { MESSAGE_LIMIT, startGateway } from "./upstream.mjs";

const ALL = [RAW, ...TRANSPORTS];

/** Accepts, and answers a message with what the test says. */
let reply;
/** The code and the reason of each CLOSE that the backend got, by the id of the connection. */
const told = new Map();
const backend = await startHttpBackend({ after }, {
  answer: ({ id, events }) => {
    for (const { type, content } of events) {
      if (type === "CLOSE") told.set(id, [...(told.get(id) ?? []), [content.readUInt16BE(), content.toString("utf8", 2)]]);
    }
    return { body: events[0].type === "OPEN" ? encode("OPEN") : Buffer.concat(events.some(({ type }) => type === "TEXT") ? [].concat(reply) : []) };
  },
});
const vars = { SOCKJS_LOG: "error", SOCKJS_DISCONNECT_DELAY: "3000", SOCKJS_HEARTBEAT_DELAY: "2000" };
const { service } = await startGateway({ after }, backend, { vars });

/** Opens a session, and finds out its id at the backend. */
async function open(t, transport) {
  const session = await openSession(t, service, transport);
  const { id } = await backend.call("OPEN");
  return { session, id };
}

describe("the backend closes", { concurrency: false }, () => {
  for (const [what, answer, seen, rawSeen = seen] of [
    ["with 1000", closing(1000, "bye"), [1000, "bye"]],
    ["with no code", encode("CLOSE"), [1000, ""]],
    ["with 0, as the libraries do without a code", closing(0), [1000, ""]],
    ["with 1001", closing(1001, "away"), [1001, "away"]],
    ["with 1012", closing(1012, "restart"), [1012, "restart"]],
    ["with 2010", closing(2010, "own"), [2010, "own"], [1011, "own"]],
    ["with 3000", closing(3000, "x".repeat(123)), [3000, "x".repeat(123)]],
    ["with 4999", closing(4999, "é"), [4999, "é"]],
    ["with 5000", closing(5000, "none"), [1011, "none"]],
    ["by DISCONNECT", encode("DISCONNECT"), [1012, "Upstream lost"]],
  ]) {
    test(`${what}: the client gets the code after what came before, and nothing after`, async (t) => {
      for (const transport of ALL) {
        const { session, id } = await open(t, transport);
        reply = [encode("TEXT", "last"), answer, encode("TEXT", "late")];
        await session.send(["?"]);
        assert.deepEqual(await session.closed(), transport === RAW ? rawSeen : seen, transport);
        assert.deepEqual(session.messages, ["last"], transport);
        const next = await open(t, transport);
        await next.session.send(["?"]);
        assert.ok(!told.has(id), "the backend closed, and gets nothing more");
      }
    });
  }

  test("with the status 500 to a message: it may have been handled, and is not sent again", async (t) => {
    const failing = await startHttpBackend(t, {
      answer: ({ events }) => (events[0].type === "OPEN" ? { body: encode("OPEN") } : { status: 500 }),
    });
    const gate = await startGateway(t, failing, { vars });
    for (const transport of ALL) {
      const session = await openSession(t, gate.service, transport);
      await session.send(["?"]);
      assert.deepEqual(await session.closed(), [4500, "Upstream answered 500"], transport);
    }
    assert.equal(failing.asked, 2 * ALL.length);
  });
});

test("a binary message that is UTF-8 reaches the client as text, and the largest message fits", async (t) => {
  for (const transport of ALL) {
    const session = await openSession(t, service, transport);
    const largest = "x".repeat(MESSAGE_LIMIT);
    reply = [encode("BINARY", "é"), encode("TEXT", largest)];
    await session.send(["?"]);
    assert.deepEqual(await session.received(2), ["é", largest], transport);
  }
});

test("a ping is answered with the next event, and not by a request of its own", async (t) => {
  const session = await openSession(t, service, "websocket");
  reply = [encode("PING", "are you there"), encode("TEXT", "1")];
  await session.send(["?"]);
  await session.received(1);
  reply = [encode("TEXT", "2")];
  await session.send(["!"]);
  await session.received(2);
  const calls = [];
  while (backend.calls.length > 0) calls.push(await backend.calls.next());
  const sent = calls.filter(({ headers }) => headers["connection-id"] === calls.at(-1).id).map(({ raw }) => raw.toString());
  assert.deepEqual(sent, ["OPEN\r\n", "TEXT 1\r\n?\r\n", "PONG d\r\nare you there\r\nTEXT 1\r\n!\r\n"]);
});

for (const durability of ["default", "outbox"]) {
  test(`pings in each response hold nothing up, with the durability ${durability}`, async (t) => {
    const eager = await startHttpBackend(t, {
      answer: ({ events }) => ({ body: Buffer.concat([encode(...(events[0].type === "OPEN" ? ["OPEN"] : ["TEXT", "echo"])), encode("PING", ""), encode("PING", "")]) }),
    });
    const gateway = await startGateway(t, eager, { vars: { ...vars, SOCKJS_DURABILITY: durability } });
    const session = await openSession(t, gateway.service, "xhr_streaming");
    for (const count of [1, 2, 3]) {
      await session.send(["?"]);
      assert.equal((await session.received(count)).length, count);
    }
    assert.equal(eager.asked, 4, "no request without a message");
  });
}

describe("a response that the client cannot get", { concurrency: false }, () => {
  for (const [what, answer, seen, isRead = true] of [
    ["a binary message", encode("BINARY", Buffer.from([0xff])), [1003, "Binary messages are not supported"]],
    ["malformed events", Buffer.from("TEXT 5\r\nab\r\n"), [4502, "Upstream answered with malformed events"], false],
    ["a message that is too large", encode("TEXT", "x".repeat(MESSAGE_LIMIT + 1)), [1009, "Message too large"]],
    ["a response that is too large", encode("TEXT", "x".repeat(9 << 20)), [1013, "Messages come faster than they are handled"], false],
  ]) {
    test(`${what}: the client is closed, and the backend gets the same close, once`, async (t) => {
      for (const transport of ALL) {
        const { session, id } = await open(t, transport);
        reply = [encode("TEXT", "last"), answer, encode("TEXT", "late")];
        await session.send(["?"]);
        assert.deepEqual(await session.closed(), seen, transport);
        assert.deepEqual(session.messages, isRead ? ["last"] : [], transport);
        await until(() => told.has(id), "the close at the backend");
        assert.deepEqual(told.get(id), [seen], transport);
      }
    });
  }
});

for (const [what, bad, seen] of [
  ["a binary message", encode("BINARY", Buffer.from([0xff])), [1003, "Binary messages are not supported"]],
  ["a message that is too large", encode("TEXT", "x".repeat(MESSAGE_LIMIT + 1)), [1009, "Message too large"]],
]) {
  test(`${what} and a close of the backend: it closed, and gets nothing more`, async (t) => {
    for (const transport of ALL) {
      const { session, id } = await open(t, transport);
      reply = [bad, closing(1000, "bye")];
      await session.send(["?"]);
      assert.deepEqual(await session.closed(), seen, transport);
      const next = await open(t, transport);
      await next.session.send(["?"]);
      assert.ok(!told.has(id), transport);
    }
  });
}

describe("the client", { concurrency: false }, () => {
  for (const transport of [RAW, "websocket"]) {
    for (const [what, args, code, reason] of [
      ["with 1000", [1000, "bye"], 1000, "bye"],
      ["without a code", [], 1000, ""],
      ["with 3000", [3000, "mine"], 3000, "mine"],
    ]) {
      test(`closes a ${transport} ${what}: the backend gets it after its last message`, async (t) => {
        const { session, id } = await open(t, transport);
        reply = [];
        await session.send(["last"]);
        session.socket.close(...args);
        const events = [];
        while (!events.some(({ type }) => type === "CLOSE")) {
          const call = await backend.calls.next("the close");
          if (call.id === id) events.push(...call.events);
        }
        assert.deepEqual(events.map(({ type }) => type), ["TEXT", "CLOSE"]);
        assert.deepEqual([events[1].content.readUInt16BE(), events[1].content.toString("utf8", 2)], [code, reason]);
      });
    }
  }

  for (const transport of ALL) {
    test(`is lost over ${transport}: the backend gets DISCONNECT, once`, async (t) => {
      const { session, id } = await open(t, transport);
      session.leave();
      let call;
      do call = await backend.call("DISCONNECT");
      while (call.id !== id);
      assert.equal(call.raw.toString(), "DISCONNECT\r\n");
    });
  }
});
