// Counters since the last reset, in the units that are billed.

import { Presence } from "./presence.mjs";

const ZERO = {
  workerRequests: 0,
  /** Events of the objects. The end of a WebSocket wakes an object, too, but is not a request. */
  fetches: 0,
  /** The requests among them that report counts. */
  reports: 0,
  alarms: 0,
  messages: 0,
  socketEnds: 0,
  /** Storage calls of the objects. */
  rowsRead: 0,
  sqlRowsWritten: 0,
  setAlarms: 0,
  getAlarms: 0,
  deleteAlarms: 0,
  deleteAlls: 0,
  /** WebSockets that hibernate, and others, which keep their object awake. */
  hibernatableSockets: 0,
  wakefulSockets: 0,
  /** Number of times that an object came into memory. */
  constructions: 0,
};

const counted = { ...ZERO };
/** By the id of the object, over all its lives in memory. */
const presences = new Map();

export function count(what, by = 1) {
  if (!(what in ZERO)) throw new Error(`the meter has no counter ${what}`);
  counted[what] += by;
}

export function presenceOf(id) {
  if (!presences.has(id)) presences.set(id, new Presence());
  return presences.get(id);
}

export function resetCounters() {
  Object.assign(counted, ZERO);
  for (const presence of presences.values()) presence.reset();
}

/** Returns `{ counters, pending, storedBytes }`: the counters, and the present amount of work and storage. */
export function readCounters() {
  const read = [...presences.values()].map((presence) => presence.read());
  const total = (what) => read.reduce((sum, presence) => sum + presence[what], 0);
  const [busyMs, residentMs, pending, storedBytes] = ["busyMs", "residentMs", "pending", "storedBytes"].map(total);
  return { counters: { ...counted, busyMs, residentMs }, pending, storedBytes };
}
