// Runs around the Worker, with objects that say something that no version says.

export { default } from "./index.js";

export class SockJs {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.send(new Uint8Array([9]));
    return new Response(null, { status: 101, webSocket: client, headers: { "sockjs-edge-connection": "its-id" } });
  }
}
