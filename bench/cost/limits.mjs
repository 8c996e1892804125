// What idle connections may write at most, in rows: the tests hold the server to it for each heartbeat, `npm run cost` for
// the hour. An hour has 144 heartbeats of 25 s.

import { isByWorker, isRoom } from "./servers.mjs";

export const ROOM_SIZE = 100;

/** By the kind of a transport: rows for each heartbeat of a connection in an object of its own. */
export const ROWS_PER_HEARTBEAT = { websocket: 1, stream: 1, poll: 2 };
/** The same for an hour, with one or two more for what does not come with a heartbeat. */
const ROWS_PER_HOUR = { websocket: 145, stream: 145, poll: 290 };

/** Rows for each heartbeat of a room, however many are in it. */
export const ROOM_ROWS_PER_HEARTBEAT = 1;
/** Rows an hour for each of `ROOM_SIZE` connections in a room. */
const ROOM_ROWS_PER_HOUR = 2;

/** What an object does every six hours, where the Worker keeps the clock: it looks for receivers that were lost. */
export const LOOKS_PER_HOUR = 1 / 6;

/** Rows an hour of a poller whose clock the Worker keeps: between two polls it has no receiver for a moment. */
const POLLS_BY_WORKER = 20;

/** What a connection of that kind may write in an hour. */
export function rowsPerHour(placement, kind) {
  if (isByWorker(placement)) return kind === "poll" ? POLLS_BY_WORKER : LOOKS_PER_HOUR;
  return isRoom(placement) ? ROOM_ROWS_PER_HOUR : ROWS_PER_HOUR[kind];
}
