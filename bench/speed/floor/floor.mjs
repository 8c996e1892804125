// The floor: the least JavaScript that speaks SockJS frames from a hibernating Durable Object. It keeps everything in memory,
// checks nothing, and has no options. Servers with features are measured against it.

import { DurableObject } from "cloudflare:workers";

const RESPONSE_LIMIT = 128 * 1024;

export default {
  /** Serves /{service}/{server}/{session}/{transport}, or /{service}/websocket. The service "broadcast" is one room. */
  fetch(request, env) {
    const [, service, , session = crypto.randomUUID()] = new URL(request.url).pathname.split("/");
    return env.FLOOR.getByName(service === "broadcast" ? service : session).fetch(request);
  },
};

export class Floor extends DurableObject {
  #kind;
  #queue = [];
  #isOpen = false;
  #receiver; // takes a frame, and returns true if it accepts another one

  constructor(ctx, env) {
    super(ctx, env);
    const [socket] = ctx.getWebSockets(); // after hibernation
    if (socket) [this.#kind] = ctx.getTags(socket);
  }

  fetch(request) {
    const [, service, ...path] = new URL(request.url).pathname.split("/");
    switch (path.at(-1)) {
      case "websocket":
        return this.#accept(path.length === 1 ? "raw" : service);
      case "xhr":
        return new Promise((respond) => {
          this.#attach((frame) => {
            respond(reply(`${frame}\n`, "application/javascript"));
            return false;
          });
        });
      case "xhr_streaming":
        return this.#stream("application/javascript", `${"h".repeat(2048)}\n`, (frame) => `${frame}\n`);
      case "eventsource":
        return this.#stream("text/event-stream", "\r\n", (frame) => `data: ${frame}\r\n\r\n`);
      case "xhr_send":
        return this.#send(request);
    }
  }

  #accept(kind) {
    this.#kind = kind;
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [kind]);
    if (kind !== "raw") server.send("o");
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, data) {
    if (this.#kind === "raw") return socket.send(data);
    const frame = `a${JSON.stringify(JSON.parse(data))}`;
    if (this.#kind !== "broadcast") return socket.send(frame);
    for (const each of this.ctx.getWebSockets()) each.send(frame);
  }

  webSocketClose(socket, code) {
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  async #send(request) {
    this.#queue.push(...JSON.parse(await request.text()));
    this.#flush();
    return new Response(null, { status: 204 });
  }

  #stream(type, prelude, wrap) {
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start: (stream) => {
        stream.enqueue(encoder.encode(prelude));
        let sent = 0;
        this.#attach((frame) => {
          stream.enqueue(encoder.encode(wrap(frame)));
          sent += frame.length;
          if (sent >= RESPONSE_LIMIT) stream.close();
          return sent < RESPONSE_LIMIT;
        });
      },
    });
    return reply(body, type);
  }

  #attach(receiver) {
    this.#receiver = receiver;
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#deliver("o");
    }
    this.#flush();
  }

  #flush() {
    if (this.#receiver && this.#queue.length > 0) this.#deliver(`a${JSON.stringify(this.#queue.splice(0))}`);
  }

  #deliver(frame) {
    if (!this.#receiver(frame)) this.#receiver = undefined;
  }
}

function reply(body, type) {
  return new Response(body, { headers: { "Content-Type": `${type}; charset=UTF-8` } });
}
