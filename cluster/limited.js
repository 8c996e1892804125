// The entry of a node of a cluster, around node.js. It adds a rate limiter to the Worker's environment, as the binding LIMITER, if SOCKJS_ADDRESS_LIMIT is
// set. On Cloudflare the platform provides such a binding.

import { env as variables } from "cloudflare:workers";
import { Ratelimit, readLimit } from "./limiter.js";
import Node from "./node.js";

export * from "./index.js";

const WRONG_LIMIT = "variable SOCKJS_ADDRESS_LIMIT must be connections/seconds, such as 100/60\n";
const FOREIGN_LIMITER =
  "variable SOCKJS_ADDRESS_LIMITER names a binding, and only Cloudflare has rate-limiting bindings: leave it out, and set SOCKJS_ADDRESS_LIMIT (example: 100/60)\n";
/** tools/settings.js looks for this header before the start. */
const REFUSAL_HEADERS = { "SockJS-Edge-Problem": "settings" };

/** Name of the binding. */
const NAME = "LIMITER";

/** workerd returns null for an unset variable. */
const text = variables.SOCKJS_ADDRESS_LIMIT || undefined;
const limit = text && readLimit(text);
const refusal = refusalOf(variables.SOCKJS_ADDRESS_LIMITER || undefined);
/** A single environment for all requests; undefined without a limit. */
const environment = limit && { ...variables, SOCKJS_ADDRESS_LIMITER: NAME, [NAME]: new Ratelimit(limit) };

export default class extends Node {
  constructor(ctx, env) {
    super(ctx, environment ?? env);
  }

  fetch(request) {
    return refusal ? new Response(refusal, { status: 500, headers: REFUSAL_HEADERS }) : super.fetch(request);
  }
}

/** Returns the problem with the variables of the limit, if any. `limiter` is the name of a binding. */
function refusalOf(limiter) {
  if (text && !limit) return WRONG_LIMIT;
  if (limiter && !(limit && limiter === NAME)) return FOREIGN_LIMITER;
}
