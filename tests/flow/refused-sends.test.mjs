// A send that is too large closes its session, with a reason that names the limit. The client gets that close before the send
// is answered, since the stock client ignores what comes after a failed send. A send that comes too early is held until the
// client has read enough, and refused if it does not read.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TRANSPORTS, bodyOf, openSession } from "../harness/clients/eager-session.mjs";
import { start } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { assertComplete, backlog } from "../harness/messages/numbered.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
/** protocol/src/service/options/table.rs. */
const BODY_LIMIT = 8 * MIB;
const MESSAGE_LIMIT = 512 * KIB;
const QUEUE_LIMIT = MIB;

const HTTP = TRANSPORTS.filter((transport) => transport !== "websocket");
const POLLS = ["xhr", "jsonp"];

const LONG_MS = 60_000;

/** Small enough that a few messages fill it. */
const INBOX_LIMIT = 1_000_000;
const SIZE = 200_000;
/** Messages that fill the inbox, and at most those that half a queue takes beside it, and one in a handler. */
const FIT = Math.floor(INBOX_LIMIT / (SIZE + 64));
const FIT_AT_MOST = FIT + Math.ceil(QUEUE_LIMIT / 2 / SIZE) + 1;

/** The output of `small`; its service /witness logs the close of a connection. */
let printed = "";

const vars = { SOCKJS_INBOX_LIMIT: String(INBOX_LIMIT) };
const server = await startServer({ after });
const small = await startServer({ after }, { vars, log: (text) => (printed += text) });
const impatient = await startServer({ after }, { vars: { ...vars, SOCKJS_SEND_TIMEOUT: "5000", SOCKJS_STALL_TIMEOUT: "5000" } });

/** Messages whose body exceeds an option, by the option. */
const TOO_MUCH = {
  body_limit: backlog(17, 500_000),
  message_limit: ["x".repeat(MESSAGE_LIMIT + 1)],
};

describe("a send that is too large", () => {
  for (const transport of HTTP) {
    test(`${transport}: the session is closed with 1009, and then the send is answered 413`, async (t) => {
      const session = await openSession(t, `${server.url}/echo`, transport);
      const refusal = await declare(t, session, transport, BODY_LIMIT + 1);
      const { status } = await refusal.head();
      assert.equal(status, 413);
      assert.match(await refusal.body(), /body_limit/);
      assertEnd(session.end, 1009, /body_limit/);
    });
  }

  for (const transport of POLLS) {
    test(`${transport}: it is answered 413 while nobody polls, and the next poll gets the close`, async (t) => {
      const session = await openSession(t, `${server.url}/echo`, transport, { isPaused: true });
      const refusal = await declare(t, session, transport, BODY_LIMIT + 1);
      assert.equal((await refusal.head()).status, 413);
      assert.equal(session.end, undefined);
      session.resume();
      assertEnd(await session.closed(), 1009, /body_limit/);
    });

    test(`${transport}: what was echoed before it comes before the close`, async (t) => {
      const session = await openSession(t, `${server.url}/echo`, transport, { isPaused: true });
      const messages = backlog(20, 10_000);
      await session.send(messages);
      const refusal = await declare(t, session, transport, BODY_LIMIT + 1);
      assert.equal((await refusal.head()).status, 413);
      session.resume();
      assertEnd(await session.closed(), 1009, /body_limit/);
      assertComplete(session.messages, messages);
    });

    test(`${transport}: a message beyond message_limit closes the session, too`, async (t) => {
      const session = await openSession(t, `${server.url}/echo`, transport);
      const { status } = await session.post(bodyOf(transport, TOO_MUCH.message_limit));
      assert.equal(status, 413);
      assertEnd(session.end, 1009, /message_limit/);
    });
  }

  test("xhr: a body that does not say its length closes the session once it is too large", async (t) => {
    const session = await openSession(t, `${server.url}/echo`, "xhr");
    const send = await start(`${session.url}/xhr_send`, { method: "POST", headers: { "Transfer-Encoding": "chunked" } });
    t.after(() => send.close());
    const length = 0x10000;
    for (let sent = 0; sent <= BODY_LIMIT; sent += length) send.write(`10000\r\n${"x".repeat(length)}\r\n`);
    assert.equal((await send.head()).status, 413);
    assertEnd(session.end, 1009, /body_limit/);
  });

  for (const transport of ["xhr-streaming", "eventsource", "xhr-polling"]) {
    for (const [option, messages] of Object.entries(TOO_MUCH)) {
      test(`stock client, ${transport}: a send beyond ${option} closes it with 1009 and the reason`, async (t) => {
        const client = await connectStockClient(t, `${server.url}/echo`, transport);
        // The first goes alone, what comes meanwhile goes together.
        for (const message of ["first", ...messages]) client.send(message);
        const { code, reason, wasClean } = await within(client.closed, "the close");
        assertEnd([code, reason], 1009, new RegExp(option));
        assert.equal(wasClean, true);
      });
    }
  }
});

describe("sends that come faster than the client reads", () => {
  for (const transport of POLLS) {
    test(`${transport}: those beyond inbox_limit are held until the client polls, and are accepted`, async (t) => {
      const session = await openSession(t, `${small.url}/echo`, transport, { isPaused: true });
      const messages = backlog(30, SIZE);
      let accepted = 0;
      const sent = Promise.all(messages.map((message) => session.send([message]).then(() => accepted++)));
      await Promise.race([sent, until(() => accepted >= FIT, "the sends that fit", LONG_MS)]);
      assert.ok(accepted <= FIT_AT_MOST, `${accepted} accepted`);
      session.resume();
      await sent;
      assertComplete((await session.received(messages.length)).toSorted(), messages.toSorted());
      await session.send(["the end"]);
      assertComplete((await session.received(messages.length + 1)).slice(-1), ["the end"]);
    });

    test(`${transport}: when the client does not poll they are refused, and the session is closed with 1013`, async (t) => {
      const session = await openSession(t, `${impatient.url}/echo`, transport, { isPaused: true });
      const messages = backlog(30, SIZE);
      const answers = await Promise.all(messages.map((message) => session.post(bodyOf(transport, [message]))));
      const accepted = messages.filter((_, number) => answers[number].status === (transport === "jsonp" ? 200 : 204));
      const refused = answers.filter(({ status }) => status === 503);
      assert.ok(accepted.length >= FIT, `${accepted.length} accepted`);
      assert.ok(refused.length > 0);
      assert.equal(accepted.length + refused.length, messages.length);

      session.resume();
      assertEnd(await session.closed(), 1013, /./);
      assert.ok(session.messages.length > 0, "what was queued comes before the close");
      assert.ok(session.messages.every((message) => accepted.includes(message)));
      assert.equal(new Set(session.messages).size, session.messages.length, "nothing comes twice");
    });
  }

  test("websocket: the connection is closed with 1013, after what was queued", async (t) => {
    const session = await openSession(t, `${small.url}/witness`, "websocket");
    session.pause();
    // More than the kernel buffers in both directions.
    const messages = backlog(160, 400_000);
    session.sendApart(messages);
    await until(() => /"witness":"close/.test(printed), "on_close", LONG_MS);
    session.resume();
    assertEnd(await session.closed(), 1013, /./);
    assert.ok(session.messages.length > 0, "what was queued comes before the close");
    assertComplete(session.messages, messages.slice(0, session.messages.length));
  });
});

/** Sends only the head: the server resets a connection that goes on with the body, and its answer may be lost then. */
async function declare(t, session, transport, length) {
  const isForm = transport === "jsonp";
  const [segment, type] = isForm ? ["jsonp_send", "application/x-www-form-urlencoded"] : ["xhr_send", "text/plain"];
  const headers = { "Content-Type": type, "Content-Length": length };
  const send = await start(`${session.url}/${segment}`, { method: "POST", headers });
  t.after(() => send.close());
  return send;
}

function assertEnd(end, code, reason) {
  assert.equal(end?.[0], code, `${end}`);
  assert.match(end[1], reason);
}
