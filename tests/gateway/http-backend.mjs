// A backend that speaks WebSocket-over-HTTP: it decodes events and encodes the answers by itself, and knows nothing of SockJS.

import { once } from "node:events";
import { createServer } from "node:http";
import { Queue } from "../harness/waiting/queue.mjs";
import { within } from "../harness/waiting/wait.mjs";

export const EVENTS = "application/websocket-events";

/** Reads the events of a body: `{ type, content }`, with the content as a Buffer. */
export function decode(body) {
  const events = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at);
    const [type, length] = body.toString("latin1", at, end).split(" ");
    at = end + 2;
    if (length === undefined) {
      events.push({ type, content: Buffer.alloc(0) });
      continue;
    }
    const size = Number.parseInt(length, 16);
    events.push({ type, content: body.subarray(at, at + size) });
    at += size + 2;
  }
  return events;
}

/** Writes an event. */
export function encode(type, content) {
  if (content === undefined) return Buffer.from(`${type}\r\n`);
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`${type} ${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

export function closing(code, reason = "") {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(code);
  return encode("CLOSE", Buffer.concat([bytes, Buffer.from(reason)]));
}

/** Answers each message with itself, and an opening or a close likewise. */
export function echo({ events }) {
  const answers = events.map(({ type, content }) => {
    if (type === "OPEN" || type === "DISCONNECT") return encode(type);
    return encode(type, content);
  });
  return { body: Buffer.concat(answers) };
}

/**
 * Starts a backend on a free port.
 *
 * @param owner what it ends with
 * @param {object} [options]
 * @param {number} [options.port] of one that ended
 * @param {(call: Call) => object | Promise<object>} [options.answer] `status`, `headers` and `body` of the response; null breaks the
 *   connection. Default: echoes
 * @param {() => boolean} [options.breaksUnread] true if the connection is to be broken before the request is read
 */
export async function startHttpBackend(owner, { port = 0, answer = echo, breaksUnread = () => false } = {}) {
  const backend = new HttpBackend();
  const connections = new Set();
  const http = createServer(async (request, response) => {
    backend.asked += 1;
    if (breaksUnread(request)) return request.socket.destroy();
    const parts = [];
    for await (const part of request) parts.push(part);
    const raw = Buffer.concat(parts);
    const call = { request, headers: request.headers, id: request.headers["connection-id"], raw, events: decode(raw) };
    backend.inFlight.set(call.id, (backend.inFlight.get(call.id) ?? 0) + 1);
    backend.mostInFlight = Math.max(backend.mostInFlight, backend.inFlight.get(call.id));
    backend.calls.push(call);
    const answered = await answer(call);
    backend.inFlight.set(call.id, backend.inFlight.get(call.id) - 1);
    if (answered === null) return request.socket.destroy();
    const { status = 200, headers = {}, body = "" } = answered;
    response.writeHead(status, { "Content-Type": EVENTS, ...headers }).end(body);
  });
  http.on("connection", (socket) => {
    connections.add(socket);
    socket.on("error", () => {}).on("close", () => connections.delete(socket));
  });
  http.listen(port, "127.0.0.1");
  await within(once(http, "listening"), "the backend to listen");
  backend.port = http.address().port;
  backend.stop = async () => {
    const closed = new Promise((resolve) => http.close(resolve));
    for (const socket of connections) socket.destroy();
    await closed;
  };
  owner.after(() => backend.stop());
  return backend;
}

class HttpBackend {
  /** Requests that came. */
  asked = 0;
  /** Most requests of one connection that were in flight at once. */
  mostInFlight = 0;
  inFlight = new Map();
  calls = new Queue();

  get address() {
    return `http://127.0.0.1:${this.port}/events`;
  }

  /** Waits for a request with an event of this type. */
  async call(type) {
    for (;;) {
      const call = await this.calls.next(`a request with ${type}`);
      if (call.events.some((event) => event.type === type)) return call;
    }
  }
}
