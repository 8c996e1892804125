// A server whose service /witness logs each callback of its application, for each connection.

import { Session } from "../clients/session.mjs";
import { byLines } from "../waiting/lines.mjs";
import { Queue } from "../waiting/queue.mjs";
import { startServer } from "./server.mjs";

/** Like `startServer`; `told(session)` is the queue of the callbacks of that session, as strings. */
export async function startWitness(owner, vars) {
  const queues = new Map();
  const told = (session) => {
    if (!queues.has(session)) queues.set(session, new Queue());
    return queues.get(session);
  };
  const onLine = (line) => {
    const [, json] = /^(\{.*"witness":.*\})$/.exec(line) ?? [];
    if (json === undefined) return process.stderr.write(`${line}\n`);
    const { session, witness } = JSON.parse(json);
    told(session).push(witness);
  };
  const server = await startServer(owner, { vars, log: byLines(onLine) });
  return { url: `${server.url}/witness`, told };
}

/** Opens a session with a waiting receiver, and reads the open frame: only the end remains to be reported. */
export async function openWaiting(owner, witness, segment) {
  const session = new Session(owner, witness.url, segment);
  const told = witness.told(session.id);
  const opened = await session.next();
  if (opened !== "o" || (await told.next("on_open")) !== "open") throw new Error(`no session: ${opened}`);
  return { session, told, receiver: await session.receiver() };
}
