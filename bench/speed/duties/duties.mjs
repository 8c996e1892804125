// A JavaScript Worker with the duties of this server on the way of a message: it checks the request, reads and checks what a client sends,
// bounds sizes, queues and times, keeps the clock of heartbeats, and holds responses so that its objects may sleep. It has no options, no
// durability, no rooms but one, and no metrics. It shows what these duties cost without WebAssembly.

import { DurableObject } from "cloudflare:workers";

const RESPONSE_LIMIT = 128 * 1024;
const BODY_LIMIT = 8 << 20;
const MESSAGE_LIMIT = 512 << 10;
const QUEUE_LIMIT = 1 << 20;
const HEARTBEAT_MS = 25_000;
const OBJECT_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 55_000;
const DISCONNECT_MS = 5_000;
/** A receiver confirms what it wrote when half a window is on its way. */
const WINDOW = 64 << 10;
const BEAT = "beat";

const SEGMENT = /^[^./]+$/;
const STREAMS = {
  xhr_streaming: { type: "application/javascript", prelude: `${"h".repeat(2048)}\n`, wrap: (frame) => `${frame}\n` },
  eventsource: { type: "text/event-stream", prelude: "\r\n", wrap: (frame) => `data: ${frame}\r\n\r\n` },
};
const METHODS = { xhr: "POST", xhr_send: "POST", xhr_streaming: "POST", eventsource: "GET", websocket: "GET" };
const encoder = new TextEncoder();

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, service, server, session = crypto.randomUUID(), transport = server] = pathname.split("/");
    const method = METHODS[transport];
    if (!method || (transport !== server && !(SEGMENT.test(server) && SEGMENT.test(session)))) return refuse(404, "Not found\n", request);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: headers(request, { "Access-Control-Allow-Methods": `OPTIONS, ${method}` }) });
    if (request.method !== method) return refuse(405, "", request, { Allow: method });
    const object = env.DUTIES.getByName(service === "broadcast" ? service : session);
    try {
      if (transport === "websocket") return await connect(request, object, transport === server ? "raw" : service);
      if (transport === "xhr_send") return await send(request, object);
      return await receive(request, object, transport);
    } catch (error) {
      return error instanceof Refused ? refuse(error.status, error.message, request) : refuse(503, "Unavailable\n", request);
    }
  },
};

class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Asks the object, with the facts about the client that it needs, and no longer than `OBJECT_TIMEOUT_MS`. */
async function ask(object, request, what, init = {}) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), OBJECT_TIMEOUT_MS);
  try {
    const facts = JSON.stringify({ what, url: request.url, agent: request.headers.get("User-Agent"), origin: request.headers.get("Origin") });
    return await object.fetch("https://object/", { ...init, headers: { ...init.headers, "X-Client": facts }, signal: timeout.signal });
  } finally {
    clearTimeout(timer);
  }
}

function connect(request, object, kind) {
  const of = (name) => request.headers.get(name) ?? "";
  if (of("Upgrade").toLowerCase() !== "websocket") throw new Refused(400, 'Can "Upgrade" only to "WebSocket".');
  if (!/\bupgrade\b/i.test(of("Connection"))) throw new Refused(400, '"Connection" must be "Upgrade".');
  if (of("Sec-WebSocket-Version") !== "13" || of("Sec-WebSocket-Key") === "") throw new Refused(400, "Bad handshake");
  return ask(object, request, `connect ${kind}`, { headers: { Upgrade: "websocket" } });
}

async function send(request, object) {
  const text = await readBody(request);
  if (text === "") throw new Refused(500, "Payload expected.");
  check(text);
  const { status } = await ask(object, request, "send", { method: "POST", body: text });
  if (status !== 204) throw new Refused(status, "Not found\n");
  return new Response(null, { status: 204, headers: headers(request, { "Content-Type": "text/plain; charset=UTF-8" }) });
}

async function readBody(request) {
  if (Number(request.headers.get("Content-Length")) > BODY_LIMIT) throw new Refused(413, "Too large\n");
  const reader = request.body?.getReader();
  if (!reader) return "";
  const timer = setTimeout(() => reader.cancel(), BODY_TIMEOUT_MS);
  try {
    const decoder = new TextDecoder();
    let [text, size] = ["", 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      size += value.byteLength;
      if (size > BODY_LIMIT) throw new Refused(413, "Too large\n");
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the messages of a payload, which is an array of strings. */
function check(text) {
  let messages;
  try {
    messages = JSON.parse(text);
  } catch {
    throw new Refused(500, "Broken JSON encoding.");
  }
  if (!Array.isArray(messages) || !messages.every((message) => typeof message === "string")) throw new Refused(500, "Broken JSON encoding.");
  if (messages.some((message) => message.length > MESSAGE_LIMIT)) throw new Refused(413, "Too large\n");
  return messages;
}

/** Holds the client's response. The object answers at once with a frame, or by an inner WebSocket. */
async function receive(request, object, transport) {
  const stream = STREAMS[transport];
  const answer = await ask(object, request, stream ? "stream" : "poll", { headers: { Upgrade: "websocket" } });
  const inner = answer.webSocket;
  if (!stream) {
    const type = headers(request, { "Content-Type": "application/javascript; charset=UTF-8" });
    if (!inner) return new Response(`${await answer.text()}\n`, { headers: type });
    inner.accept();
    const frame = await new Promise((resolve) => {
      // The object answers by the last frame, so that none crosses it.
      const timer = setTimeout(() => inner.send(BEAT), HEARTBEAT_MS);
      inner.addEventListener("message", ({ data }) => (clearTimeout(timer), resolve(data)));
      inner.addEventListener("close", () => (clearTimeout(timer), resolve("h")));
    });
    inner.close(1000);
    return new Response(`${frame}\n`, { headers: type });
  }
  inner.accept();
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  let unconfirmed = 0;
  let timer;
  const write = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => write(stream.wrap("h")), HEARTBEAT_MS);
    return writer.write(encoder.encode(text));
  };
  const end = () => {
    clearTimeout(timer);
    inner.close(1000);
    writer.close().catch(() => {});
  };
  inner.addEventListener("message", async ({ data }) => {
    try {
      await write(stream.wrap(data));
    } catch {
      return end();
    }
    unconfirmed += data.length;
    if (unconfirmed >= WINDOW / 2) {
      inner.send(String(unconfirmed));
      unconfirmed = 0;
    }
  });
  inner.addEventListener("close", end);
  write(stream.prelude).catch(end);
  return new Response(readable, { headers: headers(request, { "Content-Type": `${stream.type}; charset=UTF-8`, "X-Accel-Buffering": "no" }) });
}

function headers(request, more) {
  const origin = request.headers.get("Origin");
  const allowed = request.headers.get("Access-Control-Request-Headers");
  return {
    "Access-Control-Allow-Origin": origin ?? "*",
    ...(origin && { "Access-Control-Allow-Credentials": "true", Vary: "Origin" }),
    ...(allowed && { "Access-Control-Allow-Headers": allowed }),
    "Cache-Control": "no-store, no-cache, no-transform, must-revalidate, max-age=0",
    ...more,
  };
}

function refuse(status, text, request, more = {}) {
  return new Response(text, { status, headers: headers(request, { "Content-Type": "text/plain; charset=UTF-8", ...more }) });
}

export class Duties extends DurableObject {
  #kind;
  #queue = [];
  #queued = 0;
  #isOpen = false;
  #receiver;
  #what;
  #inFlight = 0;
  #sent = 0;
  #absence;

  constructor(ctx, env) {
    super(ctx, env);
    const [socket] = ctx.getWebSockets(); // after a sleep
    if (!socket) return;
    [this.#kind, this.#what] = ctx.getTags(socket);
    if (this.#kind === "receiver") [this.#isOpen, this.#receiver] = [true, socket];
  }

  async fetch(request) {
    const { what } = JSON.parse(request.headers.get("X-Client"));
    switch (what) {
      case "send":
        return this.#take(await request.text());
      case "poll":
      case "stream":
        return this.#attach(what);
      default:
        return this.#accept(what.split(" ")[1]);
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
    if (this.#kind === "receiver") {
      if (socket !== this.#receiver) return;
      if (data === BEAT) {
        socket.send("h");
        return this.#leave();
      }
      this.#inFlight -= Number(data);
      return this.#flush();
    }
    if (typeof data !== "string") return socket.close(1003);
    if (data.length > BODY_LIMIT) return socket.close(1009);
    if (this.#kind === "raw") return socket.send(data);
    let messages;
    try {
      messages = check(data);
    } catch {
      return socket.close(3000, "Broken framing.");
    }
    const frame = `a${JSON.stringify(messages)}`;
    if (this.#kind !== "broadcast") return socket.send(frame);
    for (const each of this.ctx.getWebSockets()) each.send(frame);
  }

  webSocketClose(socket, code) {
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
    if (socket === this.#receiver) this.#leave();
  }

  #take(text) {
    if (!this.#isOpen) return new Response(null, { status: 404 });
    const messages = check(text);
    this.#queued += text.length;
    if (this.#queued > QUEUE_LIMIT) return new Response(null, { status: 503 });
    this.#queue.push(...messages);
    this.#flush();
    return new Response(null, { status: 204 });
  }

  #attach(what) {
    clearTimeout(this.#absence);
    const opens = !this.#isOpen;
    this.#isOpen = true;
    if (what === "poll" && (opens || this.#queue.length > 0)) {
      const frame = opens ? "o" : this.#next();
      this.#leave();
      return new Response(frame);
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.#kind = "receiver";
    this.#what = what;
    this.ctx.acceptWebSocket(server, ["receiver", what]);
    this.#receiver = server;
    this.#inFlight = 0;
    this.#sent = 0;
    if (opens) server.send("o");
    this.#flush();
    return new Response(null, { status: 101, webSocket: client });
  }

  #next() {
    this.#queued = 0;
    return `a${JSON.stringify(this.#queue.splice(0))}`;
  }

  #flush() {
    if (!this.#receiver || this.#queue.length === 0 || this.#inFlight > WINDOW / 2) return;
    const frame = this.#next();
    this.#inFlight += frame.length;
    this.#sent += frame.length;
    this.#receiver.send(frame);
    if (this.#what === "poll") return this.#leave();
    if (this.#sent < RESPONSE_LIMIT) return;
    this.#receiver.close(1000);
    this.#leave();
  }

  /** Without a receiver the session ends after a while. */
  #leave() {
    this.#receiver = undefined;
    this.#absence = setTimeout(() => (this.#isOpen = false), DISCONNECT_MS);
  }
}
