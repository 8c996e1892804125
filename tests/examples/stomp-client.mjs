// @stomp/stompjs with promises around its callbacks.

import { Client } from "@stomp/stompjs";
import { randomUUID } from "node:crypto";
import SockJS from "sockjs-client";
import { Queue } from "../harness/waiting/queue.mjs";
import { DEADLINE_MS, within } from "../harness/waiting/wait.mjs";

/** How a client gets to the server at `url`, as settings of a `Client`. */
export const WAYS = {
  "SockJS, websocket": overSockJs("websocket"),
  "SockJS, xhr-streaming": overSockJs("xhr-streaming"),
  "SockJS, xhr-polling": overSockJs("xhr-polling"),
  "a plain WebSocket": (url) => ({ brokerURL: `${url.replace("http", "ws")}/stomp/websocket` }),
};

function overSockJs(transport) {
  const options = { transports: transport, timeout: DEADLINE_MS };
  return (url) => ({ webSocketFactory: () => new SockJS(`${url}/stomp`, null, options) });
}

/** Resolves once the client is connected. Without `heartbeats` neither side beats. */
export async function connectStomp(owner, settings, { heartbeats = 0 } = {}) {
  const client = new Client({ ...settings, reconnectDelay: 0, heartbeatIncoming: heartbeats, heartbeatOutgoing: heartbeats });
  client.heartbeatToleranceMultiplier = Infinity; // the tests wait for beats, and on a busy machine they come late
  owner.after(() => client.deactivate({ force: true }));
  const connected = Promise.withResolvers();
  const disconnected = Promise.withResolvers();
  const closed = Promise.withResolvers();
  const beats = new Queue();
  const errors = new Queue();
  client.onConnect = connected.resolve;
  client.onDisconnect = disconnected.resolve;
  client.onStompError = (frame) => errors.push(frame);
  client.onHeartbeatReceived = () => beats.push("beat");
  client.onWebSocketClose = ({ code }) => {
    connected.reject(new Error(`the connection was closed with ${code}`));
    closed.resolve(code);
  };
  client.activate();
  const { headers } = await within(connected.promise, "CONNECTED");
  const receipt = () => {
    const id = randomUUID();
    const came = new Promise((resolve) => client.watchForReceipt(id, resolve));
    return { header: { receipt: id }, came: within(came, "a receipt") };
  };
  return {
    client,
    headers,
    beats,
    errors,
    closed: closed.promise,
    /** Sends, and resolves when the server has done its part. */
    async publish(destination, body, headers) {
      const { header, came } = receipt();
      client.publish({ destination, body, headers: { ...headers, ...header } });
      await came;
    },
    /** Resolves, once the server knows, to the messages that come and to a function that ends it. */
    async subscribe(destination) {
      const messages = new Queue();
      const { header, came } = receipt();
      const subscription = client.subscribe(destination, (message) => messages.push(message), header);
      await came;
      const unsubscribe = async () => {
        const { header, came } = receipt();
        subscription.unsubscribe(header);
        await came;
      };
      return { messages, unsubscribe };
    },
    /** DISCONNECT, until its receipt is there. */
    async disconnect() {
      await within(client.deactivate(), "the end of the client");
      await within(disconnected.promise, "the receipt of DISCONNECT");
    },
  };
}
