// A client that counts what it does, and /metrics, which has to agree with it soon after.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { request } from "../harness/clients/http.mjs";
import { PollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { OTHER_TOKEN, TOKEN, VARS, WITHIN_MS, readMetrics, scrape, untilMetrics } from "../harness/clients/prometheus.mjs";

const start = (owner, vars = {}) => startServer(owner, { vars: { ...VARS, ...vars } });
const name = (metric, service, transport, more = "") =>
  `sockjs_${metric}{service="${service}",transport="${transport}"${more && `,${more}`}}`;

const MESSAGES = ["a", "é€", "😀".repeat(100)];
const BYTES = MESSAGES.reduce((sum, message) => sum + Buffer.byteLength(message), 0);

describe("/metrics agrees with a client that counts", { concurrency: true }, () => {
  for (const [placement, service] of [["session", "/echo"], ["room", "/echo"]]) {
    test(`over every transport, placement ${placement}`, async (t) => {
      const server = await start(t, { SOCKJS_PLACEMENT: placement });
      const expected = {};
      const count = (metric, transport, by, more) => {
        const key = name(metric, service, transport, more);
        expected[key] = (expected[key] ?? 0) + by;
      };
      for (const [transport, { open }] of Object.entries(TRANSPORTS)) {
        const [stays, leaves] = [await open(t, `${server.url}${service}`), await open(t, `${server.url}${service}`)];
        count("connections_opened_total", transport, 2);
        for (const message of MESSAGES) {
          await stays.send(message);
          const frame = await stays.next();
          assert.equal(transport === "websocket-raw" ? frame : JSON.parse(frame.slice(1))[0], message);
        }
        for (const direction of ["received", "sent"]) {
          count(`messages_${direction}_total`, transport, MESSAGES.length);
          count(`${direction}_bytes_total`, transport, BYTES);
        }
        await leaves.leave();
        count("connections_closed_total", transport, 1, `code="${/websocket/.test(transport) ? 1005 : 1002}"`);
        count("connections_open", transport, 1);
      }
      expected[`sockjs_fallback_ratio{service="${service}"}`] = 0.7142;
      await untilMetrics(server, expected, WITHIN_MS);
      for (const transport of Object.keys(TRANSPORTS)) {
        const key = name("queue_high_water_bytes", service, transport);
        assert.ok((await readMetrics(server))[key] > 0, key);
      }
    });
  }

  test("a burst after the first report, and nothing after it", async (t) => {
    const server = await start(t);
    const socket = await openWebSocket(t, `${server.url}/echo/websocket`);
    const opened = { [name("connections_opened_total", "/echo", "websocket-raw")]: 1 };
    await untilMetrics(server, opened);
    for (let count = 0; count < 500; count++) socket.send("12345");
    for (let count = 0; count < 500; count++) await socket.frames.next("an echo");
    await untilMetrics(server, {
      ...opened,
      [name("received_bytes_total", "/echo", "websocket-raw")]: 2500,
      [name("sent_bytes_total", "/echo", "websocket-raw")]: 2500,
    }, WITHIN_MS);
  });

  test("closes by the code of either side", async (t) => {
    const server = await start(t);
    const closes = await openWebSocket(t, `${server.url}/close/000/${randomUUID()}/websocket`);
    await closes.closed;
    const socket = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    socket.close(3999, "enough");
    await socket.closed;
    const broken = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    broken.send("[");
    await broken.closed;
    await untilMetrics(server, {
      [name("connections_closed_total", "/close", "websocket", 'code="3000"')]: 1,
      [name("connections_closed_total", "/echo", "websocket", 'code="3999"')]: 1,
      [name("connections_closed_total", "/echo", "websocket", 'code="3000"')]: 1,
      [name("connections_open", "/close", "websocket")]: 0,
      [name("connections_open", "/echo", "websocket")]: 0,
    });
  });

  test("refusals by their reason", async (t) => {
    const vars = {
      SOCKJS_ALLOWED_ORIGINS: "https://friend.example",
      SOCKJS_CONNECTIONS_PER_OBJECT: "1",
      SOCKJS_BODY_LIMIT: "100",
      SOCKJS_MESSAGE_LIMIT: "100",
    };
    const server = await start(t, vars);
    const echo = `${server.url}/echo`;
    const expected = {};
    const refused = (transport, reason, service = "/echo") => {
      const key = name("refused_total", service, transport, `reason="${reason}"`);
      expected[key] = (expected[key] ?? 0) + 1;
    };
    const foreign = { headers: { Origin: "https://evil.example" } };

    assert.equal((await new PollingSession(echo).poll(foreign.headers)).status, 403);
    refused("xhr-polling", "origin");
    assert.equal((await request(`${echo}/info`, foreign)).status, 403);
    refused("", "origin");
    assert.equal((await request(`${echo}/000/${randomUUID()}/jsonp?c=cb`)).status, 403);
    refused("jsonp-polling", "origin");

    assert.equal((await new PollingSession(echo).send(["x"])).status, 404);
    refused("", "unknown_session");
    const session = new PollingSession(echo);
    await session.poll();
    assert.equal((await session.sendBody("[")).status, 500);
    refused("", "malformed");
    await session.pendingPoll(t);
    assert.match((await session.poll()).body, /^c\[2010,/);
    refused("xhr-polling", "contended");
    assert.equal((await session.send(["x".repeat(200)])).status, 413);
    refused("", "too_large");
    assert.equal((await request(`${echo}/000/${randomUUID()}/websocket`)).status, 400);
    refused("websocket", "malformed");

    const room = `${server.url}/broadcast`;
    await openWebSocket(t, `${room}/000/${randomUUID()}/websocket`);
    assert.match((await new PollingSession(room).poll()).body, /^c\[1013,/);
    refused("xhr-polling", "full", "/broadcast");
    await assert.rejects(openWebSocket(t, `${room}/websocket`), /503/);
    refused("websocket-raw", "full", "/broadcast");
    await untilMetrics(server, expected, WITHIN_MS);
  });
});

describe("/metrics is for those who know a token", { concurrency: true }, () => {
  const server = start({ after });

  test("and 401 for others", async () => {
    for (const authorization of [undefined, "Bearer wrong", `Basic ${TOKEN}`, "Bearer "]) {
      const { status, headers, body } = await scrape(await server, authorization ?? "");
      assert.deepEqual([status, headers["www-authenticate"]], [401, "Bearer"], body);
    }
    assert.equal((await scrape(await server, `Bearer ${OTHER_TOKEN}`)).status, 200);
  });

  test("which can only read", async () => {
    const options = { method: "POST", headers: { Authorization: `Bearer ${OTHER_TOKEN}` } };
    const { status, headers } = await request(`${(await server).url}/metrics`, options);
    assert.deepEqual([status, headers.allow], [405, "GET"]);
  });

  test("without tokens there is no such page", async (t) => {
    const closed = await startServer(t, { vars: { SOCKJS_METRICS: "true" } });
    assert.equal((await scrape(closed, "Bearer ")).status, 404);
  });

  test("a service without the option is not counted", async (t) => {
    const off = await start(t, { SOCKJS_METRICS: "false" });
    await new PollingSession(`${off.url}/echo`).poll();
    assert.equal((await new PollingSession(`${off.url}/echo`).send(["x"])).status, 404);
    const samples = await readMetrics(off);
    assert.deepEqual(samples, {});
  });
});
