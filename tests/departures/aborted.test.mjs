// A request whose client goes away in the middle leaves nothing behind. `npm run soak` measures that with ten times as many.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ENDS, REQUESTS, abort } from "../harness/clients/aborted.mjs";
import { leastOf } from "../harness/machine/memory.mjs";
import { startServer } from "../harness/servers/server.mjs";

const COUNT = 120;
const AT_ONCE = 10;
/** A body of 1 MiB that stays would take more than that for each; what the runtime allocates once, much less for all. */
const LEFT_MAX = 512 << 10;

/** All sessions share one object, and are forgotten soon. */
const server = await startServer({ after }, { vars: { SOCKJS_PLACEMENT: "shards:1", SOCKJS_DISCONNECT_DELAY: "1000" } });

for (const request of Object.keys(REQUESTS)) {
  for (const end of Object.keys(ENDS)) {
    test(`${request} that breaks off by ${end} leaves nothing behind`, async (t) => {
      const some = (count) => abort(server, "/echo", request, end, { count, atOnce: AT_ONCE });
      await some(COUNT / 3);
      const measure = async () => {
        const before = server.memory();
        await some(COUNT);
        return (server.memory() - before) / COUNT;
      };
      const left = await leastOf(measure, LEFT_MAX - 1);
      t.diagnostic(`${(left / 1024).toFixed(1)} KiB for each request`);
      assert.ok(left < LEFT_MAX, `${left.toFixed(0)} bytes stay for each request`);
    });
  }
}
