// A SockJS in a page, with the interface of a local one.

import { StockClient } from "../clients/stock-client.mjs";
import { DEADLINE_MS, within } from "../waiting/wait.mjs";

/** Like `connectStockClient`, in a page of `openPage`. It ends with the page. */
export async function connectInPage(page, url, transport, { session } = {}) {
  const options = { url, transport, session, timeout: DEADLINE_MS };
  const client = new StockClient(new PageSocket(await page.evaluateHandle(connect, options)));
  await within(client.opened, `the page to connect over ${transport}`);
  return client;
}

/** Runs in the page. */
function connect({ url, transport, session, timeout }) {
  const events = [];
  let wake = () => {};
  const tell = (...event) => {
    events.push(event);
    wake();
  };
  // By default the client gives a transport a few round trips, some hundred milliseconds here.
  const options = { transports: transport, timeout, sessionId: session && (() => session) };
  const socket = new window.SockJS(url, null, options);
  socket.onopen = () => tell("onopen", { transport: socket.transport });
  socket.onmessage = ({ data }) => tell("onmessage", { data });
  socket.onheartbeat = () => tell("onheartbeat");
  socket.onclose = ({ code, reason, wasClean }) => tell("onclose", { code, reason, wasClean });
  return {
    send: (messages) => messages.forEach((message) => socket.send(message)),
    close: (why) => socket.close(...why),
    async events() {
      if (events.length === 0) await new Promise((resolve) => (wake = resolve));
      return events.splice(0);
    },
  };
}

/** Sends and receives in batches, since one call into the page takes longer than one message. */
class PageSocket {
  transport = null;
  #page;
  #unsent = [];
  #flushed = Promise.resolve();

  /** @param page a handle of what `connect` returned */
  constructor(page) {
    this.#page = page;
    this.#listen().catch((error) => this.#lost(error));
  }

  send(message) {
    this.#unsent.push(message);
    this.#flushed = this.#flushed.then(() => this.#flush()).catch((error) => this.#lost(error));
  }

  close(...why) {
    this.#page.evaluate((page, why) => page.close(why), why).catch((error) => this.#lost(error));
  }

  async #flush() {
    const messages = this.#unsent.splice(0);
    if (messages.length > 0) await this.#page.evaluate((page, messages) => page.send(messages), messages);
  }

  async #listen() {
    for (;;) {
      for (const [name, event] of await this.#page.evaluate((page) => page.events())) {
        if (name === "onopen") this.transport = event.transport;
        this[name](event);
        if (name === "onclose") return;
      }
    }
  }

  /** Handles that the page is gone, or that it threw an error. */
  #lost(error) {
    this.onclose({ reason: error.message });
  }
}
