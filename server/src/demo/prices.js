// The prices of bench/cost/prices.json, and the units of each step of a connection to /demo/echo. tests/cost/demo.test.mjs compares
// both with what they are copied from: the file, and the server with its meter.

/** Day on which the prices were read. */
export const READ = "2026-11-23";

/** US dollars for a million of each unit. */
export const PRICES = { workerRequests: 0.3, objectRequests: 0.15, rowsWritten: 1, rowsRead: 0.001, gigabyteSeconds: 12.5 };

const GIGABYTES = 0.128;
const MILLION = 1e6;

/**
 * By kind of transport and step: requests to the Worker, requests to objects (20 messages of a WebSocket are one), rows written, rows
 * read, and milliseconds for which the object worked. `open` includes the request for /info, `heartbeat` the page's answer, `message`
 * its way back, and `end` is a close by the server.
 */
const STEPS = {
  websocket: {
    open: [2, 1.05, 8, 7, 40],
    message: [0, 0.05, 2, 4, 4],
    heartbeat: [0, 0, 0, 0, 0],
    restart: [0, 1.1, 5, 25, 50],
    close: [0, 0.05, 1, 1, 1],
    end: [0, 1.1, 8, 29, 70],
  },
  stream: {
    open: [2, 1.05, 8, 7, 40],
    message: [1, 1.05, 2, 4, 4],
    heartbeat: [1, 0, 0, 0, 0],
    restart: [1, 2.05, 5, 18, 50],
    close: [0, 1.05, 4, 6, 12],
    end: [1, 3.05, 9, 21, 70],
  },
  poll: {
    open: [4, 3, 8, 7, 100],
    message: [2, 2, 2, 4, 30],
    heartbeat: [2, 1, 0, 10, 30],
    restart: [2, 2, 6, 18, 50],
    close: [0, 1.05, 4, 6, 50],
    end: [3, 5, 8, 11, 20],
  },
};

/** Returns the billed units of a step over that transport. */
export function unitsOf(step, transport) {
  const kind = transport === "websocket" ? "websocket" : transport.endsWith("polling") ? "poll" : "stream";
  const [workerRequests, objectRequests, rowsWritten, rowsRead, milliseconds] = STEPS[kind][step];
  return { workerRequests, objectRequests, rowsWritten, rowsRead, gigabyteSeconds: (milliseconds / 1000) * GIGABYTES };
}

export function dollarsOf(units) {
  return Object.entries(units).reduce((sum, [unit, count]) => sum + (count * PRICES[unit]) / MILLION, 0);
}
