// A client that says that it is there wakes no object: on a framed WebSocket the runtime answers, over HTTP the Worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { withServer } from "../../bench/cost/servers.mjs";

const BEATS = 5;
/** No heartbeat within the test. */
const VARS = { SOCKJS_LIVENESS: "page", SOCKJS_HEARTBEAT_DELAY: "34000", SOCKJS_DISCONNECT_DELAY: "60000" };

for (const transport of ["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"]) {
  test(`${transport}: no request, message or row for an object`, () =>
    withServer(
      "session",
      async (server, owner) => {
        const connection = await TRANSPORTS[transport].open(owner, `${server.url}/echo`);
        await sleep(2000); // the acknowledgement of the open frame
        await server.reset();
        for (let count = 0; count < BEATS; count++) await connection.send("");
        if (transport === "websocket") for (let count = 0; count < BEATS; count++) assert.equal(await connection.next(), "a[]");
        const { fetches, messages, alarms, sqlRowsWritten, setAlarms } = await server.settled();
        assert.deepEqual({ fetches, messages, alarms, sqlRowsWritten, setAlarms }, { fetches: 0, messages: 0, alarms: 0, sqlRowsWritten: 0, setAlarms: 0 });
      },
      VARS,
    ));
}
