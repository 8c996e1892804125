// Access to a session when tickets are on, by ticket. The meter shows that refusals in the Worker involve no object.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { DOORS, RECEIVES, knock } from "../harness/clients/doors.mjs";
import { request } from "../harness/clients/http.mjs";
import { readTicket, signTicket } from "../harness/clients/signing.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const KEY = "a key of at least thirty-two characters";
const FRIEND = "https://friend.example";
const LIFETIME_MS = 300_000;
const MAX_AGE_MS = 86_400_000;
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: KEY };

const server = await startServer({ after }, { vars: { ...TICKETS, SOCKJS_ALLOWED_ORIGINS: FRIEND } });
const echo = `${server.url}/echo`;
const OWN = { Origin: server.url };
const VOUCHED = { "Sec-Fetch-Site": "same-origin" };

const withTicket = (ticket) => ({ query: `ticket=${ticket}` });
const aged = (ms) => ({ t: Date.now() - ms });

/** `/info` as a page of `origin` asks for it. */
async function info(service, headers) {
  const { status, body } = await request(`${service}/info?t=1`, { headers });
  return status === 200 ? JSON.parse(body) : assert.fail(`${status} ${body}`);
}

/** A session that this ticket opened, over one of the polls. */
async function openSession(ticket, { via = "xhr", headers } = {}) {
  const session = randomUUID();
  const options = { session, ...(ticket && withTicket(ticket)), headers };
  const { status, body } = await knock(echo, via, options);
  assert.equal(status, 200, body);
  assert.match(body, /o/);
  return session;
}

/** Nobody is let in at any door of a server of its own, and its objects are not asked. */
async function assertRefusedEverywhere(t, knocks) {
  const guarded = await startMeteredServer(t, { vars: { ...TICKETS, SOCKJS_ALLOWED_ORIGINS: FRIEND } });
  for (const [what, options] of Object.entries(knocks(guarded.url))) {
    for (const door of Object.keys(DOORS)) {
      const { status, body } = await knock(`${guarded.url}/echo`, door, options);
      assert.equal(status, 403, `${what}, ${door}: ${body}`);
      assert.match(body, /ticket|Pages of this origin/, `${what}, ${door}`);
    }
  }
  const { fetches, sqlRowsWritten, setAlarms } = await guarded.counters();
  assert.deepEqual({ fetches, sqlRowsWritten, setAlarms }, { fetches: 0, sqlRowsWritten: 0, setAlarms: 0 });
  // Were one asked, it would be counted.
  await knock(`${guarded.url}/echo`, "xhr", withTicket(signTicket(KEY)));
  assert.equal((await guarded.counters()).fetches, 1);
}

test("without a ticket nobody gets to an object, whatever origin is named", (t) =>
  assertRefusedEverywhere(t, (url) => ({
    "no origin": {},
    "no page, as a browser says of what its user typed": { headers: { "Sec-Fetch-Site": "none" } },
    "a page of the Worker's own, as its browser says": { headers: VOUCHED },
    "a page of the Worker's own": { headers: { Origin: url, ...VOUCHED } },
    "the own origin, which any program can name": { headers: { Origin: url } },
    "a listed origin": { headers: { Origin: FRIEND } },
    "a foreign origin": { headers: { Origin: "https://evil.example" } },
    "another site's page": { headers: { "Sec-Fetch-Site": "cross-site" } },
    "another subdomain's page": { headers: { Origin: url, "Sec-Fetch-Site": "same-site" } },
    "a ticket in the wrong parameter": { query: `tickets=${signTicket(KEY)}` },
  })));

test("a forged, altered, foreign or aged ticket gets nobody to an object", (t) =>
  assertRefusedEverywhere(t, (url) => {
    const good = signTicket(KEY);
    const friends = (headers) => ({ ...withTicket(signTicket(KEY, { o: FRIEND })), headers });
    const [body, signature] = good.split(".");
    const other = Buffer.from(JSON.stringify({ ...readTicket(good), p: "/echo", c: { user: "root" } })).toString("base64url");
    return {
      "no ticket at all": withTicket(""),
      garbage: withTicket("x.y"),
      "another key": withTicket(signTicket("another key of at least thirty-two characters")),
      "an empty key": withTicket(signTicket("")),
      "no signature": withTicket(body),
      "an empty signature": withTicket(`${body}.`),
      "half a signature": withTicket(`${body}.${signature.slice(0, 21)}`),
      "another content": withTicket(`${other}.${signature}`),
      "another service": withTicket(signTicket(KEY, { p: "/close" })),
      "another version": withTicket(signTicket(KEY, { v: 2 })),
      "one of the future": withTicket(signTicket(KEY, aged(-MAX_AGE_MS))),
      "one that is too old": withTicket(signTicket(KEY, aged(MAX_AGE_MS))),
      "far too long a one": withTicket(signTicket(KEY, { c: "x".repeat(5000) })),
      "another origin's, by a listed page": { ...withTicket(signTicket(KEY, { o: "https://other.example" })), headers: { Origin: FRIEND } },
      "a program's, by a listed page": { ...withTicket(good), headers: { Origin: FRIEND } },
      "a listed page's, without proof of the page": friends({}),
      "a listed page's, of what its user typed": friends({ "Sec-Fetch-Site": "none" }),
      "a listed page's, loaded by a page that hides": friends({ "Sec-Fetch-Site": "cross-site" }),
      "a listed page's, loaded by a foreign page": friends({ "Sec-Fetch-Site": "cross-site", Referer: "https://evil.example/" }),
      "a listed page's, loaded by a foreign page in an old browser": friends({ Referer: "https://evil.example/" }),
      "a listed page's, by a page of ours that is not in its frame": friends({ Origin: url, ...VOUCHED, Referer: `${url}/` }),
      "a listed page's, in the frame of another ticket": friends({ Origin: url, ...VOUCHED, Referer: `${url}/echo/iframe.html?ticket=${good}` }),
      "the own page's, without proof of the page": withTicket(signTicket(KEY, { o: url })),
      "a good one, by a foreign page": { ...withTicket(good), headers: { Origin: "https://evil.example" } },
    };
  }));

test("a page of a foreign origin is given no ticket, and cannot read why", async () => {
  const { status, headers, body } = await request(`${echo}/info`, { headers: { Origin: "https://evil.example" } });
  assert.equal(status, 403);
  assert.doesNotMatch(body, /ticket=/);
  assert.equal(headers["access-control-allow-origin"], undefined);
  assert.equal(headers.vary, "Origin");
});

test("/info issues a ticket for the service and the page, in an absolute base_url without the page's own query", async () => {
  for (const [headers, origin] of [[{ Origin: FRIEND }, FRIEND], [OWN, server.url], [VOUCHED, server.url], [{ Referer: `${server.url}/page` }, server.url]]) {
    const { base_url } = await info(echo, headers);
    assert.match(base_url, new RegExp(`^${server.url}/echo\\?ticket=`));
    const { p, o, t } = readTicket(base_url.split("ticket=")[1]);
    assert.deepEqual([p, o], ["/echo", origin]);
    assert.ok(Math.abs(Date.now() - t) < LIFETIME_MS);
  }
  const { body } = await request(`${echo}/info?token=login&t=2`, { headers: VOUCHED });
  assert.doesNotMatch(body, /login/, "a login is shown once");
  const answers = await Promise.all([info(echo, VOUCHED), info(echo, VOUCHED)]);
  assert.notEqual(answers[0].base_url, answers[1].base_url, "each page has one of its own");
});

test("/info issues no ticket to what a page makes the browser load", async () => {
  for (const headers of [{ "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site", Referer: `${FRIEND}/` }, { Referer: `${FRIEND}/` }, { ...OWN, "Sec-Fetch-Site": "same-site" }]) {
    const { status, body } = await request(`${echo}/info`, { headers });
    assert.equal(status, 403, JSON.stringify(headers));
    assert.doesNotMatch(body, /ticket=/);
  }
});

test("a client that names no origin gets a ticket if on_request admits it or if there is no list", async (t) => {
  for (const headers of [{}, { "Sec-Fetch-Site": "none" }]) {
    assert.equal((await request(`${echo}/info`, { headers })).status, 403, "nobody spoke for it");
    const doorman = `${server.url}/doorman`;
    assert.equal((await request(`${doorman}/info`, { headers })).status, 403, "on_request left it to the options");
    const { base_url } = await info(doorman, { ...headers, Cookie: "user=ada" });
    assert.equal(readTicket(base_url.split("ticket=")[1]).o, undefined);
  }
  const open = await startServer(t, { vars: TICKETS });
  const { base_url } = await info(`${open.url}/echo`);
  const query = base_url.split("?")[1];
  for (const door of RECEIVES) {
    const expected = ["htmlfile", "jsonp"].includes(door) ? 403 : 200; // any page could read these
    assert.equal((await knock(`${open.url}/echo`, door, { query })).status, expected, door);
  }
});

test("with its ticket a listed page, and the own one, get in at every door", async (t) => {
  const loaded = { "Sec-Fetch-Site": "cross-site", Referer: `${FRIEND}/` };
  for (const [headers, loading] of [[{ Origin: FRIEND }, loaded], [OWN, VOUCHED]]) {
    const query = (await info(echo, headers)).base_url.split("?")[1];
    for (const door of RECEIVES) {
      const named = ["htmlfile", "jsonp"].includes(door) ? loading : headers;
      assert.equal((await knock(echo, door, { query, headers: named })).status, 200, door);
    }
    for (const path of ["/000/s/websocket", "/websocket"]) {
      const socket = await openWebSocket(t, `${echo}${path}?${query}`, { headers });
      socket.send('["a"]');
      if (path !== "/websocket") assert.equal(await socket.frames.next("the open frame"), "o");
      assert.match(await socket.frames.next("the echo"), /"a"/);
    }
  }
});

test("only the page for which the ticket in its URL was issued may embed the iframe page, and that ticket admits the iframe's requests", async () => {
  const ticket = signTicket(KEY, { o: FRIEND });
  const frame = `${echo}/iframe.html?ticket=${ticket}`;
  const { status, headers } = await request(frame, { headers: { "Sec-Fetch-Site": "cross-site", Referer: `${FRIEND}/` } });
  assert.equal(status, 200);
  assert.match(headers["content-security-policy"], new RegExp(`frame-ancestors 'self' ${FRIEND}$`));
  const inFrame = { headers: { ...OWN, ...VOUCHED, Referer: frame } };
  for (const door of RECEIVES) assert.equal((await knock(echo, door, { ...withTicket(ticket), ...inFrame })).status, 200, door);
});

test("a ticket that expired opens nothing, and serves the open session that it opened", async (t) => {
  const id = randomUUID();
  const late = withTicket(signTicket(KEY, { i: id, ...aged(LIFETIME_MS) }));
  const fresh = signTicket(KEY, { i: id });

  for (const door of ["websocket", "raw websocket", "xhr", "jsonp"]) {
    assert.equal((await knock(echo, door, late)).status, 403, door);
  }
  const session = await openSession(fresh);
  assert.equal((await knock(echo, "xhr_send", { session, ...late })).status, 204);
  assert.equal((await knock(echo, "xhr", { session, ...late })).body, 'a["x"]\n');

  const another = withTicket(signTicket(KEY, aged(LIFETIME_MS)));
  for (const door of ["xhr", "xhr_send"]) assert.equal((await knock(echo, door, { session, ...another })).status, 403);
  const old = withTicket(signTicket(KEY, { i: id, ...aged(MAX_AGE_MS) }));
  for (const door of ["xhr", "xhr_send"]) assert.equal((await knock(echo, door, { session, ...old })).status, 403);
  assert.equal((await knock(echo, "xhr_send", { session, ...late })).status, 204, "it goes on");

  const guarded = await startMeteredServer(t, { vars: TICKETS });
  for (const door of ["websocket", "raw websocket"]) await knock(`${guarded.url}/echo`, door, late);
  assert.equal((await guarded.counters()).fetches, 0, "a WebSocket is always a new connection");
  await knock(`${guarded.url}/echo`, "xhr", late);
  const { fetches, sqlRowsWritten, setAlarms } = await guarded.counters();
  assert.deepEqual({ fetches, sqlRowsWritten, setAlarms }, { fetches: 1, sqlRowsWritten: 0, setAlarms: 0 });
});

test("a stream with an expired ticket ends without an open frame", async () => {
  const query = `ticket=${signTicket(KEY, aged(LIFETIME_MS))}`;
  const { body } = await request(`${echo}/000/${randomUUID()}/xhr_streaming?${query}`, { method: "POST" });
  assert.doesNotMatch(body, /^o$/m);
});

test("a session is bound to the ticket that opened it: a client that knows only the session's id reads nothing, sends nothing and disturbs nobody", async () => {
  const mine = signTicket(KEY);
  const session = await openSession(mine);
  for (const options of [{ ...withTicket(signTicket(KEY)), headers: VOUCHED }]) {
    for (const door of ["xhr", "jsonp", "xhr_send", "jsonp_send"]) {
      const { status, body } = await knock(echo, door, { session, ...options });
      assert.deepEqual([status, body], [403, "The ticket is not for this session.\n"], door);
    }
    const { body } = await request(`${echo}/000/${session}/xhr_streaming?${options.query ?? ""}`, {
      method: "POST",
      headers: options.headers,
    });
    assert.doesNotMatch(body, /^[oa]/m, "a stream learns nothing");
    assert.match(body, /^c\[1008,"The ticket is not for this session\."\]$/m);
  }
  assert.equal((await knock(echo, "xhr_send", { session, ...withTicket(mine) })).status, 204);
  assert.equal((await knock(echo, "xhr", { session, ...withTicket(mine) })).body, 'a["x"]\n', "one message, its own");
});

test("a session is bound to the kind of transport that opened it: JSONP cannot read a session that was opened by XHR, nor XHR one that was opened by JSONP", async () => {
  const query = { ...withTicket(signTicket(KEY)), headers: VOUCHED };
  const byScript = await openSession(query.query.slice("ticket=".length), query);
  assert.equal((await knock(echo, "jsonp", { session: byScript, ...query })).status, 403);
  const byAnyPage = await openSession(query.query.slice("ticket=".length), { via: "jsonp", ...query });
  assert.equal((await knock(echo, "xhr", { session: byAnyPage, ...query })).status, 403);
  for (const [session, door] of [[byScript, "xhr"], [byAnyPage, "jsonp"]]) {
    await knock(echo, "xhr_send", { session, ...query });
    assert.match((await knock(echo, door, { session, ...query })).body, /a\[.*x/);
  }
});

test("keys can be replaced while tickets are in use: the first key signs, and only tickets of the configured keys are valid", async (t) => {
  const [OLD, NEW] = ["the old key of thirty-two characters", "the new key of thirty-two characters"];
  const rotating = await startServer(t, { vars: { ...TICKETS, SOCKJS_TICKET_KEYS: `${NEW}, ${OLD}` } });
  const service = `${rotating.url}/echo`;
  for (const key of [NEW, OLD]) assert.equal((await knock(service, "xhr", withTicket(signTicket(key)))).status, 200);
  assert.equal((await knock(service, "xhr", withTicket(signTicket(KEY)))).status, 403);

  const after = await startServer(t, { vars: { ...TICKETS, SOCKJS_TICKET_KEYS: NEW } });
  const query = (await info(service)).base_url.split("?")[1];
  assert.equal((await knock(`${after.url}/echo`, "xhr", { query })).status, 200);
  assert.equal((await knock(`${after.url}/echo`, "xhr", withTicket(signTicket(OLD)))).status, 403);
});

test("without keys, or with short ones, nothing is served, and the answer says what to do", async (t) => {
  for (const keys of [{}, { SOCKJS_TICKET_KEYS: "short" }, { SOCKJS_TICKET_KEYS: `${KEY},short` }]) {
    const broken = await startServer(t, { vars: { SOCKJS_TICKETS: "true", ...keys }, log: () => {} });
    const { status, body } = await request(`${broken.url}/echo/info`);
    assert.equal(status, 500);
    assert.match(body, /tickets need a secret SOCKJS_TICKET_KEYS with keys of at least 32 characters/);
  }
});
