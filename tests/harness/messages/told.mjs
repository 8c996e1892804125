// What /trouble logs: what its application did and was told, by session.

import { byLines } from "../waiting/lines.mjs";
import { until } from "../waiting/wait.mjs";

export class Told {
  /** For each start of a handler, the sessions that it found in its room. */
  starts = [];
  #events = new Map();
  add = byLines((line) => this.#read(line));

  #read(line) {
    if (process.env.SOCKJS_FAULTS_LOG) process.stderr.write(`${line}\n`);
    if (!/^\{.*"trouble":/.test(line)) return;
    const { trouble, session, sessions } = JSON.parse(line);
    if (trouble === "start") this.starts.push(sessions);
    else this.of(session).push(trouble);
  }

  /** Everything of one session, in order. */
  of(session) {
    if (!this.#events.has(session)) this.#events.set(session, []);
    return this.#events.get(session);
  }

  /** How often this was told of a session. */
  count(session, event) {
    return this.of(session).filter((told) => told === event).length;
  }

  /** What the application said on its own, and was told was taken. */
  said(session) {
    return this.of(session).filter((told) => told.startsWith("said "));
  }

  /** Waits until it is told of a session, and so of all that was before: what it is told comes later than a message. */
  hears(session, event, ms) {
    return until(() => this.of(session).includes(event), `${session} to be told: ${event}`, ms);
  }
}
