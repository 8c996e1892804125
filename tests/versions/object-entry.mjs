// The main module around this build that plays the recorded objects of the previous one to the Worker.

import { fromHex, toHex } from "./hex.mjs";

export { default } from "./index.js";

/** The recording to play back, and the Worker's messages. */
let recording;
let played = [];

const kindOf = (command) => Object.keys(JSON.parse(command).action)[0];

export class SockJs {
  #name;

  constructor(state) {
    this.#name = state.id.name;
  }

  async fetch(request) {
    const command = request.headers.get("sockjs-edge-command");
    const said = { object: this.#name, command };
    played.push(said);
    const body = await request.arrayBuffer();
    if (body.byteLength > 0) said.requestBody = toHex(body);
    if (JSON.parse(command).version !== 2) {
      const { status, text } = recording.otherVersion;
      return new Response(text, { status });
    }
    const isNext = (each) => each.object === this.#name && kindOf(each.command) === kindOf(command);
    const [recorded] = recording.exchanges.splice(recording.exchanges.findIndex(isNext), 1);
    const { status, frame, toWorker } = recorded;
    if (status === 101) return new Response(null, { status, webSocket: this.#converse(toWorker, said) });
    const headers = frame === undefined ? {} : { "sockjs-edge-frame": frame };
    return new Response(recorded.body ? fromHex(recorded.body) : null, { status, headers });
  }

  #converse(messages, said) {
    const [worker, own] = Object.values(new WebSocketPair());
    said.toObject = [];
    own.binaryType = "arraybuffer";
    own.accept();
    own.addEventListener("message", ({ data }) => said.toObject.push(toHex(data)));
    own.addEventListener("close", ({ code, reason }) => {
      said.closedByWorker = [code, reason];
      own.close(code, reason);
    });
    for (const message of messages) own.send(fromHex(message));
    return worker;
  }
}

export const control = {
  async fetch(request) {
    if (request.method === "POST") recording = await request.json();
    return Response.json(played);
  },
};
