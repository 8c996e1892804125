// The deployable Worker as a gateway, as `npm run serve -- --var SOCKJS_UPSTREAM=ADDRESS` starts it.

import { BUILD_DIR } from "../../../scripts/tools.mjs";
import { workerConfig } from "../../../scripts/worker-config.mjs";
import { startServer } from "../../harness/servers/server.mjs";

/** Resolves to the URL of the service in front of the upstream at `address`. */
export async function startDeployed(owner, address) {
  // A server that is away makes a warning for each attempt.
  const log = (text) => process.env.SOCKJS_GATEWAY_LOG && process.stderr.write(text);
  const { url } = await startServer(owner, { build: BUILD_DIR, config: workerConfig(), vars: { SOCKJS_UPSTREAM: address }, log });
  return `${url}/sockjs`;
}
