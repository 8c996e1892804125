// A plain WebSocket client, for what the stock client hides: single frames, and the close of the socket itself.

import { once } from "node:events";
import { WebSocket } from "ws";
import { Queue } from "./queue.mjs";
import { within } from "./wait.mjs";

/** Opens a WebSocket to an http:// URL. `closed` is when its TCP connection ended, too. */
export async function openWebSocket(owner, url) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  owner.after(() => socket.terminate());
  const frames = new Queue();
  const closed = Promise.withResolvers();
  socket.on("message", (data) => frames.push(data.toString()));
  socket.on("close", (code, reason) => {
    frames.end(new Error(`the WebSocket was closed: ${code} ${reason}`));
    closed.resolve({ code, reason: reason.toString() });
  });
  await within(once(socket, "open"), `a WebSocket to ${url}`);
  return { frames, closed: closed.promise, send: (data) => socket.send(data), close: (...why) => socket.close(...why) };
}
