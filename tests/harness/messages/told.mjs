// The log of /trouble: actions and callbacks of its application, by session.

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

  /** Returns all events of one session, in order. */
  of(session) {
    if (!this.#events.has(session)) this.#events.set(session, []);
    return this.#events.get(session);
  }

  /** Returns the number of times that this event occurred in a session. */
  count(session, event) {
    return this.of(session).filter((told) => told === event).length;
  }

  /** Returns the messages that the application sent on its own, and whose send succeeded. */
  said(session) {
    return this.of(session).filter((told) => told.startsWith("said "));
  }

  /** Waits for an event of a session, and so for all earlier ones: the log arrives later than a message. */
  hears(session, event, ms) {
    return until(() => this.of(session).includes(event), `${session} to be told: ${event}`, ms);
  }
}
