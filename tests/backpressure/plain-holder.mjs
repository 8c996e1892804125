// The least that holds WebSockets in a Worker, with an inner WebSocket each to an object that sleeps and a row each in its storage. What
// this takes in memory is the runtime's, and no server can take less.

import { DurableObject } from "cloudflare:workers";

const COLLECT = "/.collect";
const A_DAY_MS = 86_400_000;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === COLLECT) {
      globalThis.gc();
      return new Response();
    }
    const { webSocket: inner } = await env.HOLDER.getByName("room").fetch(request);
    const { 0: client, 1: server } = new WebSocketPair();
    server.addEventListener("message", ({ data }) => inner.send(data));
    server.addEventListener("close", () => inner.close());
    inner.addEventListener("message", ({ data }) => server.send(data));
    server.accept();
    inner.accept();
    setTimeout(() => server.send("h"), A_DAY_MS);
    return new Response(null, { status: 101, webSocket: client });
  },
};

export class Holder extends DurableObject {
  fetch() {
    const { 0: worker, 1: object } = new WebSocketPair();
    this.ctx.acceptWebSocket(object);
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS connections (id TEXT PRIMARY KEY)");
    this.ctx.storage.sql.exec("INSERT INTO connections VALUES (?)", crypto.randomUUID());
    object.send("o");
    return new Response(null, { status: 101, webSocket: worker });
  }
}
