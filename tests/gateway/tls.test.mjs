// An upstream behind TLS, with a certificate of a private authority: plain workerd trusts it as far as the authority is named.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { readCertificates } from "../../scripts/serve/arguments.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { makeAuthority, makeCertificate } from "../harness/servers/certificates.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const HTTP = TRANSPORTS.filter((transport) => transport !== "websocket");
const QUIET = { SOCKJS_LOG: "error", SOCKJS_UPSTREAM_OPEN: "after" };
const directory = temporaryDirectory();
after(() => removeDirectory(directory));

const at = (name) => join(directory, name);
const authorities = ["other", "private"].map((name) => makeAuthority(directory, name)).join("# the one of the upstream\n");
writeFileSync(at("authorities.pem"), authorities);
const upstreamCa = readCertificates("--upstream-ca", at("authorities.pem"));
const tls = makeCertificate(directory, "private", "localhost");
const ofAnotherHost = makeCertificate(directory, "private", "backend.example");

async function refusesAll(t, service) {
  for (const door of ["websocket", "raw websocket"]) assert.equal((await knock(service, door)).status, 502, door);
  for (const transport of HTTP.slice(0, 2)) {
    const session = await openSession(t, service, transport);
    assert.deepEqual(await session.closed(), [4502, "Upstream cannot be reached"], transport);
  }
}

test("an authority of the file is trusted, over every transport", async (t) => {
  assert.equal(upstreamCa.length, 2);
  const upstream = await startUpstream(t, { tls });
  const { service } = await startGateway(t, upstream, { upstreamCa, vars: QUIET });
  for (const transport of [RAW, ...TRANSPORTS]) {
    const session = await openSession(t, service, transport);
    await session.send(["a", "é"]);
    assert.deepEqual(await session.received(2), ["a", "é"], transport);
  }
  assert.equal(upstream.accepted, TRANSPORTS.length + 1);
});

test("an unknown authority is a refusal with 502", async (t) => {
  const upstream = await startUpstream(t, { tls });
  const { service } = await startGateway(t, upstream, { vars: QUIET, log: () => {} });
  await refusesAll(t, service);
  assert.equal(upstream.asked, 0);
});

test("a certificate of another host is a refusal with 502", async (t) => {
  const upstream = await startUpstream(t, { tls: ofAnotherHost });
  const { service } = await startGateway(t, upstream, { upstreamCa, vars: QUIET, log: () => {} });
  await refusesAll(t, service);
  assert.equal(upstream.asked, 0);
});

test("a file without a certificate is named", () => {
  assert.throws(() => readCertificates("--upstream-ca", at("private.key")), /--upstream-ca takes a file with certificates in PEM/);
});
