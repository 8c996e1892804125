// What the application registers: its services, and their handlers. The WebAssembly finds it under a symbol, since its instance may
// be replaced and this module stays.

import { Core, SockJs } from "../dist/index.js";
import { Connection } from "./connection.js";
import { errorOf } from "./errors.js";
import { RequestInfo } from "./request.js";
import { Room } from "./room.js";

const KEY = Symbol.for("sockjs-edge");
const EVENTS = ["onRequest", "onStart", "onOpen", "onReturn", "onReturned", "onMessage", "onClose", "onAlarm", "onCall"];
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
export function register(prefix, service) {
  if (isServed) throw new Error("services are registered when the Worker's module is loaded, and not later");
  if (typeof prefix !== "string") throw new TypeError("the prefix of a service is a string, such as \"/echo\"");
  if (registered.services.some((known) => known.prefix === prefix)) throw new Error(`two services have the prefix ${JSON.stringify(prefix)}`);
  if (service === null || typeof service !== "object") throw new TypeError(`service ${JSON.stringify(prefix)}: needs an object with functions such as onMessage`);
  checkEvents(prefix, service);
  for (const name of FIELDS) {
    const type = name === "options" ? "object" : "function";
    if (service[name] !== undefined && typeof service[name] !== type) throw new TypeError(`service ${JSON.stringify(prefix)}: ${name} must be a ${type}`);
  }
  const { options, create } = service;
  const onRequest = service.onRequest && ((info, env) => service.onRequest(info, env));
  registered.services.push({ prefix, options, create: create && ((env) => checkEvents(prefix, create.call(service, env))), handler: service, onRequest });
}

/** Checks that an object has no function that looks like an event and is none. Returns the object. */
function checkEvents(prefix, events) {
  if (events === null || typeof events !== "object") throw new TypeError(`service ${JSON.stringify(prefix)}: create() has to return an object with functions such as onMessage`);
  for (const name of namesOf(events)) {
    const meant = EVENTS.find((event) => event.toLowerCase() === name.toLowerCase());
    if (EVENTS.includes(name) || (meant === undefined && !/^on[A-Z]/.test(name))) continue;
    const advice = meant === undefined ? `there are ${EVENTS.join(", ")}` : `it is ${meant}`;
    throw new TypeError(`service ${JSON.stringify(prefix)}: there is no event ${name}; ${advice}`);
  }
  return events;
}

/** The names of an object's fields, and of the methods of its class. */
function namesOf(service) {
  const names = new Set();
  for (let of = service; of !== null && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const name of Object.getOwnPropertyNames(of)) names.add(name);
  }
  return names;
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
  if (services === null || typeof services !== "object") throw new TypeError("sockjs() takes an object with a service for each prefix");
  configure(options);
  for (const [prefix, service] of Object.entries(services)) register(prefix, service);
  return { SockJs, worker, handles };
}

/** True if the path of a request is at or below the prefix of a service. */
export function handles(request, env) {
  isServed = true;
  return Core.handles(request, env);
}

/** Answers a request of a program that knows one of the tokens with what the services counted. */
export async function metrics(request, env, tokens) {
  return await Core.metrics(request, env, tokens);
}

export { SockJs };
