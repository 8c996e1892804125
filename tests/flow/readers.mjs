// Clients that read only while they are told to. A paused one leaves its socket alone, beyond the few KiB that Node reads
// ahead, so that what is sent to it piles up in the kernel, and then on the server's side.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { WebSocket } from "ws";
import { request } from "../harness/http.mjs";
import { until, within } from "../harness/wait.mjs";

/**
 * Each opens a session and resolves, when its open frame was read, to `{ socket, messages, send, pause, resume }`: its TCP
 * socket, the messages read so far, and what it does.
 */
export const readers = {
  xhr_streaming: (owner, service) => openStream(owner, service, "POST", "xhr_streaming", "\n", (line) => line),
  eventsource: (owner, service) => openStream(owner, service, "GET", "eventsource", "\r\n\r\n", eventData),
  htmlfile: (owner, service) => openStream(owner, service, "GET", "htmlfile?c=callback", "</script>\r\n", scriptArgument),
  websocket: openSocket,
};

const eventData = (event) => /data: (.*)$/.exec(event)?.[1] ?? "";

const scriptArgument = (script) => JSON.parse(/<script>\np\((.*)\);\n$/.exec(script)?.[1] ?? '""');

async function openStream(owner, service, method, path, separator, unwrap) {
  const url = `${service}/000/${randomUUID()}`;
  const outgoing = startRequest(`${url}/${path}`, { method, agent: false });
  owner.after(() => outgoing.destroy());
  outgoing.end();
  const [response] = await within(once(outgoing, "response"), `the head of ${path}`);

  const frames = new Frames();
  let unread = "";
  response.setEncoding("latin1").on("data", (chunk) => {
    const wrapped = (unread + chunk).split(separator);
    unread = wrapped.pop();
    wrapped.forEach((frame) => frames.add(unwrap(frame)));
  });
  await frames.opened();
  return {
    socket: response.socket,
    messages: frames.messages,
    send: (message) => request(`${url}/xhr_send`, { method: "POST", body: JSON.stringify([message]) }),
    pause: () => response.pause(),
    resume: () => response.resume(),
  };
}

async function openSocket(owner, service) {
  const socket = new WebSocket(`${service.replace(/^http/, "ws")}/000/${randomUUID()}/websocket`, { perMessageDeflate: false });
  owner.after(() => socket.terminate());
  const upgraded = once(socket, "upgrade");
  const frames = new Frames();
  socket.on("message", (data) => frames.add(data.toString()));
  const [{ socket: tcp }] = await within(upgraded, `a WebSocket to ${service}`);
  await frames.opened();
  return {
    socket: tcp,
    messages: frames.messages,
    send: (message) => socket.send(JSON.stringify([message])),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}

class Frames {
  #isOpen = false;
  messages = [];

  /** A heartbeat, and the 2 KiB of them that begin a stream, are no message. */
  add(frame) {
    if (frame === "o") this.#isOpen = true;
    else if (frame.startsWith("a")) this.messages.push(...JSON.parse(frame.slice(1)));
  }

  async opened() {
    await until(() => this.#isOpen, "the open frame");
  }
}
