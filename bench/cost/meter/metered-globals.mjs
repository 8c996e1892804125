// What an object can wait for without its state knowing of it: timers, and WebSockets that do not hibernate.

import { count } from "./counters.mjs";
import { MeteredObject } from "./metered-object.mjs";

export function watchGlobals() {
  const { setTimeout, clearTimeout } = globalThis;
  const { accept } = WebSocket.prototype;
  const pending = new Map();

  globalThis.setTimeout = (callback, delay, ...args) => {
    const end = MeteredObject.current()?.begin();
    if (!end) return setTimeout(callback, delay, ...args);
    const id = setTimeout(() => {
      pending.delete(id);
      try {
        callback(...args);
      } finally {
        end();
      }
    }, delay);
    pending.set(id, end);
    return id;
  };

  globalThis.clearTimeout = (id) => {
    clearTimeout(id);
    pending.get(id)?.();
    pending.delete(id);
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
