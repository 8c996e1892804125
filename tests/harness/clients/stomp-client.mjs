// @stomp/stompjs with promises around its callbacks.

import { Client } from "@stomp/stompjs";
import { randomUUID } from "node:crypto";
import SockJS from "sockjs-client";
import { Queue } from "../waiting/queue.mjs";
import { DEADLINE_MS, within } from "../waiting/wait.mjs";

/** Returns the settings of a `Client` that reaches a SockJS service over one transport. */
export function overSockJs(service, transport) {
  const options = { transports: transport, timeout: DEADLINE_MS };
  return { webSocketFactory: () => new SockJS(service, null, options) };
}

/**
 * Resolves once the client is connected. Without `heartbeats` neither side beats. With `reconnectDelay`, in milliseconds, the client
 * connects again after each close; `closes` has the codes, `connections` an entry for each CONNECTED after the first.
 */
export async function connectStomp(owner, settings, { heartbeats = 0, reconnectDelay = 0 } = {}) {
  const client = new Client({ ...settings, reconnectDelay, heartbeatIncoming: heartbeats, heartbeatOutgoing: heartbeats });
  client.heartbeatToleranceMultiplier = Infinity; // the tests wait for beats, and on a busy machine they come late
  owner.after(() => client.deactivate({ force: true }));
  const connected = Promise.withResolvers();
  const disconnected = Promise.withResolvers();
  const closed = Promise.withResolvers();
  let isFirst = true;
  const beats = new Queue();
  const errors = new Queue();
  const closes = new Queue();
  const connections = new Queue();
  client.onConnect = (frame) => {
    if (isFirst) connected.resolve(frame);
    else connections.push(frame);
    isFirst = false;
  };
  client.onDisconnect = disconnected.resolve;
  client.onStompError = (frame) => {
    errors.push(frame);
    connected.reject(new Error(`ERROR: ${frame.headers.message}`));
  };
  client.onHeartbeatReceived = () => beats.push("beat");
  client.onWebSocketClose = ({ code, reason }) => {
    if (reconnectDelay === 0) connected.reject(new Error(`the connection was closed with ${code}`));
    closed.resolve(code);
    closes.push({ code, reason });
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
    closes,
    connections,
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
