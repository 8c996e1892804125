// Access to rooms and connections from outside of their objects: from a route, a cron trigger, a queue consumer or another
// program.

import { Core } from "../dist/index.js";
import { checkClose, checkText } from "./handle.js";

const LIMIT = 100;

/** Returns access to rooms and connections. */
export function push(env) {
  return new Push(Core.push(env));
}

class Push {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  room(path) {
    checkText("room", path);
    return new RemoteRoom(this.#handle.room(path));
  }

  connection(address) {
    checkText("connection", address);
    return new RemoteConnection(this.#handle.connection(address));
  }

  serve(request, tokens) {
    return this.#handle.serve(request, tokens);
  }
}

class RemoteRoom {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  to(group) {
    checkText("to", group);
    return new RemoteRoom(this.#handle.to(group));
  }

  broadcast(message) {
    checkText("broadcast", message);
    return this.#handle.broadcast(message);
  }

  close(code = 1000, reason = "Normal closure") {
    checkClose(code, reason);
    return this.#handle.close(code, reason);
  }

  count() {
    return this.#handle.count();
  }

  async connections({ after, limit = LIMIT } = {}) {
    const { connections, next } = await this.#handle.connections(after, limit);
    return { connections, next: next ?? undefined };
  }

  call(question) {
    return this.#handle.call(JSON.stringify(question) ?? "null");
  }
}

class RemoteConnection {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  send(message) {
    checkText("send", message);
    return this.#handle.send(message);
  }

  close(code = 1000, reason = "Normal closure") {
    checkClose(code, reason);
    return this.#handle.close(code, reason);
  }
}
