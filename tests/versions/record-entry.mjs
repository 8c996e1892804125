// The main module around the previous build: it writes down what Worker and objects say to each other.

import { changed } from "./changed.mjs";
import { toHex } from "./hex.mjs";
import Worker, { SockJs } from "./index.js";

export { SockJs };

const exchanges = [];

export default class extends Worker {
  constructor(context, env) {
    const getByName = (name) => {
      const stub = env.SOCKJS.getByName(name);
      return changed(stub, { fetch: (url, init) => exchange(stub, name, url, init) });
    };
    super(context, { ...env, SOCKJS: changed(env.SOCKJS, { getByName }) });
  }
}

async function exchange(stub, object, url, init) {
  const recorded = { object, command: init.headers["sockjs-edge-command"] };
  if (init.body) recorded.requestBody = toHex(init.body);
  exchanges.push(recorded);
  const answer = await stub.fetch(url, init);
  recorded.status = answer.status;
  const frame = answer.headers.get("sockjs-edge-frame");
  if (frame !== null) recorded.frame = frame;
  if (answer.webSocket) return new Response(null, { status: 101, webSocket: relayed(answer.webSocket, recorded) });
  const body = await answer.arrayBuffer();
  if (body.byteLength > 0) recorded.body = toHex(body);
  return new Response(answer.status === 204 ? null : body, answer);
}

/** A socket for the Worker, on which all goes on to `socket` and back. */
function relayed(socket, recorded) {
  const [worker, between] = Object.values(new WebSocketPair());
  Object.assign(recorded, { toWorker: [], toObject: [] });
  const relay = (from, to, messages, closed) => {
    from.binaryType = "arraybuffer";
    from.accept();
    from.addEventListener("message", ({ data }) => {
      messages.push(toHex(data));
      to.send(data);
    });
    from.addEventListener("close", ({ code, reason }) => {
      recorded[closed] = [code, reason];
      to.close(code, reason);
    });
  };
  relay(socket, between, recorded.toWorker, "closedByObject");
  relay(between, socket, recorded.toObject, "closedByWorker");
  return worker;
}

export const control = {
  async fetch(request, env) {
    const command = '{"version":3,"versions":[3,2],"service":"/echo","action":"report"}';
    const headers = { "sockjs-edge-command": command };
    const answer = await env.SOCKJS.getByName("/echo//session/other").fetch("http://record/", { headers });
    return Response.json({ otherVersion: { status: answer.status, text: await answer.text() }, exchanges });
  },
};
