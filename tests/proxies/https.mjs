// Requests, with and without TLS, whose responses are read while they go on.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { until, within } from "../harness/waiting/wait.mjs";

/**
 * Begins a request on a connection of its own; resolves when the head of the response is there. `from` is the client's address. `path`
 * is sent as it is, in place of the one in `url`, which a URL has in its normal form.
 */
export async function open(url, { method = "POST", headers, body, from, path } = {}) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const begin = url.startsWith("https:") ? httpsRequest : httpRequest;
  const request = begin(url, { method, headers, agent: false, localAddress: from, ...(path && { path }) }, resolve);
  request.on("error", reject);
  request.end(body);
  return new Response(request, await within(promise, `the head of ${url}`));
}

/** One request and its whole response: `{ status, headers, body }`. */
export async function fetchAll(url, options) {
  const response = await open(url, options);
  await until(() => response.hasEnded, `the end of ${url}`);
  const { status, headers, text: body } = response;
  return { status, headers, body };
}

class Response {
  text = "";
  hasEnded = false;
  #request;

  constructor(request, message) {
    this.#request = request;
    this.status = message.statusCode;
    this.headers = message.headers;
    message.setEncoding("utf8");
    message.on("data", (text) => (this.text += text));
    message.on("close", () => (this.hasEnded = true));
    message.on("error", () => {});
    request.on("error", () => {});
  }

  /** Waits until the response has this text, and goes on. */
  async reads(text, ms) {
    await until(() => this.text.includes(text) || this.hasEnded, `${JSON.stringify(text)} in a response`, ms);
    if (!this.text.includes(text)) throw new Error(`the response ended without ${text}: ${this.text.slice(-200)}`);
  }

  /** Leaves in the middle of the response. */
  leave() {
    this.#request.destroy();
  }
}
