// A node of a cluster, around the Worker. It answers the requests of an operator and a load balancer to the node itself, and
// forwards all others. The entry of the node, limited.js, wraps it.
//
// * `POST /drain`, with the token in SOCKJS_DRAIN_TOKEN: releases the node's clients, before the node stops.
// * `GET /ready`: 200 while the node accepts new clients, otherwise 503.

import { WorkerEntrypoint } from "cloudflare:workers";
import { drain, isBeingDrained } from "./drain.js";
import worker from "./index.js";

export * from "./index.js";

/** Time limit for the node's own cluster port. */
const READY_MS = 2_000;

/** The Worker as a class: an application in TypeScript exports an object with `fetch` instead. */
const Worker = typeof worker === "function" ? worker : classOf(worker);

const text = (status, body) => new Response(`${body}\n`, { status, headers: { "Cache-Control": "no-store" } });

export default class extends Worker {
  fetch(request) {
    const path = pathOf(request);
    if (path === "/drain" && request.method === "POST") return onDrain(request, this.env);
    if (path === "/ready" && (request.method === "GET" || request.method === "HEAD")) return onReady(this.env);
    return super.fetch(request);
  }
}

/**
 * Returns the path as the client wrote it, without the query. A URL parser also reads `/./ready` and `Host: a/ready?` as /ready;
 * a proxy in front of the node that refuses /ready may not.
 */
function pathOf({ url, headers }) {
  const prefix = `http://${headers.get("Host")}`;
  return url.startsWith(prefix) ? url.slice(prefix.length).split("?")[0] : undefined;
}

function classOf(handlers) {
  return class extends WorkerEntrypoint {
    fetch(request) {
      return handlers.fetch(request, this.env, this.ctx);
    }
  };
}

function onDrain(request, { SOCKJS_DRAIN_TOKEN: token }) {
  if (!token || !isSame(request.headers.get("Authorization") ?? "", `Bearer ${token}`)) return text(404, "Not found");
  return text(200, JSON.stringify({ clients: drain() }));
}

/** Compares in a time that does not reveal the position of a difference. */
function isSame(given, expected) {
  const [one, other] = [given, expected].map((value) => new TextEncoder().encode(value));
  return one.length === other.length && crypto.subtle.timingSafeEqual(one, other);
}

async function onReady({ CLUSTER_PORT: port }) {
  if (isBeingDrained()) return text(503, "draining");
  if (!port) return text(200, "ready");
  try {
    const { ok } = await port.fetch("http://cluster/ready", { signal: AbortSignal.timeout(READY_MS) });
    return ok ? text(200, "ready") : text(503, "the node has no lease");
  } catch (error) {
    return text(503, `the node's cluster port does not answer: ${error.message}`);
  }
}
