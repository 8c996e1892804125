// Upper limits of the rows that idle connections write: the tests check them for each heartbeat, `npm run cost` for the hour. An
// hour has 144 heartbeats of 25 s.

import { isByWorker, isRoom } from "./servers.mjs";

export const ROOM_SIZE = 100;

/** By the kind of a transport: rows for each heartbeat of a connection in an object of its own. */
export const ROWS_PER_HEARTBEAT = { websocket: 1, stream: 1, poll: 2 };
/** The same for an hour, plus one or two for writes that do not belong to a heartbeat. */
const ROWS_PER_HOUR = { websocket: 145, stream: 145, poll: 290 };

/** Rows for each heartbeat of a room, whatever its size. */
export const ROOM_ROWS_PER_HEARTBEAT = 1;
/** Rows an hour for each of `ROOM_SIZE` connections in a room. */
const ROOM_ROWS_PER_HOUR = 2;

/** Rate of an object's check for lost receivers, every six hours, if the Worker schedules the heartbeats. */
export const LOOKS_PER_HOUR = 1 / 6;

/** Rows an hour of a poller whose heartbeats the Worker schedules: between two polls it has no receiver for a moment. */
const POLLS_BY_WORKER = 20;

/** Returns the limit of the rows that a connection of that kind writes in an hour. */
export function rowsPerHour(placement, kind) {
  if (isByWorker(placement)) return kind === "poll" ? POLLS_BY_WORKER : LOOKS_PER_HOUR;
  return isRoom(placement) ? ROOM_ROWS_PER_HOUR : ROWS_PER_HOUR[kind];
}
