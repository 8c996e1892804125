// npm run proxies: nginx, HAProxy and Caddy with the configurations of cluster/proxies/, and HAProxy with that of cluster/deploy/
// (`compose`), each in front of a cluster of three nodes.
// Further arguments name the proxies to test.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { Problem, UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { makeCertificate } from "./certificate.mjs";
import { PROXIES, proxyProgram } from "./programs.mjs";

const MINUTES = 10;
const FLAGS = ["--no-deprecation", "--test", "--test-concurrency=1", `--test-timeout=${MINUTES * 60_000}`, "--test-reporter=spec"];
const USAGE = `usage: npm run proxies [-- NAME...]   each NAME is one of ${Object.keys(PROXIES).join(", ")}`;

await main(import.meta, async () => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PROXIES);
  const unknown = names.find((name) => !Object.hasOwn(PROXIES, name));
  if (unknown) throw new UsageError(`there is no proxy "${unknown}"`, USAGE);
  findPrograms(names);
  await setUp();
  await buildRigs();
  const { directory, certificate, key } = await makeCertificate();
  try {
    return await run(nodeBinary, [...FLAGS, ...names.map(fileOf)], {
      stdio: [1, 2],
      // The clients, unlike Chromium, check the certificate.
      env: { ...process.env, SOCKJS_PROXY_CERTIFICATE: certificate, SOCKJS_PROXY_KEY: key, NODE_EXTRA_CA_CERTS: certificate },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});


function fileOf(name) {
  return fileURLToPath(new URL(`${name}.proxy.mjs`, import.meta.url));
}

/** Fails with all packages that are missing. */
function findPrograms(names) {
  const missing = names.filter((name) => {
    try {
      proxyProgram(name);
      return false;
    } catch (error) {
      if (error instanceof Problem) return true;
      throw error;
    }
  });
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => PROXIES[name].package))].join(" ");
  throw new Problem(`${missing.join(", ")}: not found in PATH or /usr/sbin`, `on Debian, apt-get install --no-install-recommends ${packages}`);
}
