// Metered globals that an object can wait for without its state: timers, and WebSockets that do not hibernate.

import { count } from "./counters.mjs";
import { MeteredObject } from "./metered-object.mjs";

export function watchGlobals() {
  const { setTimeout, clearTimeout } = globalThis;
  const { accept } = WebSocket.prototype;
  const pending = new Map();

  globalThis.setTimeout = (callback, delay, ...args) => {
    const end = MeteredObject.current()?.begin();
    if (!end) return setTimeout(callback, delay, ...args);
    const timeout = setTimeout(() => {
      pending.delete(id);
      try {
        callback(...args);
      } finally {
        end();
      }
    }, delay);
    // An object that converts to a number, which is all that wasm keeps of it.
    const id = Number(timeout);
    pending.set(id, end);
    return timeout;
  };

  globalThis.clearTimeout = (timeout) => {
    clearTimeout(timeout);
    pending.get(Number(timeout))?.();
    pending.delete(Number(timeout));
  };

  globalThis.setInterval = () => {
    throw new Error("the meter does not know how long setInterval keeps an object awake");
  };

  WebSocket.prototype.accept = function (...args) {
    accept.apply(this, args);
    const end = MeteredObject.current()?.begin();
    if (!end) return;
    count("wakefulSockets");
    this.addEventListener("close", end);
    this.addEventListener("error", end);
  };
}
