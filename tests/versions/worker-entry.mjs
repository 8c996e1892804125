// The main module around this build that plays the recorded Worker of the previous one to the objects.

import { fromHex, toHex } from "./hex.mjs";

export { SockJs, default } from "./index.js";

export const control = {
  async fetch(request, env) {
    const { exchanges } = await request.json();
    const played = [];
    const open = [];
    for (const recorded of exchanges) {
      const { object, command, requestBody } = recorded;
      const isAttach = "attach" in JSON.parse(command).action;
      // A session has one receiver at a time.
      if (isAttach) await Promise.all(open.filter((other) => other.object === object).map(({ end }) => end));
      const said = { object, command, ...(requestBody && { requestBody }) };
      played.push(said);
      const headers = { "sockjs-edge-command": command, ...(isAttach && { Upgrade: "websocket" }) };
      const init = requestBody ? { method: "POST", body: fromHex(requestBody) } : {};
      const answer = await env.SOCKJS.getByName(object).fetch("http://recorded/", { headers, ...init });
      said.status = answer.status;
      const frame = answer.headers.get("sockjs-edge-frame");
      if (frame !== null) said.frame = frame;
      if (answer.webSocket) {
        open.push({ object, end: converse(answer.webSocket, recorded, said) });
        continue;
      }
      const body = await answer.arrayBuffer();
      if (body.byteLength > 0) said.body = toHex(body);
    }
    await Promise.all(open.map(({ end }) => end));
    return Response.json(played);
  },
};

/** Says what was recorded once as many messages came, and waits for the end. */
function converse(socket, { toWorker, toObject, closedByWorker }, said) {
  Object.assign(said, { toWorker: [], toObject });
  socket.binaryType = "arraybuffer";
  const isOver = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      said.toWorker.push(toHex(data));
      if (said.toWorker.length < toWorker.length) return;
      for (const message of toObject) socket.send(fromHex(message));
      socket.close(...closedByWorker);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      Object.assign(said, { closedByObject: [code, reason], closedByWorker });
      resolve();
    });
  });
  socket.accept();
  return isOver;
}
