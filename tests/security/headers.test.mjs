// Headers of every response for the browser: its type, the resources that it may load, the pages that may frame it; and no data
// from the request.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { DOORS, UPGRADE, knock } from "../harness/clients/doors.mjs";
import { request } from "../harness/clients/http.mjs";
import { signTicket } from "../harness/clients/signing.mjs";
import { startServer } from "../harness/servers/server.mjs";

const FRIEND = "https://friend.example";
const SUBDOMAINS = "https://*.example.org";
const LIST = { SOCKJS_ALLOWED_ORIGINS: `${FRIEND},${SUBDOMAINS},null` };
const KEY = "a key of at least thirty-two characters";
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: KEY };
const VOUCHED = { "Sec-Fetch-Site": "same-origin" };

const server = await startServer({ after });
const echo = `${server.url}/echo`;
const guarded = await startServer({ after }, { vars: { ...LIST, ...TICKETS } });
const listed = await startServer({ after }, { vars: LIST });

/** One of everything that is answered, errors included. */
const PAGES = [
  ["GET", ""],
  ["GET", "/info"],
  ["OPTIONS", "/info"],
  ["POST", "/info"],
  ["GET", "/iframe.html"],
  ["GET", "/sockjs-1.6.1.min.js"],
  ["GET", "/nothing"],
  ["GET", "/000/s/xhr"],
  ["POST", "/000/a.b/xhr"],
  ["OPTIONS", "/000/s/xhr"],
  ["GET", "/000/s/jsonp"],
  ["GET", "/000/s/htmlfile?c=%3Cscript%3E"],
  ["GET", "/000/s/websocket"],
  ["POST", "/000/unknown/xhr_send"],
  ["GET", `/${"x".repeat(9000)}`],
];

test("every response except an upgrade has nosniff, and only a service with JSESSIONID sets a cookie", async () => {
  for (const { url } of [server, guarded, listed]) {
    for (const headers of [{}, { Origin: "https://evil.example" }, VOUCHED]) {
      const responses = [];
      for (const [method, path] of PAGES) {
        responses.push([path.slice(0, 40), await request(`${url}/echo${path}`, { method, headers })]);
      }
      for (const door of Object.keys(DOORS)) responses.push([door, await knock(`${url}/echo`, door, { headers })]);
      for (const [what, response] of responses) {
        if (response.status !== 101) assert.equal(response.headers["x-content-type-options"], "nosniff", what);
        assert.equal(response.headers["set-cookie"], undefined, what);
      }
    }
  }
});

test("every page of HTML has a Content-Security-Policy: only its own scripts, and nothing else from anywhere", async () => {
  const page = await request(`${echo}/iframe.html`);
  const policy = page.headers["content-security-policy"].split("; ");
  assert.deepEqual([policy[0], ...policy.slice(2)], ["default-src 'none'", "connect-src 'self'", "frame-src 'self'"]);
  assert.match(policy[1], /^script-src 'sha256-[\w+/]{43}=' 'self'$/, "its own script by its hash, the client's by its host");
  const stream = await knock(echo, "htmlfile");
  assert.equal(stream.headers["content-type"], "text/html; charset=UTF-8");
  // Its scripts are the frames themselves.
  assert.equal(stream.headers["content-security-policy"], "default-src 'none'; script-src 'unsafe-inline'");
});

test("what is HTML is known: no other response says that it is", async () => {
  for (const [method, path] of PAGES.filter(([, path]) => path !== "/iframe.html")) {
    const { headers } = await request(`${echo}${path}`, { method });
    assert.doesNotMatch(headers["content-type"] ?? "", /html/, path);
  }
});

test("with allowed_origins or tickets, only the Worker's own pages, and the page of the ticket in the URL, may embed what iframes load", async () => {
  const ancestorsOf = ({ headers }) => /frame-ancestors .*$/.exec(headers["content-security-policy"])?.[0];
  for (const [url, ancestors] of [
    [server.url, undefined],
    [guarded.url, "frame-ancestors 'self'"],
    [listed.url, "frame-ancestors 'self'"],
  ]) {
    assert.equal(ancestorsOf(await request(`${url}/echo/iframe.html`)), ancestors);
    const query = `ticket=${signTicket(KEY, { o: url })}`;
    assert.equal(ancestorsOf(await knock(`${url}/echo`, "htmlfile", { query, headers: VOUCHED })), ancestors);
  }
  const friends = `ticket=${signTicket(KEY, { o: FRIEND })}`;
  const framed = `frame-ancestors 'self' ${FRIEND}`;
  const iframe = `${guarded.url}/echo/iframe.html?${friends}`;
  assert.equal(ancestorsOf(await request(iframe)), framed);
  const inFrame = { ...VOUCHED, Referer: iframe };
  assert.equal(ancestorsOf(await knock(`${guarded.url}/echo`, "htmlfile", { query: friends, headers: inFrame })), framed);
  for (const site of ["cross-site", "same-site"]) {
    const page = await request(`${listed.url}/echo/iframe.html`, { headers: { "Sec-Fetch-Site": site } });
    assert.equal(page.status, 403);
  }
});

test("the page for iframes does not tell others its URL, which has the ticket", async () => {
  const { headers } = await request(`${guarded.url}/echo/iframe.html?ticket=${signTicket(KEY, { o: FRIEND })}`);
  assert.equal(headers["referrer-policy"], "same-origin");
});

test("no response repeats input from the request, except the callback of JSONP and htmlfile", async () => {
  const MARK = "zq5reflected";
  const hostile = `${MARK}%3Cscript%3Ealert(1)%3C/script%3E`;
  const headers = { Referer: `http://x/${MARK}`, "User-Agent": MARK, "X-Forwarded-For": MARK, Cookie: `a=${MARK}; JSESSIONID=${MARK}` };
  for (const [method, path] of PAGES) {
    for (const query of [`?x=${hostile}`, `?c=${hostile}`, `?callback=${hostile}`, `?ticket=${hostile}`]) {
      for (const url of [server.url, listed.url]) {
        const response = await request(`${url}/echo${path.split("?")[0]}${query}`, { method, headers });
        assert.doesNotMatch(JSON.stringify(response), new RegExp(MARK), `${method} ${path}${query}`);
      }
    }
  }
  for (const path of [`/${hostile}`, `/${hostile}/info`, `/000/s/${hostile}`, `/000/${hostile}.x/xhr`, `/iframe-${hostile}.html`]) {
    const response = await request(`${echo}${path}`, { method: "POST", headers });
    assert.doesNotMatch(JSON.stringify(response), new RegExp(MARK), path);
  }
  for (const body of [MARK, `["${MARK}`, `[{"${MARK}":1}]`]) {
    const response = await request(`${echo}/000/${randomUUID()}/xhr_send`, { method: "POST", headers, body });
    assert.doesNotMatch(JSON.stringify(response), new RegExp(MARK), body);
  }
  const upgrade = await request(`${echo}/000/s/websocket`, { headers: { ...UPGRADE, Upgrade: MARK, "Sec-WebSocket-Version": MARK } });
  assert.doesNotMatch(JSON.stringify(upgrade), new RegExp(MARK));
});

test("the answer to a push repeats nothing of its body but a short name of an unknown field", async (t) => {
  const token = "a secret of at least thirty-two characters";
  const pushed = await startServer(t, { vars: { SOCKJS_PUSH_TOKENS: token } });
  const MARK = "zq5reflected";
  const push = async (body) => {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await request(`${pushed.url}/push`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok([400, 404].includes(response.status), response.status);
    return response.body;
  };
  const long = MARK.repeat(5000);
  for (const body of [
    { [long]: 1 },
    { close: { [long]: 1 } },
    { room: `/${long}`, message: "x" },
    { room: `/${MARK}`, message: "x" },
    { connection: MARK, message: "x" },
    { room: "/broadcast", close: { code: 1000, reason: long } },
    { room: [MARK], message: "x" },
    [MARK],
  ]) {
    assert.doesNotMatch(await push(body), new RegExp(MARK), JSON.stringify(body).slice(0, 100));
  }
  assert.match(await push({ [MARK]: 1 }), new RegExp(`unknown field ${MARK}`));
});

test("a response of JSONP begins with a comment, so that no other program takes it for its own", async () => {
  const session = randomUUID();
  assert.equal((await knock(echo, "jsonp", { session })).body, '/**/stolen("o");\r\n');
  await knock(echo, "xhr_send", { session });
  assert.equal((await knock(echo, "jsonp", { session })).body, '/**/stolen("a[\\"x\\"]");\r\n');
});
