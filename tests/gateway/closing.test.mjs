// The end of a connection: what each side gets when the other closes, is lost, or breaks a rule.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { start } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { MESSAGE_LIMIT, echo, silent, startGateway, startUpstream } from "./upstream.mjs";

const HTTP = TRANSPORTS.filter((transport) => transport !== "websocket");

const upstream = await startUpstream({ after }, { onConnection: silent });
const { service } = await startGateway({ after }, upstream, { vars: { SOCKJS_LOG: "error" } });

/** A framed WebSocket that is open, and the upstream's end. */
async function openFramed(t, of = service) {
  const socket = await openWebSocket(t, `${of}/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  return { socket, connection: await upstream.socket() };
}

async function openRaw(t) {
  const socket = await openWebSocket(t, `${service}/websocket`);
  return { socket, connection: await upstream.socket() };
}

async function openHttp(t, transport, of = service) {
  const session = await openSession(t, of, transport);
  return { session, connection: await upstream.socket() };
}

/** The end of a WebSocket: of its close frame, if there is one, and its own. */
async function endOf(socket) {
  const { code, reason } = await within(socket.closed, "the end of the WebSocket");
  const frame = socket.frames.length > 0 ? JSON.parse((await socket.frames.next()).slice(1)) : undefined;
  return { frame, own: [code, reason] };
}

const NORMAL = [1000, "Normal closure"];

describe("the upstream closes", { concurrency: false }, () => {
  for (const [what, args, seen] of [
    ["1000", [1000, "bye"], [1000, "bye"]],
    ["no code", [], [1000, ""]],
    ["1001", [1001, "away"], [1001, "away"]],
    ["1003", [1003], [1003, ""]],
    ["1008", [1008, "no"], [1008, "no"]],
    ["1011", [1011, "failed"], [1011, "failed"]],
    ["1012", [1012, "restart"], [1012, "restart"]],
    ["1013", [1013, "later"], [1013, "later"]],
    ["3000", [3000, "x".repeat(123)], [3000, "x".repeat(123)]],
    ["4999", [4999, "é"], [4999, "é"]],
  ]) {
    test(`with ${what}: the client gets the code after what came before`, async (t) => {
      const framed = await openFramed(t);
      framed.connection.send("last");
      framed.connection.ws.close(...args);
      assert.equal(await framed.socket.frames.next(), 'a["last"]');
      assert.deepEqual(await endOf(framed.socket), { frame: seen, own: NORMAL });

      const raw = await openRaw(t);
      raw.connection.ws.close(...args);
      assert.deepEqual((await endOf(raw.socket)).own, args.length === 0 ? [1005, ""] : seen);

      for (const transport of HTTP) {
        const { session, connection } = await openHttp(t, transport);
        connection.send("last");
        connection.ws.close(...args);
        assert.deepEqual(await session.closed(), seen, transport);
        assert.deepEqual(session.messages, ["last"], transport);
      }
    });
  }

  for (const [code, seen] of [[1004, 1004], [1015, 1015], [999, 1011], [5000, 1011]]) {
    test(`with ${code}, which no endpoint may send: both sides are closed`, async (t) => {
      const close = ({ ws }) => ws._socket.write(Buffer.from([0x88, 2, code >> 8, code & 0xff]));
      const framed = await openFramed(t);
      close(framed.connection);
      assert.deepEqual(await endOf(framed.socket), { frame: [seen, ""], own: NORMAL });
      // The runtime sends the code back (workerd 1.20261117), which `ws` refuses.
      assert.deepEqual(await framed.connection.closed(), [1006, ""]);

      const { session, connection } = await openHttp(t, "xhr");
      close(connection);
      assert.deepEqual(await session.closed(), [seen, ""]);
      assert.deepEqual(await connection.closed(), [1006, ""]);
    });
  }

  test("by breaking off: the client gets 1012", async (t) => {
    const framed = await openFramed(t);
    framed.connection.breakOff();
    assert.deepEqual(await endOf(framed.socket), { frame: [1012, "Upstream lost"], own: NORMAL });

    const raw = await openRaw(t);
    raw.connection.breakOff();
    assert.equal((await endOf(raw.socket)).own[0], 1006, "a raw client sees the loss itself");

    for (const transport of HTTP) {
      const { session, connection } = await openHttp(t, transport);
      connection.breakOff();
      assert.deepEqual(await session.closed(), [1012, "Upstream lost"], transport);
    }
  });
});

describe("the client closes", { concurrency: false }, () => {
  for (const open of [openFramed, openRaw]) {
    for (const [what, args, seen] of [
      ["1000", [1000, "bye"], [1000, "bye"]],
      ["no code", [], open === openRaw ? [1005, ""] : [1000, ""]],
      ["3000", [3000, "mine"], [3000, "mine"]],
      ["4999", [4999, "x".repeat(123)], [4999, "x".repeat(123)]],
    ]) {
      test(`${open === openRaw ? "a raw" : "a framed"} WebSocket with ${what}: the upstream gets it`, async (t) => {
        const { socket, connection } = await open(t);
        socket.send(open === openRaw ? "last" : '["last"]');
        socket.close(...args);
        assert.equal(await connection.messages.next(), "last");
        assert.deepEqual(await connection.closed(), seen);
        const { own } = await endOf(socket);
        assert.equal(own[0], args[0] ?? 1005);
      });
    }
  }

  test("a framed WebSocket by breaking off: the upstream gets 1011", async (t) => {
    const { socket, connection } = await openFramed(t);
    socket.terminate();
    assert.deepEqual(await connection.closed(), [1011, "Client lost"]);
  });

  test("a raw WebSocket by breaking off: the upstream sees it", async (t) => {
    const { socket, connection } = await openRaw(t);
    socket.terminate();
    assert.ok([1006, 1011].includes((await connection.closed())[0]));
  });

  test("a session over HTTP by staying away: the upstream gets 1011", async (t) => {
    const gateway = await startGateway(t, upstream, { vars: { SOCKJS_DISCONNECT_DELAY: "1000" } });
    for (const segment of ["xhr", "xhr_streaming"]) {
      const receiver = await start(`${gateway.service}/000/${randomUUID()}/${segment}`, { method: "POST" });
      const connection = await upstream.socket();
      await receiver.head();
      receiver.reset();
      assert.deepEqual(await connection.closed(), [1011, "Client lost"], segment);
    }
  });
});

describe("binary messages and limits", { concurrency: false }, () => {
  test("bytes of the upstream that are UTF-8 go on as text", async (t) => {
    const { socket, connection } = await openFramed(t);
    connection.send(Buffer.from("\ufeffé😀"));
    assert.equal(JSON.parse((await socket.frames.next()).slice(1))[0], "\ufeffé😀");
    for (const transport of HTTP) {
      const { session, connection } = await openHttp(t, transport);
      connection.send(Buffer.from("é😀"));
      assert.deepEqual(await session.received(1), ["é😀"]);
    }
  });

  test("other bytes of the upstream end both sides with 1003", async (t) => {
    const reason = "Binary messages are not supported";
    const { socket, connection } = await openFramed(t);
    connection.send(Buffer.from([0xff, 0xfe]));
    assert.deepEqual(await endOf(socket), { frame: [1003, reason], own: NORMAL });
    assert.deepEqual(await connection.closed(), [1003, reason]);
    for (const transport of HTTP) {
      const { session, connection } = await openHttp(t, transport);
      connection.send(Buffer.from([0xff, 0xfe]));
      assert.deepEqual([await session.closed(), await connection.closed()], [[1003, reason], [1003, reason]], transport);
    }
  });

  for (const [what, message, violation] of [
    ["no JSON", "[", [3000, "Broken framing."]],
    ["an array with a number", "[1]", [3000, "Broken framing."]],
    ["an object", "{}", [3000, "Broken framing."]],
    ["binary", Buffer.from([1]), [1003, "Binary messages are not supported"]],
    ["one byte above message_limit", JSON.stringify(["é".repeat(MESSAGE_LIMIT / 2) + "x"]), [1009, "Message too large"]],
  ]) {
    test(`a framed client that sends ${what} is closed as by an object, and the upstream with it`, async (t) => {
      const { socket, connection } = await openFramed(t);
      socket.send(message);
      assert.deepEqual((await endOf(socket)).own, violation);
      assert.deepEqual(await connection.closed(), violation);
      assert.equal(connection.messages.length, 0);
    });
  }

  test("a message of message_limit passes in both directions, and one byte more ends both sides with 1009", async (t) => {
    const largest = "é".repeat(MESSAGE_LIMIT / 2);
    const reason = "Message too large";
    const { socket, connection } = await openFramed(t);
    echo(connection.ws);
    socket.send(JSON.stringify([largest]));
    assert.equal(await socket.frames.next(), `a["${largest}"]`);
    connection.send(`${largest}x`);
    assert.deepEqual(await endOf(socket), { frame: [1009, reason], own: NORMAL });
    assert.deepEqual(await connection.closed(), [1009, reason]);
    for (const transport of HTTP) {
      const { session, connection } = await openHttp(t, transport);
      echo(connection.ws);
      await session.send([largest]);
      assert.deepEqual(await session.received(1), [largest]);
      connection.send(`${largest}x`);
      assert.deepEqual([await session.closed(), await connection.closed()], [[1009, reason], [1009, reason]], transport);

      const second = await openHttp(t, transport);
      await second.session.send([`${largest}x`]).catch(() => {}); // refused with 413
      assert.deepEqual((await second.session.closed())[0], 1009, transport);
      assert.equal((await second.connection.closed())[0], 1009, transport);
    }
  });

  test("an empty message of the client, and a bare string, mean what they mean elsewhere", async (t) => {
    const { socket, connection } = await openFramed(t);
    socket.send("");
    socket.send('"bare"');
    socket.send("[]");
    socket.send('["a","b"]');
    for (const message of ["bare", "a", "b"]) assert.equal(await connection.messages.next(), message);
  });
});

describe("message_rate", { concurrency: false }, () => {
  const RATE = 7;
  const violation = [1008, "Too many messages"];

  for (const [what, frame] of [["messages", '["a"]'], ["empty arrays", "[]"], ["empty frames", ""]]) {
    test(`a framed client that sends ${what} faster is closed with 1008, and the upstream with it`, async (t) => {
      const gateway = await startGateway(t, upstream, { vars: { SOCKJS_LOG: "error", SOCKJS_MESSAGE_RATE: String(RATE) } });
      const { socket, connection } = await openFramed(t, gateway.service);
      socket.send(JSON.stringify(Array.from({ length: RATE }, (_, number) => `${number}`)));
      for (let number = 0; number < RATE; number++) assert.equal(await connection.messages.next(), `${number}`);
      // More than a slow machine lets through meanwhile.
      for (let count = 0; count < 20 * RATE; count++) socket.send(frame);
      assert.deepEqual((await endOf(socket)).own, violation);
      assert.deepEqual(await connection.closed(), violation);
    });
  }
});

test("a silent framed client gets heartbeats", async (t) => {
  const gateway = await startGateway(t, upstream, { vars: { SOCKJS_HEARTBEAT_DELAY: "1000" } });
  const { socket } = await openFramed(t, gateway.service);
  for (let count = 0; count < 2; count++) assert.equal(await socket.frames.next("a heartbeat"), "h");
});
