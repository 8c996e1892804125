// A plain WebSocket server, as the one that exists already: it knows nothing of SockJS.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { WebSocketServer } from "ws";
import { startServer } from "../harness/servers/server.mjs";
import { Queue } from "../harness/waiting/queue.mjs";
import { within } from "../harness/waiting/wait.mjs";

/** Limits of the gateway in these tests. */
export const MESSAGE_LIMIT = 64 << 10;

/**
 * Starts an upstream on a free port.
 *
 * @param owner what it ends with
 * @param {object} [options]
 * @param {number} [options.port] of one that ended
 * @param {(request: import("node:http").IncomingMessage) => number | undefined | Promise<number | undefined>} [options.answer] the
 *   HTTP status for a handshake; undefined accepts it, 0 closes the TCP connection, and a promise may never resolve
 * @param {(socket: WebSocket, request: import("node:http").IncomingMessage) => void} [options.onConnection] default: echoes
 * @param {{ key: string, cert: string }} [options.tls] in PEM; then its address is wss://localhost
 * @param {string} [options.protocol] the subprotocol that it selects, also where nobody offered it
 */
export async function startUpstream(owner, { port = 0, answer = () => undefined, onConnection = echo, protocol, tls } = {}) {
  const upstream = new Upstream(tls ? "wss://localhost" : "ws://127.0.0.1");
  const refuse = (_, response) => response.writeHead(426).end();
  const http = tls ? createTlsServer(tls, refuse) : createServer(refuse);
  const connections = new Set();
  http.on("connection", (socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
  });
  const server = new WebSocketServer({ noServer: true, maxPayload: 32 << 20 });
  if (protocol) server.on("headers", (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  http.on("upgrade", async (request, socket, head) => {
    upstream.asked += 1;
    upstream.requests.push(request);
    socket.on("error", () => {});
    const status = await answer(request);
    if (status === 0) return socket.destroy();
    if (status !== undefined) return socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`);
    if (protocol) delete request.headers["sec-websocket-protocol"];
    server.handleUpgrade(request, socket, head, (ws) => {
      upstream.accepted += 1;
      upstream.sockets.push(new UpstreamSocket(ws));
      onConnection(ws, request);
    });
  });
  http.listen(port, "127.0.0.1");
  await within(once(http, "listening"), "the upstream to listen");
  upstream.port = http.address().port;
  upstream.stop = async () => {
    const closed = new Promise((resolve) => http.close(resolve));
    for (const socket of connections) socket.destroy();
    await closed;
  };
  owner.after(() => upstream.stop());
  return upstream;
}

class Upstream {
  #origin;
  /** Handshakes that came, and those that were accepted. */
  asked = 0;
  accepted = 0;
  requests = new Queue();
  sockets = new Queue();

  constructor(origin) {
    this.#origin = origin;
  }

  get address() {
    return `${this.#origin}:${this.port}/ws`;
  }

  /** The socket of the connection that was opened next. */
  socket() {
    return this.sockets.next("a connection to the upstream");
  }
}

/** One connection: what came on it, and how it ended. */
class UpstreamSocket {
  messages = new Queue();
  #closed = Promise.withResolvers();

  constructor(ws) {
    this.ws = ws;
    ws.on("message", (data, isBinary) => this.messages.push(isBinary ? data : data.toString()));
    ws.on("error", () => {});
    ws.on("close", (code, reason) => this.#closed.resolve([code, reason.toString()]));
  }

  /** Code and reason of its end. */
  closed() {
    return within(this.#closed.promise, "the end of a connection to the upstream");
  }

  send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  /** Breaks the TCP connection, without a close frame. */
  breakOff() {
    this.ws.terminate();
  }
}

/** Starts an upstream that accepts every WebSocket, and says nothing from then on. `ends` has `{ ended }` for each connection. */
export async function startDeafUpstream(owner) {
  const ends = new Queue();
  const sockets = new Set();
  const http = createServer();
  http.on("upgrade", ({ headers }, socket) => {
    sockets.add(socket);
    const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`, "", ""];
    socket.write(head.join("\r\n"));
    const { promise: ended, resolve } = Promise.withResolvers();
    socket.on("error", () => {}).on("close", resolve).on("end", () => socket.destroy()).resume();
    ends.push({ ended });
  });
  http.listen(0, "127.0.0.1");
  await within(once(http, "listening"), "the upstream to listen");
  owner.after(() => {
    for (const socket of sockets) socket.destroy();
    http.close();
  });
  return { address: `ws://127.0.0.1:${http.address().port}/ws`, ends };
}

export const echo = (ws) => ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
export const silent = () => {};

/** Starts the gateway in front of an upstream; `service` is the URL of the service. */
export async function startGateway(owner, upstream, { vars = {}, ...options } = {}) {
  const given = { SOCKJS_UPSTREAM: upstream.address, SOCKJS_MESSAGE_LIMIT: String(MESSAGE_LIMIT), ...vars };
  const server = await startServer(owner, { vars: given, ...options });
  return { server, service: `${server.url}/sockjs` };
}
