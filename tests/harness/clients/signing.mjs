// Tickets as the Worker signs them, implemented from the description in src/admission/ticket.rs: with any content and of any age.

import { createHmac, randomUUID } from "node:crypto";

/** Signs `{ i: id, p: prefix, o: origin, t: issued, c: claims }`; missing fields are those of a fresh ticket for /echo. */
export function signTicket(key, content = {}) {
  const json = { v: 1, i: randomUUID(), p: "/echo", t: Date.now(), ...content };
  const body = Buffer.from(JSON.stringify(json)).toString("base64url");
  return `${body}.${createHmac("sha256", key).update(body).digest("base64url")}`;
}

/** Returns the content of a ticket. */
export function readTicket(ticket) {
  return JSON.parse(Buffer.from(ticket.split(".")[0], "base64url"));
}
