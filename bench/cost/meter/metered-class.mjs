// The exported class with a meter around each of its events, and around the state that it is given.

import { count } from "./counters.mjs";
import { MeteredObject } from "./metered-object.mjs";

const isReport = (request) => /"action":"report"/.test(request.headers.get("sockjs-edge-command"));

export function meteredClass(Built) {
  return class {
    #object;
    #built;

    constructor(state, env) {
      this.#object = new MeteredObject(state);
      this.#built = new Built(this.#object.state, env);
    }

    fetch(request) {
      if (isReport(request)) count("reports");
      return this.#event("fetches", () => this.#built.fetch(request));
    }

    alarm(info) {
      return this.#event("alarms", () => this.#built.alarm(info));
    }

    webSocketMessage(socket, data) {
      return this.#event("messages", () => this.#built.webSocketMessage(socket, data));
    }

    webSocketClose(socket, code, reason, wasClean) {
      return this.#event("socketEnds", () => this.#built.webSocketClose(socket, code, reason, wasClean));
    }

    webSocketError(socket, error) {
      return this.#event("socketEnds", () => this.#built.webSocketError(socket, error));
    }

    #event(kind, handle) {
      count(kind);
      return this.#object.work(handle);
    }
  };
}
