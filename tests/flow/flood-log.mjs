// What /flood logs: one line of JSON at the end of each flood. What else is logged is shown.

import { Queue } from "../harness/queue.mjs";

export class FloodLog {
  #rest = "";
  /** `{ accepted, refused }`: numbers of messages. */
  reports = new Queue();

  add(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) this.#read(line);
  }

  #read(line) {
    if (line.startsWith('{"flood":')) this.reports.push(JSON.parse(line).flood);
    else process.stderr.write(`${line}\n`);
  }
}
