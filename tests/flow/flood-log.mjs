// What /flood logs: one line of JSON at the end of each flood, and one at the end of each connection. What else is logged is shown.

import { Queue } from "../harness/waiting/queue.mjs";

export class FloodLog {
  #rest = "";
  /** `{ accepted, refused }`: numbers of messages. */
  reports = new Queue();
  #closes = new Map();

  add(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) this.#read(line);
  }

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
