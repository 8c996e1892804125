// The request by which the Worker asks an upstream for a WebSocket.

/**
 * Asks the upstream for a WebSocket.
 *
 * @param {{ fetch: Function } | undefined} service binding of the upstream, if it is one
 * @param {string} url of the upstream
 * @param {string[]} headers names and values in turn
 * @param {string[]} protocols subprotocols that the upstream is offered
 * @param {number} timeoutMs for the answer
 */
export const ask = (service, url, headers, protocols, timeoutMs) => new Asking(service, url, headers, protocols, timeoutMs);

/** The request to the upstream. `answer` resolves to the upstream's WebSocket, or to the name of a refusal and its status. */
class Asking {
  #abort = new AbortController();

  constructor(service, url, names, protocols, timeoutMs) {
    const headers = new Headers({ Upgrade: "websocket" });
    for (let at = 0; at + 1 < names.length; at += 2) headers.set(names[at], names[at + 1]);
    if (protocols.length > 0) headers.set("Sec-WebSocket-Protocol", protocols.join(", "));
    this.answer = this.#ask(service, url, { headers, redirect: "manual" }, protocols, timeoutMs);
  }

  async #ask(service, url, init, protocols, timeoutMs) {
    const { promise: late, resolve } = Promise.withResolvers();
    const limit = setTimeout(resolve, timeoutMs, "late");
    try {
      const request = (service ?? globalThis).fetch(url, { ...init, signal: this.#abort.signal });
      const response = await Promise.race([request, late]);
      if (response === "late") {
        request.catch(() => {});
        this.breakOff();
        return { refusal: "timeout", status: 0 };
      }
      const { status, webSocket } = response;
      if (!webSocket) {
        response.body?.cancel().catch(() => {});
        return { refusal: "status", status };
      }
      const protocol = response.headers.get("Sec-WebSocket-Protocol");
      if (protocol === null || protocols.includes(protocol)) return { socket: webSocket, protocol };
      this.breakOff();
      return { refusal: "protocol", status };
    } catch (error) {
      return { refusal: "unreachable", status: 0, problem: String(error) };
    } finally {
      clearTimeout(limit);
    }
  }

  /** Breaks the connection, also when it is a WebSocket. */
  breakOff() {
    this.#abort.abort();
  }
}
