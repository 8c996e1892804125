// The files of the demo page: what a browser is told about them, and how much there is to load.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { request } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";

const server = await startServer({ after }, { vars: { SOCKJS_TEST_SERVICES: "false", SOCKJS_TRUSTED_PROXIES: "127.0.0.1" } });
const page = await request(`${server.url}/`);
const links = [...page.body.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path);

/** The files that the page and its modules name, by path. */
async function allFiles() {
  const files = { "/": page };
  const ask = async (path) => {
    if (files[path]) return;
    files[path] = await request(`${server.url}${path}`);
    assert.equal(files[path].status, 200, path);
    for (const [, module] of files[path].body.matchAll(/^import .* from "\.\/([^"]+)"/gm)) await ask(`/demo/${module}`);
  };
  for (const path of links) await ask(path);
  return files;
}

test("nothing of the page comes from another host", async () => {
  const policy = page.headers["content-security-policy"].split("; ");
  const { host } = new URL(server.url);
  const other = `http://localhost:${new URL(server.url).port}`;
  assert.deepEqual(policy, [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ws://${host} wss://${host} ${other}`,
    `frame-src 'self' ${other}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]);
  assert.doesNotMatch(page.body, /\b(style|on\w+)=|<style|<script>/, "nothing inline");
  const theirs = Object.entries(await allFiles()).filter(([path]) => !/sockjs-[\d.]+\.min\.js$/.test(path));
  for (const [path, { body }] of theirs) assert.doesNotMatch(body.replace("http://www.w3.org/2000/svg", ""), /https?:\/\/\w/, path);
});

test("the page is small: less than 21 kB, beside the stock client", async () => {
  const files = Object.entries(await allFiles());
  assert.ok(files.length > 8, `${files.length} files`);
  const sizes = files.filter(([path]) => !path.includes("/sockjs-")).map(([, { body }]) => gzipSync(body).length);
  const sum = sizes.reduce((sum, size) => sum + size);
  assert.ok(sum < 21_000, `${sum} bytes`);
});

test("a browser that has a file asks whether it is still the same", async () => {
  for (const [path, { headers }] of Object.entries(await allFiles())) {
    if (path.includes("/sockjs-")) continue;
    assert.equal(headers["cache-control"], "no-cache", path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
    const again = await request(`${server.url}${path}`, { headers: { "If-None-Match": headers.etag } });
    assert.equal(again.status, 304, path);
    assert.equal(again.body, "");
    assert.equal(again.headers["content-security-policy"], headers["content-security-policy"]);
  }
});

test("without SOCKJS_DEMO there is no demo", async (t) => {
  const other = await startServer(t, { vars: { SOCKJS_DEMO: "false" } });
  for (const path of ["/", "/demo/page.js", "/demo/about.json", "/demo/echo", "/demo/echo/info", "/demo/chat/lobby/info", "/demo/visitors/info"]) {
    assert.equal((await request(`${other.url}${path}`)).status, 404, path);
  }
  assert.equal((await request(`${other.url}/echo`)).status, 200);
});

test("one address gets a few rooms of the chat, and its requests for more rooms start no object", async () => {
  const open = (room, address) =>
    request(`${server.url}/demo/chat/${room}/000/${randomUUID()}/xhr`, { method: "POST", headers: { "X-Forwarded-For": address } });
  const before = Object.keys(readObjects(server.objects)).length;
  const statuses = [];
  for (let room = 0; room < 20; room++) statuses.push((await open(`r${room}`, "192.0.2.1")).status);
  assert.deepEqual(statuses, [...Array(8).fill(200), ...Array(12).fill(429)]);
  assert.equal((await open("r19", "192.0.2.1")).headers["retry-after"], "600");
  assert.ok(Object.keys(readObjects(server.objects)).length - before <= 8);
  assert.equal((await open("r0", "192.0.2.1")).status, 200, "rooms that it has");
  assert.equal((await open("r19", "192.0.2.2")).status, 200, "another address");
});

test("a session restarts its object once in two seconds at most", async (t) => {
  const socket = await openWebSocket(t, `${server.url}/demo/echo/000/${randomUUID()}/websocket`);
  const objects = [];
  const receive = async () => {
    for (;;) {
      const frame = await socket.frames.next("a message");
      for (const message of frame.startsWith("a") ? JSON.parse(frame.slice(1)) : []) {
        if (!message.startsWith("* object ")) return message;
        objects.push(message);
      }
    }
  };
  const ask = (message) => {
    socket.send(JSON.stringify([message]));
    return receive();
  };
  assert.equal(await ask("/restart"), "* restarting");
  while (objects.length < 2) {
    assert.equal(await ask("hello"), "hello");
    await sleep(100);
  }
  assert.equal(await ask("/restart"), "* not restarted", "the new object knows the time");
  await sleep(2_000);
  assert.equal(await ask("/restart"), "* restarting");
});

test("the page learns the gateway's path, unless that has parameters or there is none", async (t) => {
  const about = async (vars) => {
    const other = await startServer(t, { vars: { SOCKJS_TEST_SERVICES: "false", ...vars } });
    const { headers, body } = await request(`${other.url}/demo/about.json`);
    assert.equal(headers["cache-control"], "no-store");
    return JSON.parse(body);
  };
  const SOCKJS_UPSTREAM = "ws://127.0.0.1:9";
  assert.deepEqual(await about({}), { gateway: null });
  assert.deepEqual(await about({ SOCKJS_UPSTREAM }), { gateway: "/sockjs" });
  assert.deepEqual(await about({ SOCKJS_UPSTREAM, SOCKJS_PREFIX: "/chat/{room}" }), { gateway: null });
});

test("HEAD tells the same, and other methods and names find nothing", async () => {
  const head = await fetch(`${server.url}/`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-type"), page.headers["content-type"]);
  for (const [method, path] of [["POST", "/"], ["GET", "/demo"], ["GET", "/demo/page.html"], ["GET", "/demo/"]]) {
    assert.equal((await request(`${server.url}${path}`, { method })).status, 404, `${method} ${path}`);
  }
});
