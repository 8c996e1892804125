// The entry of a node. It puts a rate limiter into the Worker's environment, as the binding LIMITER, if SOCKJS_ADDRESS_LIMIT is set.
// On Cloudflare that binding is the platform's.

import { env as variables } from "cloudflare:workers";
import { Ratelimit, readLimit } from "./limiter.js";
import Node from "./node.js";

export * from "./index.js";

const REFUSAL = "variable SOCKJS_ADDRESS_LIMIT must be connections/seconds, such as 100/60\n";
/** tools/settings.js looks for it before the start. */
const REFUSAL_HEADERS = { "SockJS-Edge-Problem": "settings" };

/** workerd gives null for a variable that is not set. */
const text = variables.SOCKJS_ADDRESS_LIMIT || undefined;
const limit = text && readLimit(text);
const isRefused = text !== undefined && limit === undefined;
/** One for all requests; undefined without a limit. */
const environment = limit && { SOCKJS_ADDRESS_LIMITER: "LIMITER", ...variables, LIMITER: new Ratelimit(limit) };

export default class extends Node {
  constructor(ctx, env) {
    super(ctx, environment ?? env);
  }

  fetch(request) {
    return isRefused ? new Response(REFUSAL, { status: 500, headers: REFUSAL_HEADERS }) : super.fetch(request);
  }
}
