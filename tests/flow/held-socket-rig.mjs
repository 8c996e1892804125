// The JavaScript that holds a client's WebSocket in the Worker, alone: both of its ends are made up here.

import { HeldSocket } from "../../src/js/held_socket.js";
import { until } from "../harness/waiting/wait.mjs";

const LIMITS = { isRaw: false, inboxLimit: 8 << 20, stallTimeoutMs: 30_000, reattachTimeoutMs: 30_000, attachMs: 25_000 };
/** The connection is closed no earlier after it was opened. */
const CLOSE_AFTER_MS = 5;

/** An end of a WebSocket: what was sent on it, and what it is told. */
export class FakeSocket {
  sent = [];
  closed = undefined;
  bufferedAmount = 0;
  #listeners = {};

  addEventListener(type, listener) {
    (this.#listeners[type] ??= []).push(listener);
  }

  accept() {
    this.isAccepted = true;
  }

  send(message) {
    if (this.closed || this.isBroken) throw new TypeError("the WebSocket is closed");
    this.sent.push(message);
  }

  close(code, reason) {
    if (this.closed) throw new TypeError("the WebSocket is closed");
    this.closed = { code, reason };
  }

  /** The other side sends something. */
  gives(...messages) {
    for (const data of messages) this.#emit("message", { data });
  }

  /** The other side closes it, or it is lost. */
  ends(code = 1006, reason = "") {
    this.#emit("close", { code, reason });
  }

  /** Returns the frames that were sent since the last call. */
  take() {
    return this.sent.splice(0);
  }

  #emit(type, event) {
    for (const listener of this.#listeners[type] ?? []) listener(event);
  }
}

/** A client's WebSocket that is held. Each attempt to attach again waits in `attempts` for an answer. */
export function held(t, options = {}, failure) {
  const client = new FakeSocket();
  const inner = new FakeSocket();
  const attempts = [];
  const waits = [];
  const attach = (known) => {
    if (failure) throw failure;
    const attempt = Promise.withResolvers();
    attempts.push({ known, ...attempt });
    return attempt.promise;
  };
  const socket = new HeldSocket(client, { ...LIMITS, ...options }, attach, { waitUntil: (promise) => waits.push(promise) });
  socket.start(inner);
  t.after(() => client.ends(1006)); // gives back its part of the isolate's memory
  return {
    client,
    inner,
    attempts,
    waits,
    attempt: async (number) => {
      await until(() => attempts.length >= number, `attempt ${number} to attach`);
      return attempts[number - 1];
    },
  };
}

/** Lets promises go on while time stands still. */
export async function settled() {
  for (let step = 0; step < 10; step += 1) await Promise.resolve();
}

/** Ends the turn of the event loop, and the timers of the next one. */
export const turn = () => new Promise((resolve) => setTimeout(resolve, 2));
export const old = () => new Promise((resolve) => setTimeout(resolve, 2 * CLOSE_AFTER_MS));

/** Resolves an attempt with a new inner WebSocket. */
export async function attached(attempt, received) {
  const inner = new FakeSocket();
  attempt.resolve([inner, received]);
  await until(() => inner.isAccepted, "the new inner WebSocket to be used");
  await turn();
  return inner;
}
