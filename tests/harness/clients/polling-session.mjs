// A session over xhr-polling, request by request.

import { randomUUID } from "node:crypto";
import { request, start } from "./http.mjs";

export class PollingSession {
  id = randomUUID();

  /** @param {string} service URL of a service, such as http://127.0.0.1:1234/echo */
  constructor(service) {
    this.url = `${service}/000/${this.id}`;
  }

  /** Makes one receive request. Resolves to its response `{ status, headers, body }`. */
  poll(headers) {
    return request(`${this.url}/xhr`, { method: "POST", headers });
  }

  /** Makes one receive request, and leaves its response unread. */
  async startPoll(owner) {
    const poll = await start(`${this.url}/xhr`, { method: "POST" });
    owner.after(() => poll.close());
    return poll;
  }

  /** Makes one receive request that waits: its head has arrived, so it has reached the object without a result. */
  async pendingPoll(owner) {
    const poll = await this.startPoll(owner);
    await poll.head();
    return poll;
  }

  send(messages, headers) {
    return this.sendBody(JSON.stringify(messages), headers);
  }

  sendBody(body, headers) {
    return request(`${this.url}/xhr_send`, { method: "POST", headers, body });
  }
}

/** Opens a session: its first poll gets the open frame. */
export async function openPollingSession(service) {
  const session = new PollingSession(service);
  const { status, body } = await session.poll();
  if (status !== 200 || body !== "o\n") throw new Error(`${service} opened no session: ${status} ${body}`);
  return session;
}
