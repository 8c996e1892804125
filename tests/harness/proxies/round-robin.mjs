// A load balancer without stickiness: each request goes to the next server, whatever its session. A server that refuses the
// connection is skipped, as HAProxy and nginx do.

import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";

/**
 * Starts a balancer for the servers at these URLs, which may be changed at any time by `targets`.
 *
 * @param owner ends it: a test's context, or `{ after }` of node:test for a file
 */
export async function startRoundRobin(owner, urls) {
  const balancer = new RoundRobin(urls);
  owner.after(() => balancer.stop());
  await balancer.start();
  return balancer;
}

class RoundRobin {
  targets;
  #server;
  #next = 0;
  #sockets = new Set();

  constructor(urls) {
    this.targets = urls;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  async start() {
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("connection", (socket) => this.#keep(socket));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    return socket;
  }

  /** Returns the servers, beginning with the one whose turn it is. */
  #turn() {
    const first = this.#next++ % this.targets.length;
    return [...this.targets.slice(first), ...this.targets.slice(0, first)].map((url) => new URL(url));
  }

  /** Forwards a request. Its body is kept until a server has accepted the connection. */
  async #pass(request, response) {
    const pieces = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return; // the client is gone
    }
    const body = Buffer.concat(pieces);
    const headers = { ...request.headers, "x-forwarded-for": forwardedFor(request) };
    const servers = this.#turn();
    const attempt = () => {
      const server = servers.shift();
      if (!server) return response.writeHead(503).end("no server");
      const upstream = httpRequest({ host: server.hostname, port: server.port, method: request.method, path: request.url, headers, agent: false });
      upstream.on("socket", (socket) => this.#keep(socket));
      upstream.on("response", (answer) => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        response.flushHeaders();
        answer.on("error", () => response.destroy());
        answer.pipe(response);
      });
      upstream.on("error", (error) => {
        if (error.code === "ECONNREFUSED" && !response.headersSent) attempt();
        else response.destroy();
      });
      response.on("close", () => upstream.destroy());
      upstream.end(body);
    };
    attempt();
  }

  #upgrade(request, client, head) {
    const servers = this.#turn();
    const attempt = () => {
      const server = servers.shift();
      if (!server) return client.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      const upstream = this.#keep(connect(Number(server.port), server.hostname));
      let isConnected = false;
      upstream.on("connect", () => {
        isConnected = true;
        const lines = [];
        for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
        upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\nX-Forwarded-For: ${forwardedFor(request)}\r\n\r\n`);
        upstream.write(head);
        upstream.pipe(client);
        client.pipe(upstream);
      });
      upstream.on("close", () => (isConnected ? client.destroy() : attempt()));
      client.on("close", () => upstream.destroy());
    };
    attempt();
  }
}

function forwardedFor({ headers, socket }) {
  const before = headers["x-forwarded-for"];
  return before ? `${before}, ${socket.remoteAddress}` : socket.remoteAddress;
}
