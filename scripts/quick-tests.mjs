// What `npm run test:quick` runs: the most confidence that three minutes on two cores can give, after `npm start` or the set-up.
// clippy is not among it: its first run takes a minute of its own, and `npm run lint` has it.

/** Names of cargo's checks in scripts/test.mjs. */
export const QUICK_CHECKS = ["rustfmt", "cargo test, protocol"];

/** Files of tests/. */
export const QUICK_TESTS = [
  // the project itself
  "architecture.test.mjs",
  "documentation.test.mjs",
  "structure.test.mjs",
  "setup.test.mjs",
  // each transport
  "streams/transports.test.mjs",
  "streams/closing.test.mjs",
  "wire/polling.test.mjs",
  "wire/websocket.test.mjs",
  "wire/websocket-closes.test.mjs",
  "wire/bad-input.test.mjs",
  "wire/info.test.mjs",
  "clients/stock-client.test.mjs",
  // clients that leave, objects that restart or sleep
  "departures/http.test.mjs",
  "faults/held.test.mjs",
  "faults/held-returns.test.mjs",
  // the rest of what applications use
  "objects/room.test.mjs",
  "rooms/groups.test.mjs",
  "security/origins.test.mjs",
  "security/tickets.test.mjs",
  "versions/recorded.test.mjs",
];
