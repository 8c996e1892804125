// Rounds of requests whose clients go away in the middle: what each kind leaves in the server's memory.

import { ENDS, REQUESTS, abort } from "../harness/clients/aborted.mjs";
import { request as ask } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";

const COUNT = 4_000;
const AT_ONCE = 10;
/** Requests between two looks at the memory. */
const STEP = 200;
/** V8's heap grows by some KiB with each request of any kind until it is first collected as a whole. */
const WARM_UP = 60_000;
/** Bytes that may stay for each request, in the better of the rounds: the heap's size goes up and down by several MiB. */
const LEFT_MAX = 1024;
const ROUNDS = 12;

/** Aborts requests in rounds. Resolves to true if they leave no memory in use. */
export async function abortAll(owner) {
  const vars = { SOCKJS_PLACEMENT: "shards:1", SOCKJS_DISCONNECT_DELAY: "1000" };
  const server = await startServer(owner, { vars });
  const info = () => ask(`${server.url}/echo/info`, { agent: false });
  for (let made = 0; made < WARM_UP; made += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, info));
  let isGood = true;
  for (const request of Object.keys(REQUESTS)) {
    for (const end of Object.keys(ENDS)) {
      const left = await leastLeft(server, request, end);
      const verdict = left < LEFT_MAX ? "ok    " : "FAILED";
      console.log(`${verdict}  ${request}, ${end}: ${left.toFixed(0)} bytes for each of ${COUNT}`);
      isGood &&= left < LEFT_MAX;
    }
  }
  return isGood;
}

async function leastLeft(server, request, end) {
  let least = Infinity;
  for (let round = 0; round < ROUNDS && least >= LEFT_MAX; round += 1) {
    const sizes = [];
    for (let made = 0; made < COUNT; made += STEP) {
      await abort(server, "/echo", request, end, { count: STEP, atOnce: AT_ONCE });
      sizes.push(server.memory());
    }
    // Between the smallest of the first and of the last third.
    const third = Math.floor(sizes.length / 3);
    const grown = Math.min(...sizes.slice(-third)) - Math.min(...sizes.slice(0, third));
    least = Math.min(least, grown / (COUNT - third * STEP));
  }
  return least;
}
