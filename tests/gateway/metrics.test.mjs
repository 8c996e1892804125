// Metrics of the gateway: WebSockets that the Worker pipes without an object, refusals, and the circuit breaker.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RAW, openSession } from "../harness/clients/eager-session.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { VARS, WITHIN_MS, readMetrics, untilMetrics } from "../harness/clients/prometheus.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const QUIET = { ...VARS, SOCKJS_LOG: "none", SOCKJS_PLACEMENT: "shards:1" };
const name = (metric, transport, more = "") => `sockjs_${metric}{service="/sockjs",transport="${transport}"${more}}`;
const breaker = (state) => `sockjs_upstream_breaker{service="/sockjs",state="${state}"}`;
const ATTEMPTS = 'sockjs_upstream_attempts_total{service="/sockjs"}';
const FAILURES = 'sockjs_upstream_failures_total{service="/sockjs"}';

describe("/metrics of a gateway", { concurrency: true }, () => {
  test("connections that are opened and refused over every kind of transport", async (t) => {
    let status;
    const upstream = await startUpstream(t, { answer: () => status });
    const { server, service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_UPSTREAM_OPEN: "after" } });
    for (const transport of ["websocket", "websocket", "websocket", RAW, RAW, "xhr_streaming"]) await openSession(t, service, transport);
    status = 401;
    for (const door of ["websocket", "raw websocket", "raw websocket"]) assert.equal((await knock(service, door)).status, 401);
    await untilMetrics(server, {
      [name("connections_opened_total", "websocket")]: 3,
      [name("connections_opened_total", "websocket-raw")]: 2,
      [name("connections_opened_total", "xhr-streaming")]: 1,
      [name("connections_open", "xhr-streaming")]: 1,
      'sockjs_fallback_ratio{service="/sockjs"}': 0.1666,
      [name("refused_total", "websocket", ',reason="upstream"')]: 1,
      [name("refused_total", "websocket-raw", ',reason="upstream"')]: 2,
      [ATTEMPTS]: 9,
      [FAILURES]: 0,
      [breaker("closed")]: 1,
      [breaker("half_open")]: 0,
      [breaker("open")]: 0,
    }, WITHIN_MS);
    assert.ok(!(name("connections_open", "websocket") in (await readMetrics(server))), "the end of what is piped is not known");
  });

  test("a refusal after the open frame is counted, too", async (t) => {
    const upstream = await startUpstream(t, { answer: () => 403 });
    const { server, service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_UPSTREAM_OPEN: "before" } });
    const session = await openSession(t, service, "websocket");
    assert.deepEqual(await session.closed(), [4403, "Upstream answered 403"]);
    await untilMetrics(server, {
      [name("connections_opened_total", "websocket")]: 1,
      [name("refused_total", "websocket", ',reason="upstream"')]: 1,
    }, WITHIN_MS);
  });

  for (const door of ["websocket", "xhr"]) {
    test(`the breaker of an upstream that fails, asked over ${door}`, async (t) => {
      let status = 503;
      const upstream = await startUpstream(t, { answer: () => status });
      const { server, service } = await startGateway(t, upstream, { vars: QUIET });
      // A session over HTTP is open before its upstream is asked, so that the last attempt may come later.
      const untilReported = (expected) =>
        until(async () => {
          const found = await readMetrics(server);
          return Object.entries({ ...expected(), [ATTEMPTS]: upstream.asked }).every(([key, value]) => found[key] === value);
        }, "the metrics", WITHIN_MS);
      for (let count = 0; count < 20; count++) await knock(service, door);
      await untilReported(() => ({ [FAILURES]: upstream.asked, [breaker("closed")]: 1, [breaker("open")]: 1, [breaker("half_open")]: 0 }));
      const failed = upstream.asked;
      assert.ok(failed >= 5 && failed < 20, `${failed} failures`);
      status = undefined;
      await until(async () => {
        await knock(service, door);
        return upstream.accepted > 0;
      }, "the breaker to let a client through");
      await untilReported(() => ({ [FAILURES]: failed, [breaker("closed")]: 1, [breaker("half_open")]: 1 }));
    });
  }
});
