// The main module around two builds, in one isolate. A request goes to the Worker of the build that is deployed then, and goes
// on there. An object is of the build that is deployed when it is made.

import { WorkerEntrypoint } from "cloudflare:workers";
import CurrentWorker, { SockJs as CurrentObject } from "./current/index.js";
import PreviousWorker, { SockJs as PreviousObject } from "./previous/index.js";

/** A request to an object that is for this module. */
const RESTART = "http://versions/restart";

const WORKERS = { current: CurrentWorker, previous: PreviousWorker };

/** Of a version that neither build speaks. */
class ForeignObject {
  fetch = () => new Response(JSON.stringify({ versions: [9] }), { status: 426 });
}

const OBJECTS = { current: CurrentObject, previous: PreviousObject, foreign: ForeignObject };

/** The build of each half. */
let deployed;

/** Number of times that each object was created, by name. */
const objects = new Map();

/** Paths that clients asked for, and what the objects were asked and answered. */
let requests = [];
let asked = [];

/** The variables of a build: some are known to one alone. */
function environmentOf(half, env) {
  deployed ??= JSON.parse(env.DEPLOYED);
  const { DEPLOYED, OWN_VARS, ...common } = env;
  return { ...common, ...JSON.parse(OWN_VARS)[deployed[half]] };
}

export class SockJs {
  constructor(state, env) {
    objects.set(state.id.name, (objects.get(state.id.name) ?? 0) + 1);
    const own = environmentOf("object", env);
    const built = new OBJECTS[deployed.object](state, own);
    const fetch = (request) => {
      if (request.url === RESTART) return state.abort("deployed");
      const answer = built.fetch(request);
      const { version, action } = JSON.parse(request.headers.get("sockjs-edge-command"));
      const kind = typeof action === "string" ? action : Object.keys(action)[0];
      Promise.resolve(answer).then(({ status }) => asked.push({ version, kind, status }), () => {});
      return answer;
    };
    const get = (_, key) => {
      if (key === "fetch") return fetch;
      const value = Reflect.get(built, key);
      return typeof value === "function" && key !== "constructor" ? value.bind(built) : value;
    };
    return new Proxy(built, { get });
  }

  // The runtime looks for these in the class; they are those of the object that the constructor returns.
  fetch() {}
  alarm() {}
  webSocketMessage() {}
  webSocketClose() {}
  webSocketError() {}
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    requests.push(new URL(request.url).pathname);
    const own = environmentOf("worker", this.env);
    return new WORKERS[deployed.worker](this.ctx, own).fetch(request);
  }
}

/** Each gives what there is to tell. */
const orders = {
  /**
   * Sets the build of one half, or of both. Objects that are in memory are made anew, as the runtime does it; those that sleep
   * wake up as the new build, `asleep` with their sockets.
   */
  async deploy({ asleep, ...halves }, env) {
    environmentOf("worker", env);
    Object.assign(deployed, halves);
    if (!halves.object || asleep) return;
    // They do not live to answer.
    await Promise.all([...objects.keys()].map((name) => env.SOCKJS.getByName(name).fetch(RESTART).catch(() => {})));
  },
  /** Returns the number of times that objects were created, in all. */
  made() {
    return [...objects.values()].reduce((sum, times) => sum + times, 0);
  },
  /** Returns the traffic since the last call. */
  traffic() {
    const traffic = { requests, asked };
    [requests, asked] = [[], []];
    return traffic;
  },
};

export const control = {
  async fetch(request, env) {
    const told = await orders[new URL(request.url).pathname.slice(1)](await request.json(), env);
    return Response.json(told ?? null);
  },
};
