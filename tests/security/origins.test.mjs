// Access of pages to a session with a list of origins and without tickets. tests/browsers/origins.test.mjs does the same with
// real pages.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { DOORS, FOR_ANY_PAGE, RECEIVES, UPGRADE, knock } from "../harness/clients/doors.mjs";
import { request } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";

const FRIEND = "https://friend.example";
const SUBDOMAIN = "https://a.b.example.org";
const LIST = `${FRIEND},https://*.example.org,null`;

const server = await startServer({ after }, { vars: { SOCKJS_ALLOWED_ORIGINS: LIST } });
const echo = `${server.url}/echo`;

/** Origins that only look like listed ones. */
const FOREIGN = [
  "https://evil.example",
  "http://friend.example",
  "https://friend.example:8443",
  "https://friend.example.evil.example",
  "https://evilexample.org",
  "https://example.org",
  "https://friend.example/",
  "https://FRIEND.example.evil",
  "friend.example",
  "*",
];
const PERMITTED = Object.keys(DOORS).filter((door) => !FOR_ANY_PAGE.includes(door));

/** Each knock at each of these doors is answered 403, and no object is asked. */
async function assertRefused(t, doors, knocks) {
  const guarded = await startMeteredServer(t, { vars: { SOCKJS_ALLOWED_ORIGINS: FRIEND } });
  for (const headers of knocks(guarded.url)) {
    for (const door of doors) {
      const response = await knock(`${guarded.url}/echo`, door, { headers });
      assert.equal(response.status, 403, `${door}, ${JSON.stringify(headers)}`);
      const readers = [undefined, FRIEND, guarded.url];
      assert.ok(readers.includes(response.headers["access-control-allow-origin"]), door);
    }
  }
  const { fetches, sqlRowsWritten, setAlarms } = await guarded.counters();
  assert.deepEqual({ fetches, sqlRowsWritten, setAlarms }, { fetches: 0, sqlRowsWritten: 0, setAlarms: 0 });
  await knock(`${guarded.url}/echo`, "xhr");
  assert.equal((await guarded.counters()).fetches, 1, "were one asked, it would be counted");
}

test("a foreign page is refused with 403 at every door, WebSockets included, before any object is asked", (t) =>
  assertRefused(t, Object.keys(DOORS), () => [...FOREIGN, "null"].map((origin) => ({ Origin: origin }))));

test("what a foreign page makes the browser load is refused if the browser's headers reveal that page, before any object is asked", (t) =>
  assertRefused(t, PERMITTED, () => [
    ...["cross-site", "same-site", "anything"].map((site) => ({ "Sec-Fetch-Site": site })),
    { Referer: "https://evil.example/page" }, // an old browser
  ]));

test("a listed page, the own one, and a client that names no origin get in", async () => {
  for (const origin of [FRIEND, SUBDOMAIN, "null", server.url, undefined]) {
    const headers = origin && { Origin: origin };
    for (const door of RECEIVES.filter((door) => PERMITTED.includes(door))) {
      const response = await knock(echo, door, { headers });
      assert.equal(response.status, 200, `${door}, ${origin}`);
      assert.equal(response.headers["access-control-allow-origin"], origin, `${door}, ${origin}`);
    }
    for (const door of ["websocket", "raw websocket"]) assert.equal((await knock(echo, door, { headers })).status, 101, door);
  }
});

test("without tickets, only the Worker's own pages may use JSONP and htmlfile, as the browser's headers show", async (t) => {
  await assertRefused(t, FOR_ANY_PAGE, (url) => [
    {},
    { Origin: FRIEND },
    { Origin: url, "Sec-Fetch-Site": "same-site" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "cross-site", Referer: `${FRIEND}/` },
    { "Sec-Fetch-Site": "same-site" },
    { "Sec-Fetch-Site": "none" },
    { "Sec-Fetch-Site": "anything" },
    { Referer: `${FRIEND}/` },
  ]);
  for (const headers of [{ "Sec-Fetch-Site": "same-origin" }, { Origin: server.url }, { Referer: `${server.url}/page` }]) {
    for (const door of FOR_ANY_PAGE) assert.equal((await knock(echo, door, { headers })).status, 200, door);
  }
});

test("CORS names only allowed origins, with Vary: Origin, on preflights and /info", async () => {
  for (const [method, path] of [["GET", "/info"], ["OPTIONS", "/info"], ["OPTIONS", "/000/s/xhr"], ["OPTIONS", "/000/s/xhr_send"]]) {
    for (const origin of [FRIEND, SUBDOMAIN, "null", server.url]) {
      const { headers } = await request(`${echo}${path}`, { method, headers: { Origin: origin } });
      assert.equal(headers["access-control-allow-origin"], origin, `${path}, ${origin}`);
      assert.equal(headers["access-control-allow-credentials"], "true");
      assert.equal(headers.vary, "Origin");
    }
    for (const origin of [...FOREIGN, undefined]) {
      const named = { ...(origin && { Origin: origin }), "Access-Control-Request-Headers": "X-Evil" };
      const { headers } = await request(`${echo}${path}`, { method, headers: named });
      for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^access-control-allow-(origin|credentials|headers)$/, `${path}, ${origin}`);
      assert.equal(headers.vary, "Origin");
    }
  }
});

test("by default, and with *, every page may connect, as with sockjs-node", async (t) => {
  for (const vars of [{}, { SOCKJS_ALLOWED_ORIGINS: "*" }]) {
    const open = await startServer(t, { vars });
    for (const headers of [{ Origin: "https://evil.example" }, { "Sec-Fetch-Site": "cross-site" }, {}]) {
      for (const door of RECEIVES) assert.equal((await knock(`${open.url}/echo`, door, { headers })).status, 200, door);
      assert.equal((await request(`${open.url}/echo/iframe.html`, { headers })).status, 200);
    }
    const socket = await knock(`${open.url}/echo`, "websocket", { headers: { Origin: "https://evil.example", ...UPGRADE } });
    assert.equal(socket.status, 101);
  }
});
