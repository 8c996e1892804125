// A connection by the stock client that comes back when it was lost.

const { SockJS } = window;

const RETRY_MS = 500;
const RETRY_MAX_MS = 8_000;
const RETRIES = 8;
/** After which a connection that is lost was a good one: the next try comes at once again. */
const GOOD_AFTER_MS = 5_000;
/** By itself the client gives a transport a few round trips. */
const TIMEOUT_MS = 15_000;

export class Connection {
  /** "closed", "connecting", "open", or "waiting" for the next try. */
  state = "closed";
  session = "";
  openedAt = 0;
  heartbeats = 0;
  reconnects = 0;
  /** How it ended last: `{ code, reason }`. */
  end = null;
  #url;
  #transport;
  #sock;
  #tries = 0;
  #timer;
  /** Whether it was closed for good. */
  #isOver = false;

  /** Without a transport the client chooses. */
  constructor(url, transport) {
    this.#url = url;
    this.#transport = transport;
  }

  // For whoever is interested.
  onchange() {}
  onframe() {}
  onmessage() {}
  onheartbeat() {}
  /** A step that is billed: "open", "heartbeat", "close" or, by the server, "end", and what a subclass adds. */
  onstep() {}

  connect() {
    clearTimeout(this.#timer);
    const session = randomName();
    const options = { transports: this.#transport, timeout: TIMEOUT_MS, sessionId: () => session };
    const sock = new SockJS(this.#url, null, options);
    // Through here goes each frame that a transport receives, also in an iframe.
    sock._transportMessage = (frame) => {
      if (sock === this.#sock) this.#look(frame);
      SockJS.prototype._transportMessage.call(sock, frame);
    };
    sock.onopen = () => {
      this.openedAt = performance.now();
      this.onstep("open");
      this.#change("open");
    };
    sock.onmessage = ({ data }) => this.onmessage(data);
    sock.onclose = (end) => sock === this.#sock && this.#ended(end);
    this.#sock = sock;
    this.session = session;
    this.#change("connecting");
  }

  /** Whether it could be sent. */
  send(text) {
    if (this.state !== "open") return false;
    this.onframe("out", JSON.stringify([text]));
    this.#sock.send(text);
    return true;
  }

  /** For good. */
  close() {
    clearTimeout(this.#timer);
    this.#isOver = true;
    if (this.state === "open" || this.state === "connecting") this.#sock.close();
    else this.#change("closed");
  }

  get transport() {
    return this.#sock?.transport;
  }

  #look(frame) {
    this.onframe("in", frame);
    if (frame !== "h") return; // streams over XMLHttpRequest start with 2,048 of them, which the client takes for one
    this.heartbeats += 1;
    // The services of the demo have `liveness` "page": this says that the page is still here.
    if (this.state === "open") this.#sock.send("");
    this.onstep("heartbeat");
    this.onheartbeat();
  }

  #ended({ code, reason }) {
    this.end = { code, reason };
    if (this.state === "open") this.onstep(this.#isOver ? "close" : "end");
    if (this.state === "open" && performance.now() - this.openedAt > GOOD_AFTER_MS) this.#tries = 0;
    // 1000 and 3000 to 4999 say that one side wanted it.
    const wanted = this.#isOver || code === 1000 || code >= 3000;
    if (wanted || this.#tries === RETRIES) return this.#change("closed");
    const delay = Math.min(RETRY_MS * 2 ** this.#tries, RETRY_MAX_MS);
    this.#tries += 1;
    this.#timer = setTimeout(() => {
      this.reconnects += 1;
      this.connect();
    }, delay);
    this.#change("waiting");
  }

  #change(state) {
    const before = this.state;
    this.state = state;
    this.onchange(state, before);
  }
}

/** 40 random bits. */
export function randomName() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => (byte % 32).toString(32)).join("");
}
