// Large bodies, some of them made to take much memory when they are parsed: none takes more than three times its size, bad ones
// are refused like any other, and the server goes on.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { assertSame, numberedJson } from "../harness/messages/numbered.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { MIB, growthDuring, mib, startMeasured } from "./growth.mjs";

const BYTES = 6 * MIB;
const SIZE = 1 << 10;
const repeated = (head, part, tail = "") => head + part.repeat((BYTES - head.length - tail.length) / part.length) + tail;

const GOOD = { "messages of 1 KiB": () => numberedJson(0, Math.floor(BYTES / (SIZE + 3)), SIZE) };
/** Its echo takes longer. */
const MANY = { "empty messages": () => repeated('[""', ',""', "]") };
const BAD = {
  "objects": () => repeated('[{"":1}', ',{"":1}', "]"),
  "numbers": () => repeated("[0", ",0", "]"),
  "arrays in arrays": () => repeated("[", '["",'),
  "deep nesting": () => repeated("", "["),
  "escapes without an end": () => repeated('["', "\\u0000"),
};

/**
 * Memory for what is allocated once, and for the copies that the runtime itself makes of a body on its way to an object: 6 to
 * 13 MiB were measured for a body of 6 MiB.
 */
const NOISE = 18 * MIB;
/** Body that is sent before, as a warm-up, and after, to see that the server goes on. */
const SMALL = numberedJson(0, 64, SIZE);
const ANSWER_MS = 120_000;

/**
 * `send` resolves when a body is taken, to a function that receives its echo; `refusal` resolves to the answer to a bad body,
 * which is to be `expected`.
 */
const WAYS = {
  xhr_send: {
    async send(owner, service, body, echo) {
      const session = new LazySession(owner, service, "xhr");
      const frames = await session.open();
      const { status, isTaken } = await session.send(body, ANSWER_MS);
      assert.ok(isTaken, `the send was answered with ${status}`);
      return async () => {
        const close = await session.receive(frames, (message) => echo.take(message), () => echo.isComplete);
        assert.equal(close, undefined, `closed with ${close} after ${echo.count} messages`);
      };
    },
    async refusal(owner, service, body) {
      const session = await openPollingSession(service);
      const { status, body: text } = await session.sendBody(body);
      return [status, text];
    },
    expected: [500, "Broken JSON encoding."],
  },
  websocket: {
    async send(owner, service, body, echo) {
      const socket = await openSocket(owner, service);
      socket.send(body);
      const receive = async (isEnough) => {
        while (!isEnough()) {
          const frame = await socket.frames.next(`message ${echo.count}`, ANSWER_MS);
          if (frame.startsWith("a[")) JSON.parse(frame.slice(1)).forEach((message) => echo.take(message));
        }
      };
      await receive(() => echo.count > 0);
      return () => receive(() => echo.isComplete);
    },
    async refusal(owner, service, body) {
      const socket = await openSocket(owner, service);
      socket.send(body);
      const { code, reason } = await within(socket.closed, "the close", ANSWER_MS);
      return [code, reason];
    },
    expected: [3000, "Broken framing."],
  },
};

/** Returns cases as `{ name, run }`; `run` takes an owner and resolves to figures. */
export function payloadCases(form) {
  const cases = (bodies, run) =>
    Object.entries(WAYS).flatMap(([name, way]) =>
      Object.entries(bodies).map(([what, make]) => ({
        name: `${name}, ${mib(BYTES)}: ${what}`,
        run: (owner) => run(owner, way, make()),
      })),
    );
  return [...cases(GOOD, taken), ...(form === "long" ? cases(MANY, taken) : []), ...cases(BAD, refused)];
}

async function taken(owner, way, body) {
  const service = await startService(owner);
  const echo = new Echo(body);
  const { result: receive, growth } = await growthDuring(service.server, () => way.send(owner, service.url, body, echo));
  // Not measured: polls of as much make garbage of their own.
  await within(receive(), "all messages", ANSWER_MS);
  return judge(owner, service, body, growth);
}

async function refused(owner, way, body) {
  const service = await startService(owner);
  const { result, growth } = await growthDuring(service.server, () => way.refusal(owner, service.url, body));
  assert.deepEqual(result, way.expected);
  return judge(owner, service, body, growth);
}

async function startService(owner) {
  const server = await startMeasured(owner, {});
  const service = { server, url: `${server.url}/echo` };
  await exchangeSmall(owner, service);
  return service;
}

async function judge(owner, service, body, growth) {
  await exchangeSmall(owner, service);
  assert.ok(growth <= 3 * body.length + NOISE, `the server's memory grew by ${mib(growth)}`);
  return `memory +${mib(growth)}`;
}

async function exchangeSmall(owner, service) {
  for (const way of Object.values(WAYS)) {
    const receive = await way.send(owner, service.url, SMALL, new Echo(SMALL));
    await within(receive(), "small messages", ANSWER_MS);
  }
}

async function openSocket(owner, service) {
  const socket = await openWebSocket(owner, `${service}/000/${randomUUID()}/websocket`, { perMessageDeflate: false });
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

/** Checks that the messages of a body come back. */
class Echo {
  #expected;
  count = 0;

  constructor(body) {
    this.#expected = JSON.parse(body);
  }

  take(message) {
    assertSame(message, this.#expected[this.count], this.count);
    this.count += 1;
  }

  get isComplete() {
    return this.count === this.#expected.length;
  }
}
