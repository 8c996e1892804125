// The log of /witness about its connections. All other lines are shown.

import { byLines } from "../harness/waiting/lines.mjs";

export class Lives {
  #opened = new Map();
  #closed = new Map();
  add = byLines((line) => this.#read(line));

  #read(line) {
    if (!line.includes('"witness":')) return process.stderr.write(`${line}\n`);
    const { witness, session } = JSON.parse(line);
    const known = witness === "open" ? this.#opened : this.#closed;
    known.set(session, (known.get(session) ?? 0) + 1);
  }

  /** Sessions that were opened, and those of them that were closed. */
  get counts() {
    const closed = [...this.#opened.keys()].filter((session) => this.#closed.has(session));
    return { opened: this.#opened.size, closed: closed.length };
  }

  /** Sessions whose application was told more than once of the same thing, or of an end without a beginning. */
  get odd() {
    const twice = [this.#opened, this.#closed].flatMap((known) => [...known].filter(([, count]) => count > 1));
    const unopened = [...this.#closed.keys()].filter((session) => !this.#opened.has(session));
    return [...twice.map(([session]) => session), ...unopened];
  }
}
