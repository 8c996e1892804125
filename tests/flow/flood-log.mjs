// The log of /flood: one line of JSON at the end of each flood, and one at the end of each connection. All other lines are shown.

import { byLines } from "../harness/waiting/lines.mjs";
import { Queue } from "../harness/waiting/queue.mjs";

export class FloodLog {
  /** `{ accepted, refused }`: numbers of messages. */
  reports = new Queue();
  #closes = new Map();
  add = byLines((line) => this.#read(line));

  /** The queue of what `on_close` of a session was told; for a raw WebSocket its query is the session id. */
  closes(session) {
    if (!this.#closes.has(session)) this.#closes.set(session, new Queue());
    return this.#closes.get(session);
  }

  #read(line) {
    if (line.startsWith('{"flood":')) return this.reports.push(JSON.parse(line).flood);
    if (!/^\{.*"witness":/.test(line)) return process.stderr.write(`${line}\n`);
    const { session, witness } = JSON.parse(line);
    this.closes(session).push(witness);
  }
}
