// The registered services and their handlers. The WebAssembly finds them under a global symbol, since its instance may be
// replaced while this module stays.

import { Core, SockJs } from "../dist/index.js";
import { Connection } from "./connection.js";
import { errorOf } from "./errors.js";
import { EVENTS, checkEvents } from "./events.js";
import { RequestInfo } from "./request.js";
import { Room } from "./room.js";

const KEY = Symbol.for("sockjs-edge");
const FIELDS = [...EVENTS, "options", "create"];

const registered = {
  services: [],
  options: {},
  connection: (handle, life) => new Connection(handle, life),
  room: (handle, life) => new Room(handle, life),
  request: (request, facts) => new RequestInfo(request, facts),
  error: errorOf,
};
let isServed = false;

if (globalThis[KEY] !== undefined) throw new Error("sockjs-edge is loaded twice in one Worker: make sure that it is bundled once");
globalThis[KEY] = registered;

/** Adds a service. */
export function register(given, service) {
  if (isServed) throw new Error("services are registered when the Worker's module is loaded, and not later");
  if (typeof given !== "string") throw new TypeError(`expected a string such as "/echo" as the prefix of a service, got ${given === null ? "null" : typeof given}`);
  // Normalized as in the server.
  const prefix = given.endsWith("/") ? given.slice(0, -1) : given;
  if (registered.services.some((known) => known.prefix === prefix)) throw new Error(`two services have the prefix ${JSON.stringify(prefix)}`);
  checkEvents(prefix, service);
  for (const name of FIELDS) {
    const type = name === "options" ? "object" : "function";
    if (service[name] !== undefined && typeof service[name] !== type) throw new TypeError(`service ${JSON.stringify(prefix)}: ${name} must be a ${type}`);
  }
  const { options, create } = service;
  const onRequest = service.onRequest && ((info, env) => service.onRequest(info, env));
  registered.services.push({ prefix, options, create: create && ((env) => checkEvents(prefix, create.call(service, env))), handler: service, onRequest });
}

/** Sets options of all services. */
export function configure(options) {
  Object.assign(registered.options, options);
}

/** The Worker: its fetch event. */
export const worker = {
  fetch(request, env, context) {
    isServed = true;
    return Core.fetch(request, env, context, registered.options.fetch);
  },
};

/**
 * Registers services, by their prefixes.
 *
 * @returns the class of the objects and the Worker, for the module's exports
 */
export function sockjs(services, options = {}) {
  if (services === null || typeof services !== "object") throw new TypeError('sockjs(): expected an object with a service for each prefix (example: { "/echo": { onMessage } })');
  configure(options);
  for (const [prefix, service] of Object.entries(services)) register(prefix, service);
  return { SockJs, worker, handles };
}

/** Returns true if the path of a request is at or below the prefix of a service. */
export function handles(request, env) {
  isServed = true;
  return Core.handles(request, env);
}

/** Answers a request with the counters of the services, if the request has one of the tokens. */
export async function metrics(request, env, tokens) {
  return await Core.metrics(request, env, tokens);
}

export { SockJs };
