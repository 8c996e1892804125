// A connection over any transport that behaves like the stock client: it requests /info first, always has a receiver open, and
// leaves without notifying the server.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "../../tests/harness/clients/http.mjs";
import { Session } from "../../tests/harness/clients/session.mjs";
import { openWebSocket } from "../../tests/harness/clients/websocket.mjs";

const FORM = "application/x-www-form-urlencoded";

/** By name in /info. Costs depend on the `kind`; `open(owner, service)` returns a connection. */
export const TRANSPORTS = {
  websocket: { kind: "websocket", open: openSocket },
  "websocket-raw": { kind: "websocket", isRaw: true, open: openRawSocket },
  "xhr-polling": http("poll", "xhr"),
  "jsonp-polling": http("poll", "jsonp"),
  "xhr-streaming": http("stream", "xhr_streaming"),
  eventsource: http("stream", "eventsource"),
  htmlfile: http("stream", "htmlfile"),
};

function http(kind, segment) {
  return { kind, open: (owner, service) => openSession(owner, service, segment) };
}

async function openSocket(owner, service) {
  await request(`${service}/info`);
  const socket = await openWebSocket(owner, `${service}/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  return new SocketConnection(socket, (message) => JSON.stringify([message]));
}

/** A raw WebSocket has no frames, so its client does not request /info. */
async function openRawSocket(owner, service) {
  return new SocketConnection(await openWebSocket(owner, `${service}/websocket`), (message) => message);
}

async function openSession(owner, service, segment) {
  await request(`${service}/info`);
  const session = new Session(owner, service, segment);
  assert.equal(await session.next(), "o");
  await session.receiver();
  return new SessionConnection(session, segment);
}

class SocketConnection {
  receivers = 1;
  #socket;
  #encode;

  constructor(socket, encode) {
    this.#socket = socket;
    this.#encode = encode;
  }

  async send(message) {
    this.#socket.send(this.#encode(message));
  }

  /** Waits for the next frame, such as "h". On a raw WebSocket, which has no frames, for the next message. */
  next(ms) {
    return this.#socket.frames.next("a frame", ms);
  }

  async leave() {
    this.#socket.close();
    await this.#socket.closed;
  }
}

class SessionConnection {
  #session;
  #segment;

  constructor(session, segment) {
    this.#session = session;
    this.#segment = segment;
  }

  /** Number of receivers so far. */
  get receivers() {
    return this.#session.receivers;
  }

  async send(message) {
    if (this.#segment !== "jsonp") return this.#session.send(message);
    const body = `d=${encodeURIComponent(JSON.stringify([message]))}`;
    const sent = await request(`${this.#session.url}/jsonp_send`, { method: "POST", headers: { "Content-Type": FORM }, body });
    assert.deepEqual([sent.status, sent.body], [200, "ok"]);
  }

  /** Waits for the next frame, and until another receiver waits. */
  async next(ms) {
    const frame = await this.#session.next(ms);
    await this.#session.receiver();
    return frame;
  }

  /** Resets the receiver's connection, as a browser does with an aborted request. */
  async leave() {
    const receiver = await this.#session.receiver();
    receiver.connection.reset();
  }
}
