// Clients that read only while they are not paused. A paused client does not read its socket, beyond the few KiB that Node reads
// ahead, so that data to it piles up in the kernel, and then on the server's side. A polling client does not poll.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { WebSocket } from "ws";
import { inKernel } from "../machine/kernel-buffers.mjs";
import { TRANSPORTS, frameReader, receivePath } from "../protocol/transports.mjs";
import { until, within } from "../waiting/wait.mjs";
import { request } from "./http.mjs";

/**
 * Each opens a session and resolves, when the open frame was read, to `{ messages, send, pause, resume, taken }`: the messages
 * read so far, the actions, and the number of bytes that left the server since the pause.
 */
export const readers = {
  xhr_streaming: (owner, service) => openStream(owner, service, "xhr_streaming"),
  eventsource: (owner, service) => openStream(owner, service, "eventsource"),
  htmlfile: (owner, service) => openStream(owner, service, "htmlfile"),
  websocket: openSocket,
  xhr: openPolls,
};

async function openStream(owner, service, segment) {
  const url = `${service}/000/${randomUUID()}`;
  const outgoing = startRequest(`${url}/${receivePath(segment)}`, { method: TRANSPORTS[segment].method, agent: false });
  owner.after(() => outgoing.destroy());
  outgoing.end();
  const [response] = await within(once(outgoing, "response"), `the head of ${segment}`);

  const frames = new Frames();
  const read = frameReader(segment);
  response.setEncoding("utf8").on("data", (chunk) => read(chunk).forEach((frame) => frames.add(frame)));
  await frames.opened();
  return {
    messages: frames.messages,
    send: (message) => post(url, message),
    leave: () => response.socket.resetAndDestroy(),
    ...pausing(response, response.socket),
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
    messages: frames.messages,
    send: (message) => socket.send(JSON.stringify([message])),
    ...pausing(socket, tcp),
  };
}

const post = (url, message) => request(`${url}/xhr_send`, { method: "POST", body: JSON.stringify([message]) });

function pausing(reading, socket) {
  let before;
  return {
    pause() {
      reading.pause();
      before = socket.bytesRead;
    },
    resume: () => reading.resume(),
    taken: () => inKernel(socket) + socket.bytesRead - before,
  };
}

async function openPolls(owner, service) {
  const url = `${service}/000/${randomUUID()}`;
  const frames = new Frames();
  let isOver = false;
  owner.after(() => (isOver = true));
  let reading = Promise.withResolvers();
  reading.resolve();
  let taken = 0;
  const poll = async () => {
    while (!isOver) {
      await reading.promise;
      // Longer than a heartbeat.
      const { body } = await request(`${url}/xhr`, { method: "POST", ms: 60_000 });
      taken += body.length;
      frames.add(body.trimEnd());
    }
  };
  // A poll breaks off when the server ends. Before that, the test notices missing messages.
  poll().catch(() => {});
  await frames.opened();
  return {
    messages: frames.messages,
    send: (message) => post(url, message),
    pause() {
      // The pending poll takes one more frame.
      reading = Promise.withResolvers();
      taken = 0;
    },
    resume: () => reading.resolve(),
    taken: () => taken,
  };
}

class Frames {
  #isOpen = false;
  messages = [];

  /** Heartbeats, and the 2 KiB of them at the start of a stream, are not messages. */
  add(frame) {
    if (frame === "o") this.#isOpen = true;
    else if (frame.startsWith("a")) this.messages.push(...JSON.parse(frame.slice(1)));
  }

  async opened() {
    await until(() => this.#isOpen, "the open frame");
  }
}
