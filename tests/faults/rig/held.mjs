// WebSockets that the Worker holds, in one object.

import { randomUUID } from "node:crypto";
import { within } from "../../harness/waiting/wait.mjs";

/** Variables of a server that holds its WebSockets in the Worker. One object has them all, so that a raw one's has a name. */
export const HELD = { SOCKJS_WEBSOCKET_HOLDER: "worker", SOCKJS_PLACEMENT: "room" };
export const OBJECT = "/trouble//room";

/** Returns the callbacks of a connection's life, in order. */
export function livesOf({ told }, { id }) {
  return told.of(id).filter((event) => /^(open|return|close)/.test(event));
}

/** Returns the number of `onReturned` callbacks. */
export const returnedCount = ({ told }) => told.count(undefined, "returned");

/** Has a message come back, so that the connection is known to work in both directions. */
export async function echoes(client, message = `echo ${randomUUID()}`) {
  client.send(message);
  await client.readsMessage(message);
  return message;
}

/** Waits for the end of the client's connection. */
export const endOf = (client, ms) => within(client.closed, "the end of the connection", ms);
