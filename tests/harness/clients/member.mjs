// A connection to `/society` or `/nation` (see tests/rigs/src/society.rs), over any transport: it gives orders, and reads
// messages.

import { Session } from "./session.mjs";
import { openWebSocket } from "./websocket.mjs";
import { Queue } from "../waiting/queue.mjs";

/** Transports of members. */
export const MEMBERS = {
  websocket: { path: "000/s/websocket", isFramed: true },
  "websocket-raw": { path: "websocket", isFramed: false },
  xhr_streaming: {},
  xhr: {},
};

/** The next session id. */
let ids = 0;

/**
 * Opens a connection to a service's URL over a transport of `MEMBERS`, or over another HTTP transport. A silent one reads no
 * messages.
 */
export async function openMember(owner, service, transport, { query = "", isSilent = false } = {}) {
  const member = new Member();
  if (transport.startsWith("websocket")) await member.openWebSocket(owner, service, MEMBERS[transport], query);
  else await member.openSession(owner, service, transport, query, isSilent);
  return member;
}

class Member {
  /** Messages that were said. */
  said = new Queue();
  /** Answers to its orders. */
  answers = new Queue();
  #send;
  #close;

  async openWebSocket(owner, service, { path, isFramed }, query) {
    const url = `${service}/${path.replace("/s/", `/s${(ids += 1)}/`)}${query && `?${query}`}`;
    // Hundreds of clients in one process have no time for decompression.
    const socket = await openWebSocket(owner, url, { perMessageDeflate: false });
    this.#send = (text) => socket.send(isFramed ? JSON.stringify([text]) : text);
    this.#close = () => socket.close();
    this.closed = socket.closed;
    if (isFramed) await socket.frames.next("the open frame");
    const read = async () => {
      for (;;) {
        const frame = await socket.frames.next("a frame", 600_000);
        if (!isFramed) this.#take(frame);
        else if (frame.startsWith("a")) JSON.parse(frame.slice(1)).forEach((message) => this.#take(message));
        else if (frame.startsWith("c")) this.closeFrame = frame;
      }
    };
    read().catch((error) => this.#end(error));
  }

  async openSession(owner, service, transport, query, isSilent) {
    const session = new Session(owner, service, transport);
    if (query) session.receiveUrl += `${session.receiveUrl.includes("?") ? "&" : "?"}${query}`;
    this.session = session;
    this.#send = (text) => session.send(text);
    if ((await session.next()) !== "o") throw new Error("no open frame");
    if (isSilent) return;
    const read = async () => {
      for (;;) {
        const frame = await session.next(600_000);
        if (frame.startsWith("a")) JSON.parse(frame.slice(1)).forEach((message) => this.#take(message));
        else if (frame.startsWith("c")) return this.#end(new Error(`closed: ${frame}`));
      }
    };
    read().catch((error) => this.#end(error));
  }

  #take(message) {
    // Answers are JSON, and messages begin with a letter.
    (/^[a-z]/.test(message) ? this.said : this.answers).push(message);
  }

  #end(error) {
    this.said.end(error);
    this.answers.end(error);
  }

  close() {
    this.#close?.();
  }

  /** Gives an order without an answer. */
  async tell(order) {
    await this.#send(JSON.stringify(order));
  }

  /** Gives an order, and returns its answer. */
  async order(order, ms) {
    await this.tell(order);
    return JSON.parse(await this.answers.next(`the answer to ${JSON.stringify(order).slice(0, 100)}`, ms));
  }
}
