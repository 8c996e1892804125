// A backend in Python with the library gripcontrol, which pip installs into .tools: only in the long form, npm run grip.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TOOLS_DIR } from "../../scripts/tools.mjs";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { Queue } from "../harness/waiting/queue.mjs";
import { startGateway } from "./upstream.mjs";

const VERSION = "4.4.0";
const KEY = "a key that is long enough to be one";
const LIBRARY = join(TOOLS_DIR, `gripcontrol-${VERSION}`);
const PROGRAM = fileURLToPath(new URL("gripcontrol_backend.py", import.meta.url));
const ALL = [RAW, ...TRANSPORTS];

const skip = process.env.SOCKJS_FULL ? false : "only in the long form: npm run grip";

/** Starts the backend; its lines are of requests. */
async function startBackend(owner, control) {
  if (!existsSync(LIBRARY)) {
    execFileSync("python3", ["-m", "pip", "install", "--quiet", "--target", LIBRARY, `gripcontrol==${VERSION}`], { stdio: ["ignore", "inherit", "pipe"] });
  }
  const child = spawn("python3", [PROGRAM, KEY, control], { env: { ...process.env, PYTHONPATH: LIBRARY }, stdio: ["ignore", "pipe", "inherit"] });
  owner.after(() => child.kill("SIGKILL"));
  const lines = new Queue();
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  return { address: `http://127.0.0.1:${await lines.next("the port of the backend", 60_000)}/`, lines };
}

/** A port of this machine on which a proxy of the test listens for what is published, as the gateway's own is not known yet. */
async function startRelay(owner) {
  let target;
  const relay = createServer((socket) => {
    const other = connect(Number(new URL(target).port), "127.0.0.1");
    socket.pipe(other).pipe(socket);
    for (const side of [socket, other]) side.on("error", () => {});
  });
  await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
  owner.after(() => relay.close());
  return { address: `http://127.0.0.1:${relay.address().port}`, lead: (url) => (target = url) };
}

test("every kind of event makes its way through gripcontrol's decoder and encoder, over every transport", { skip, timeout: 120_000 }, async (t) => {
  const relay = await startRelay(t);
  const backend = await startBackend(t, relay.address);
  const vars = { SOCKJS_GRIP_KEYS: KEY, SOCKJS_DISCONNECT_DELAY: "1000", SOCKJS_HEARTBEAT_DELAY: "2000" };
  const { server, service } = await startGateway(t, backend, { vars });
  relay.lead(server.url);
  for (const transport of ALL) {
    const kinds = new Set();
    const see = async (type) => {
      for (;;) {
        const { events, is_same, is_signed } = await backend.lines.next(`a request with ${type}`);
        assert.ok(is_same && is_signed, JSON.stringify(events));
        for (const [kind] of events) kinds.add(kind);
        const found = events.find(([kind]) => kind === type);
        if (found) return Buffer.from(found[1] ?? "", "hex");
      }
    };
    const session = await openSession(t, service, transport);
    await see("OPEN");
    const texts = [["text", ["é", ""]], ["é\u0000", ["é\u0000"]], ["binary", ["bytes"]], ["ping", ["pinged"]], ["pong", ["ponged"]], ["join", ["joined"]], ["publish", ["published"]]];
    const expected = [];
    for (const [message, answers] of texts) {
      expected.push(...answers);
      await session.send([message]);
      assert.deepEqual(await session.received(expected.length), expected, transport);
    }
    assert.equal((await see("PONG")).toString(), "are you there");
    if (session.socket) {
      session.socket.close(3001, "mine");
      assert.equal((await see("CLOSE")).toString("hex"), `0bb9${Buffer.from("mine").toString("hex")}`);
    } else {
      session.leave();
      await see("DISCONNECT");
    }
    const closed = await openSession(t, service, transport);
    await closed.send(["close"]);
    assert.deepEqual(await closed.closed(), [4001, "bye"]);
    const lost = await openSession(t, service, transport);
    await lost.send(["disconnect"]);
    assert.deepEqual(await lost.closed(), [1012, "Upstream lost"]);
    t.diagnostic(`${transport}: ${[...kinds].join(", ")}`);
  }
});
