// sockjs-edge/testing: rooms and clients in memory, for tests of a service without a server. It calls the service's functions in
// the same order and with the same errors as the real server. Queues have no limits here, and nothing takes time.

import { CallRejected, GroupError, SendError, StaleError, StateError } from "./errors.js";
import { checkEvents } from "./events.js";
import { checkClose, checkText, frozen } from "./handle.js";

const KEPT_MAX = 4096;
const GROUPS_MAX = 64;
const GROUP_NAME_MAX = 128;
const HANDLER_FAILED = { code: 1011, reason: "Handler failed" };

const bytes = (text) => new TextEncoder().encode(text).length;

/** A service in one object. */
export class TestRoom {
  #service;
  #env;
  #prefix;
  #params;
  #events;
  #started;
  /** False if `onStart` failed: connections that wait for it are closed. */
  #hasStarted = true;
  /** State of the current instance. */
  #life;
  #entries = new Map();
  #alarm = false;
  #values = new Map();
  #made = 0;
  errors = [];

  constructor(service, { env = {}, prefix = "/test", params = {} } = {}) {
    this.#service = checkEvents(prefix, service);
    this.#env = env;
    this.#prefix = prefix;
    this.#params = params;
    this.#start();
  }

  /** Starts an instance. Handles of the previous one become stale. */
  #start() {
    if (this.#life) this.#life.isOver = true;
    this.#life = {};
    this.room = this.#makeRoom();
    this.#events = this.#service.create ? checkEvents(this.#prefix, this.#service.create(this.#env)) : this.#service;
    this.#hasStarted = true;
    const failed = (error) => {
      this.errors.push(error);
      this.#hasStarted = false;
    };
    this.#started = Promise.resolve().then(() => this.#events.onStart?.(this.room)).catch(failed);
  }

  /** Calls the application. A thrown error is recorded, and closes `entry`. */
  async #run(entry, call) {
    try {
      await call();
    } catch (error) {
      this.errors.push(error);
      if (entry) await this.#end(entry, HANDLER_FAILED, { kind: "handler_failed" });
    }
  }

  /** Calls the application for one event after the other, for each connection. */
  async #tell(entry, call) {
    await this.#started;
    if (!this.#hasStarted) return await this.#end(entry, HANDLER_FAILED, { kind: "handler_failed" });
    const told = entry.last.then(() => this.#run(entry, call)).then(() => this.#close(entry));
    entry.last = told;
    await told;
  }

  /** Notifies the application of the end of a connection that it closed. */
  async #close(entry) {
    if (entry.isOver || entry.closed === undefined) return;
    await this.#end(entry, entry.closed, { kind: "application", ...entry.closed });
  }

  async #end(entry, closed, reason) {
    if (entry.isOver) return;
    entry.isOver = true;
    entry.closed ??= closed;
    this.#entries.delete(entry.id);
    entry.readyState = 3;
    if (this.#hasStarted) await this.#run(undefined, () => this.#events.onClose?.(entry.conn, reason));
  }

  async connect({ transport = "websocket", params = this.#params, query = "", headers = {}, remoteAddress, claims } = {}) {
    this.#made += 1;
    const entry = {
      id: `00000000-0000-4000-8000-${String(this.#made).padStart(12, "0")}`,
      facts: { transport, params, query, headers, remoteAddress, claims },
      received: [],
      groups: [],
      state: undefined,
      closed: undefined,
      readyState: 1,
      isOver: false,
      last: Promise.resolve(),
    };
    entry.conn = this.#makeConnection(entry);
    this.#entries.set(entry.id, entry);
    await this.#tell(entry, () => this.#events.onOpen?.(entry.conn));
    const tell = (call) => this.#tell(entry, call);
    const end = (closed, reason) => this.#end(entry, closed, reason);
    const send = (message) => this.#events.onMessage?.(entry.conn, message);
    return {
      id: entry.id,
      received: entry.received,
      get closed() {
        return entry.closed;
      },
      async send(message) {
        checkText("send", message);
        if (entry.closed !== undefined) throw new SendError("closed", "the connection is closed");
        await tell(() => (entry.closed === undefined ? send(message) : undefined));
      },
      next() {
        return entry.received.shift();
      },
      async leave(code = 1000, reason = "") {
        await entry.last;
        entry.readyState = 2;
        await end({ code, reason }, { kind: "client", code, reason });
      },
    };
  }

  async call(question) {
    await this.#started;
    if (!this.#events.onCall) throw new CallRejected("this service answers no calls");
    const answer = await this.#events.onCall(this.room, JSON.parse(JSON.stringify(question ?? null)));
    return JSON.parse(JSON.stringify(answer ?? null));
  }

  async alarm() {
    await this.#started;
    if (!this.#alarm) return false;
    this.#alarm = false;
    await this.#run(undefined, () => this.#events.onAlarm?.(this.room));
    return true;
  }

  async restart({ held = () => true } = {}) {
    const entries = [...this.#entries.values()];
    await Promise.all(entries.map((entry) => entry.last));
    for (const entry of entries) {
      if (held({ id: entry.id, received: entry.received, closed: entry.closed })) continue;
      // The runtime loses these WebSockets, without `onClose`.
      Object.assign(entry, { isOver: true, readyState: 3, closed: { code: 1006, reason: "" } });
      this.#entries.delete(entry.id);
    }
    this.#start();
    await this.#started;
    for (const entry of this.#entries.values()) {
      entry.conn = this.#makeConnection(entry);
      // Sessions over HTTP are never lost.
      if (entry.facts.transport.startsWith("websocket")) await this.#tell(entry, () => this.#events.onReturn?.(entry.conn));
    }
    await this.#run(undefined, () => this.#events.onReturned?.(this.room));
  }

  #members(group) {
    const open = [...this.#entries.values()].filter(({ closed }) => closed === undefined);
    return group === undefined ? open : open.filter(({ groups }) => groups.includes(group));
  }

  #makeMembers(group) {
    const members = this.#alive(() => this.#members(group));
    return {
      get count() {
        return members().length;
      },
      broadcast(message, { except } = {}) {
        checkText("broadcast", message);
        const to = members().filter(({ conn }) => conn !== (except ?? undefined));
        for (const { received } of to) received.push(message);
        return to.length;
      },
      *connections() {
        for (const { conn } of members()) yield conn;
      },
    };
  }

  /** Wraps a function so that it throws once this instance is over. */
  #alive(call) {
    const life = this.#life;
    return (...given) => {
      if (life.isOver) throw new StaleError("stale", "this is of an instance of the object that is gone: take the one that the handler is given");
      return call(...given);
    };
  }

  #makeAll(group) {
    const members = this.#makeMembers(group);
    return {
      to: (name) => this.#makeAll(name),
      broadcast: async (message) => members.broadcast(message),
      count: async () => members.count,
      close: async (code = 1000, reason = "Normal closure") => {
        const all = [...members.connections()];
        for (const conn of all) conn.close(code, reason);
        return all.length;
      },
    };
  }

  #makeRoom() {
    const setAlarm = this.#alive((isSet) => (this.#alarm = isSet));
    const storage = storageOf(this.#values);
    const prefix = this.#prefix;
    const name = prefix.replace(/\{(\w+)\}/g, (_, parameter) => encodeURIComponent(this.#params[parameter] ?? ""));
    return Object.defineProperties(
      {
        prefix,
        name,
        storage,
        all: this.#makeAll(undefined),
        connection: (id) => this.#members(undefined).find((entry) => entry.id === id)?.conn,
        to: (group) => Object.defineProperties({ name: group }, Object.getOwnPropertyDescriptors(this.#makeMembers(group))),
        ready: async () => {},
        setAlarm(delay) {
          if (!Number.isFinite(delay) || delay < 0) throw new TypeError(`setAlarm: expected milliseconds from now, got ${String(delay)} (example: 25000)`);
          setAlarm(true);
        },
        clearAlarm: () => setAlarm(false),
      },
      Object.getOwnPropertyDescriptors(this.#makeMembers(undefined)),
    );
  }

  #makeConnection(entry) {
    const room = this.room;
    const close = () => this.#close(entry);
    const open = this.#alive((error) => {
      if (entry.closed !== undefined) throw error;
    });
    const kept = (state, groups) => {
      const size = bytes(JSON.stringify(state) ?? "") + (groups.length > 0 ? bytes(JSON.stringify(groups)) : 0);
      return size <= KEPT_MAX;
    };
    return {
      id: entry.id,
      sessionId: entry.facts.transport === "websocket-raw" ? undefined : entry.id.slice(-8),
      prefix: this.#prefix,
      pathname: this.#prefix,
      address: `${entry.id}@${this.#prefix}//room`,
      bufferedAmount: 0,
      isBehind: false,
      room,
      ...entry.facts,
      get readyState() {
        return entry.closed === undefined ? 1 : entry.readyState === 3 ? 3 : 2;
      },
      get groups() {
        return [...entry.groups];
      },
      get state() {
        return entry.state === undefined ? undefined : frozen(JSON.parse(entry.state));
      },
      set state(state) {
        open(new SendError("closed", "the connection is closed"));
        if (!kept(state, entry.groups)) throw new StateError("state", `a connection's state has at most ${KEPT_MAX} bytes of JSON`);
        entry.state = JSON.stringify(state) ?? "null";
      },
      send(message) {
        checkText("send", message);
        open(new SendError("closed", "the connection is closed"));
        entry.received.push(message);
      },
      async ready() {
        open(new SendError("closed", "the connection is closed"));
      },
      close(code = 1000, reason = "Normal closure") {
        checkClose(code, reason);
        if (entry.closed !== undefined) return;
        entry.closed = { code, reason };
        // Runs after the current call.
        entry.last = entry.last.then(close);
      },
      join(group) {
        checkText("join", group);
        open(new GroupError("group", "the connection is closed"));
        if (group === "" || bytes(group) > GROUP_NAME_MAX) throw new GroupError("group", "the name of a group has 1 to 128 bytes");
        if (entry.groups.includes(group)) return;
        const groups = [...entry.groups, group];
        const state = entry.state === undefined ? undefined : JSON.parse(entry.state);
        if (groups.length > GROUPS_MAX || !kept(state, groups)) {
          throw new GroupError("group", "a connection has at most 64 groups; state and groups take at most 4096 bytes of JSON together");
        }
        entry.groups = groups;
      },
      leave(group) {
        checkText("leave", group);
        open(new GroupError("group", "the connection is closed"));
        entry.groups = entry.groups.filter((known) => known !== group);
      },
      isIn: (group) => entry.groups.includes(group),
    };
  }
}

/** Returns a storage of keys and values in memory. Methods that it lacks throw an error with their name. */
function storageOf(values) {
  const keysOf = (key) => (Array.isArray(key) ? key : [key]);
  const known = {
    async get(key) {
      if (!Array.isArray(key)) return structuredClone(values.get(key));
      return new Map(key.filter((one) => values.has(one)).map((one) => [one, structuredClone(values.get(one))]));
    },
    async put(key, value) {
      for (const [one, its] of typeof key === "string" ? [[key, value]] : Object.entries(key)) values.set(one, structuredClone(its));
    },
    async delete(key) {
      const count = keysOf(key).filter((one) => values.delete(one)).length;
      return Array.isArray(key) ? count : count > 0;
    },
    async list({ prefix = "", start = "", end, limit = Infinity, reverse = false } = {}) {
      const found = [...values.keys()].filter((key) => key.startsWith(prefix) && key >= start && (end === undefined || key < end)).sort();
      if (reverse) found.reverse();
      return new Map(found.slice(0, limit).map((key) => [key, structuredClone(values.get(key))]));
    },
    async deleteAll() {
      values.clear();
    },
    async sync() {},
  };
  return new Proxy(known, {
    get(of, name) {
      if (name in of || typeof name === "symbol" || name === "then") return of[name];
      throw new Error(`a test has no storage.${name}: test what needs it against wrangler`);
    },
  });
}
