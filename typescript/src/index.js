// The npm package sockjs-edge: a SockJS server for Cloudflare Workers, Durable Objects and workerd.

import { sockjs } from "./application.js";
import { createServer } from "./server.js";

export { SockJs, handles, metrics, sockjs, worker } from "./application.js";
export { CallRejected, CloseError, GroupError, PushError, SendError, ShardsError, SockJsError, StaleError, StateError } from "./errors.js";
export { push } from "./push.js";
export { createServer } from "./server.js";

/** The same default export as `require("sockjs")`, for applications written for sockjs-node. */
export default Object.assign((...given) => sockjs(...given), { createServer });
