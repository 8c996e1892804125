// Stored sessions, and the stored messages that wait for them.

import { readEachObject } from "../../harness/servers/storage.mjs";
import { until } from "../../harness/waiting/wait.mjs";

/** The messages that wait, in order, by the session that they wait for. */
export function waitingMessages(directory) {
  const waiting = {};
  for (const { session, messages } of rows(directory, "sockjs_messages_1", "session, first")) {
    (waiting[session] ??= []).push(...JSON.parse(messages));
  }
  return waiting;
}

/** The ids of all sessions that are known. */
export function storedSessions(directory) {
  return rows(directory, "sockjs_sessions_2", "session").map(({ session }) => session);
}

/** The senders of pushes whose last push is known. */
export function storedSenders(directory) {
  return rows(directory, "sockjs_senders_1", "sender").map(({ sender }) => sender);
}

function rows(directory, table, order) {
  const all = [];
  readEachObject(directory, (database) => {
    const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table);
    if (isThere) all.push(...database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all());
  });
  return all;
}

/** Waits until that many messages are stored for each client: with the default level that is `persist_after` later. */
export function storedMessages({ server }, clients, count) {
  const areStored = () => {
    const waiting = waitingMessages(server.objects);
    return clients.every(({ id }) => waiting[id]?.length === count);
  };
  return until(areStored, `${count} messages to be stored for each client`, 60_000);
}

/** Waits until no message is stored. */
export function nothingWaits({ server }) {
  return until(() => Object.keys(waitingMessages(server.objects)).length === 0, "all messages to be acknowledged", 60_000);
}
