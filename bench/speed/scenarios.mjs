// The scenarios, one row each.

import { MODES } from "./clients/index.mjs";
import { Broadcast, Echo, Openings } from "./loads.mjs";

/** Sessions × messages in flight in each. */
const SHAPES = [
  [1, 1],
  [1, 64],
  [100, 8],
  [1000, 1],
];
const SIZES = [32, 4096];
const ROOM = 1000;

/** Returns the scenarios of `modes`, with `scale` times the sessions. */
export function scenarios({ modes, scale, shapes = SHAPES }) {
  const scaled = (sessions) => Math.ceil(sessions * scale);
  const echoes = Object.keys(MODES).flatMap((mode) =>
    SIZES.flatMap((bytes) =>
      shapes.map(([sessions, inFlight]) => {
        const options = { mode, sessions: scaled(sessions), inFlight, bytes };
        const name = `${mode} echo, ${options.sessions}×${inFlight}, ${sizeName(bytes)}`;
        return { mode, name, unit: "messages/s", open: (url) => Echo.open(url, options), options };
      }),
    ),
  );
  const room = { sessions: scaled(ROOM), inFlight: 4, bytes: 32 };
  const all = [
    ...echoes,
    {
      mode: "openings",
      name: "websocket opened and closed, 16 at once",
      unit: "sessions/s",
      open: (url) => Openings.open(url, { atOnce: 16 }),
      options: { atOnce: 16 },
    },
    {
      mode: "broadcast",
      name: `broadcast to a room of ${room.sessions}, ${sizeName(room.bytes)}`,
      unit: "broadcasts/s",
      open: (url) => Broadcast.open(url, room),
      options: room,
    },
  ];
  return all.filter(({ mode }) => modes.includes(mode));
}

function sizeName(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}
