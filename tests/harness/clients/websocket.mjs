// A plain WebSocket client, for details that the stock client hides: single frames, and the close of the socket itself.

import { once } from "node:events";
import { WebSocket } from "ws";
import { Queue } from "../waiting/queue.mjs";
import { within } from "../waiting/wait.mjs";

/** Opens a WebSocket to an http:// URL, with options of `ws`. `closed` resolves when its TCP connection has ended, too. */
export async function openWebSocket(owner, url, options) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), options);
  owner.after(() => socket.terminate());
  const frames = new Queue();
  const pongs = new Queue();
  const closed = Promise.withResolvers();
  socket.on("message", (data) => frames.push(data.toString()));
  socket.on("pong", (data) => pongs.push(data.toString()));
  socket.on("close", (code, reason) => {
    for (const queue of [frames, pongs]) queue.end(new Error(`the WebSocket was closed: ${code} ${reason}`));
    closed.resolve({ code, reason: reason.toString() });
  });
  await within(once(socket, "open"), `a WebSocket to ${url}`);
  return {
    frames,
    pongs,
    closed: closed.promise,
    send: (...data) => socket.send(...data),
    /** Sends messages in one piece, so that the server has read all of them when it takes the first. */
    sendTogether(messages) {
      socket._socket.cork();
      for (const message of messages) socket.send(message);
      socket._socket.uncork();
    },
    protocol: socket.protocol,
    ping: (data) => socket.ping(data),
    close: (...why) => socket.close(...why),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    terminate: () => socket.terminate(),
  };
}
