// Rooms and connections from outside of their objects: from a route, a cron, a queue or another program.

import { Core } from "../dist/index.js";
import { checkText } from "./handle.js";

const LIMIT = 100;

/** The way to rooms and connections. */
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

  async serve(request, tokens) {
    return await this.#handle.serve(request, tokens);
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

  async broadcast(message) {
    checkText("broadcast", message);
    return await this.#handle.broadcast(message);
  }

  async close(code = 1000, reason = "Normal closure") {
    checkText("the reason of close", reason);
    return await this.#handle.close(code, reason);
  }

  async count() {
    return await this.#handle.count();
  }

  async connections({ after, limit = LIMIT } = {}) {
    const { connections, next } = await this.#handle.connections(after, limit);
    return { connections, next: next ?? undefined };
  }

  async call(question) {
    return await this.#handle.call(JSON.stringify(question) ?? "null");
  }
}

class RemoteConnection {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  async send(message) {
    checkText("send", message);
    return await this.#handle.send(message);
  }

  async close(code = 1000, reason = "Normal closure") {
    checkText("the reason of close", reason);
    return await this.#handle.close(code, reason);
  }
}
