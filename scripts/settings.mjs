// Checks that the Worker can serve the variables that it is given. The Worker itself decides, and says 500 to everything if
// it cannot: so there is one table of options, in Rust.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "./run.mjs";
import { startWorkerd } from "./workerd.mjs";

const FIX = "see docs/options.md";
const FIX_SECRET = "npm start reads secrets from the file .dev.vars (NAME=VALUE, one a line), npm run serve takes them by --var";

/** Asks the Worker at `url`. */
export async function requireGoodSettings(url) {
  const response = await fetch(url);
  const text = (await response.text()).trim();
  if (response.status === 500) throw new Problem(text, /a secret/.test(text) ? FIX_SECRET : FIX);
}

/** Asks a Worker started for this, with these variables in place of those of wrangler.toml. */
export async function checkSettings(vars) {
  const storage = mkdtempSync(join(tmpdir(), "sockjs-edge-"));
  const server = await startWorkerd({ storage, vars, log: () => {} });
  try {
    await requireGoodSettings(server.url);
  } finally {
    await server.kill();
    rmSync(storage, { recursive: true, force: true });
  }
}
