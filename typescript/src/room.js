// Rooms, their groups, and rooms of several objects.

import { Connection } from "./connection.js";
import { Handle, checkClose, checkText } from "./handle.js";

/** The connections of a room or of one of its groups. */
class Members {
  #handle;
  #group;

  constructor(handle, group) {
    this.#handle = handle;
    this.#group = group;
  }

  get count() {
    return this.#handle.get().count(this.#group);
  }

  broadcast(message, { except } = {}) {
    checkText("broadcast", message);
    const handle = this.#handle.get();
    const excepted = except === undefined || except === null ? undefined : Connection.handleOf(except);
    if (excepted === undefined) return handle.broadcast(this.#group, message);
    return handle.broadcastExcept(this.#group, message, excepted);
  }

  *connections() {
    const found = this.#handle.get().connections(this.#group);
    try {
      for (let next = found.next(); next !== undefined; next = found.next()) yield next;
    } finally {
      found.free();
    }
  }
}

/** A group of a room. */
export class Group extends Members {
  /** Only for the package. */
  constructor(handle, name) {
    super(handle, name);
    this.name = name;
  }
}

/** All connections of a room, across all of its objects. */
export class AllShards {
  #handle;
  #group;

  /** Only for the package. */
  constructor(handle, group) {
    this.#handle = handle;
    this.#group = group;
  }

  to(group) {
    checkText("to", group);
    return new AllShards(this.#handle, group);
  }

  broadcast(message) {
    checkText("broadcast", message);
    return this.#handle.get().allBroadcast(this.#group, message);
  }

  count() {
    return this.#handle.get().allCount(this.#group);
  }

  close(code = 1000, reason = "Normal closure") {
    checkClose(code, reason);
    return this.#handle.get().allClose(this.#group, code, reason);
  }
}

/** All connections of a service that share an object. */
export class Room extends Members {
  #handle;

  /** Only for the package. */
  constructor(handle, life) {
    const usable = new Handle(handle, life, "room");
    super(usable, undefined);
    this.#handle = usable;
  }

  get prefix() {
    return this.#handle.get().prefix();
  }

  get name() {
    return this.#handle.get().name();
  }

  get storage() {
    return this.#handle.get().storage();
  }

  get all() {
    return new AllShards(this.#handle, undefined);
  }

  connection(id) {
    checkText("connection", id);
    return this.#handle.get().connection(id);
  }

  to(group) {
    checkText("to", group);
    return new Group(this.#handle, group);
  }

  async ready() {
    await this.#handle.get().ready();
  }

  setAlarm(delay) {
    if (!Number.isFinite(delay) || delay < 0) throw new TypeError(`setAlarm: expected milliseconds from now, got ${String(delay)} (example: 25000)`);
    this.#handle.get().setAlarm(delay);
  }

  clearAlarm() {
    this.#handle.get().clearAlarm();
  }
}
