// The main module around the built Worker: its object class with a handle to break each object by, and its entry with one
// on the way to the objects. Orders come from outside, on a socket of their own.

import { changed } from "./changed.mjs";
import Worker, { SockJs as Built } from "./index.js";
import { tap } from "./tap.mjs";

/** A request to an object that is for this module. */
const RESTART = "http://trouble/restart";

/** The trouble of each object, by its name: also of objects that are not in memory. */
const troubles = new Map();

function troubleOf(object) {
  if (!troubles.has(object)) {
    const cuts = { relay: false, cuts: 0, taps: new Set() };
    troubles.set(object, { refuse: null, refused: 0, ignore: {}, mislay: {}, withhold: {}, isAway: false, ...cuts });
  }
  return troubles.get(object);
}

export class SockJs {
  constructor(state, env) {
    const trouble = troubleOf(state.id.name);
    const exec = (statement, ...values) => {
      if (trouble.refuse?.test(statement)) {
        trouble.refused += 1;
        throw new Error("storage refuses, as ordered");
      }
      return state.storage.sql.exec(statement, ...values);
    };
    const storage = changed(state.storage, { sql: changed(state.storage.sql, { exec }) });
    const built = new Built(changed(state, { storage }), reaching(env));
    const fetch = (request) => {
      if (request.url === RESTART) return state.abort("restarted, as ordered");
      return isHit(trouble.ignore, request) ? new Promise(() => {}) : built.fetch(request);
    };
    return changed(built, { fetch });
  }

  // The runtime looks for these in the class; they are those of the object that the constructor returns.
  fetch() {}
  alarm() {}
  webSocketMessage() {}
  webSocketClose() {}
  webSocketError() {}
}

export default class extends Worker {
  constructor(context, env) {
    super(context, reaching(env));
  }
}

/** An environment in which objects are reached through their troubles, from the Worker and from each other. */
function reaching(env) {
  const getByName = (name) => {
    const stub = env.SOCKJS.getByName(name);
    const fetch = (...asked) => deliver(stub, new Request(...asked), troubleOf(name), env, name);
    return changed(stub, { fetch });
  };
  return changed(env, { SOCKJS: changed(env.SOCKJS, { getByName }) });
}

/**
 * Asks an object. An answer that is to be withheld never arrives; nor does one that is to be mislaid, but then the runtime
 * says that another try is worth it.
 */
async function deliver(stub, request, trouble, env, name) {
  if (trouble.isAway) throw new Error("the object cannot be reached, as ordered");
  const answer = relayed(await stub.fetch(request), trouble);
  if (answer.webSocket && actionOf(request) === "hold") {
    const counts = tap(answer.webSocket, () => trouble.taps.delete(counts));
    trouble.taps.add(counts);
  }
  if (isHit(trouble.withhold, request)) return new Promise(() => {});
  const { action, restart } = trouble.mislay;
  if (actionOf(request) !== action) return answer;
  trouble.mislay = {};
  if (restart) await orders.restart({ object: name }, env);
  throw Object.assign(new Error("the answer is mislaid, as ordered"), { retryable: true });
}

/** An answer whose inner socket leads through here, where it can be cut. What is on its way then is lost. */
function relayed(answer, trouble) {
  if (!answer.webSocket || !trouble.relay) return answer;
  const { 0: worker, 1: outer } = new WebSocketPair();
  const object = answer.webSocket;
  const before = trouble.cuts;
  const isCut = () => trouble.cuts > before;
  const cut = () => {
    clearInterval(looks);
    for (const end of [outer, object]) tryTo(() => end.close(1011, "cut, as ordered"));
  };
  for (const [from, to] of [[outer, object], [object, outer]]) {
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) => (isCut() ? cut() : tryTo(() => to.send(data))));
    from.addEventListener("close", ({ code, reason }) => {
      clearInterval(looks);
      tryTo(() => to.close(code === 1005 || code === 1006 ? 1011 : code, reason));
    });
    from.addEventListener("error", cut);
    from.accept();
  }
  // Whoever orders it may not touch a socket of another request.
  const looks = setInterval(() => isCut() && cut(), 2);
  return new Response(null, { status: 101, webSocket: worker, headers: answer.headers });
}

function tryTo(action) {
  try {
    action();
  } catch {
    // The other side is closed.
  }
}

/** True if trouble is ordered for the request. Counts down `times`. */
function isHit(order, request) {
  if (actionOf(request) !== order.action || order.times === 0) return false;
  order.times -= 1;
  return true;
}

/** Returns the action that the Worker requests of the object. */
function actionOf(request) {
  return Object.keys(JSON.parse(request.headers.get("sockjs-edge-command")).action)[0];
}

/** Adds up the counts of some inner WebSockets. */
function onItsWay(taps) {
  const sum = (name) => [...taps].reduce((sum, counts) => sum + counts[name], 0);
  return { unhandled: sum("unhandled"), unacknowledged: sum("unacknowledged") };
}

const isLoaded = ({ unhandled, unacknowledged }) => unhandled > 0 && unacknowledged > 0;

/** Each gives what there is to tell. */
const orders = {
  async restart({ object, seekMs = 0 }, env) {
    const { taps } = troubleOf(object);
    for (const end = Date.now() + seekMs; Date.now() < end && !isLoaded(onItsWay(taps)); ) await scheduler.wait(1);
    const loaded = onItsWay(taps);
    taps.clear();
    // The object does not live to answer.
    await env.SOCKJS.getByName(object).fetch(RESTART).catch(() => {});
    return loaded;
  },
  refuse({ object, pattern }) {
    troubleOf(object).refuse = pattern && new RegExp(pattern);
  },
  refused({ object }) {
    return troubleOf(object).refused;
  },
  ignore({ object, ...ignore }) {
    troubleOf(object).ignore = ignore;
  },
  withhold({ object, ...withhold }) {
    troubleOf(object).withhold = withhold;
  },
  mislay({ object, ...mislay }) {
    troubleOf(object).mislay = mislay;
  },
  away({ object, isAway }) {
    troubleOf(object).isAway = isAway;
  },
  relay({ object }) {
    troubleOf(object).relay = true;
  },
  cut({ object }) {
    troubleOf(object).cuts += 1;
  },
  collect() {
    globalThis.gc();
  },
};

export const control = {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    const told = await orders[name](await request.json(), env);
    return Response.json(told ?? null);
  },
};
