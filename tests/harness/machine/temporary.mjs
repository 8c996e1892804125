// Temporary directories.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function temporaryDirectory() {
  return mkdtempSync(join(tmpdir(), "sockjs-edge-"));
}

/**
 * Removes a directory after everything that writes into it was killed. The last process may take a moment to end, hence the
 * retries.
 */
export function removeDirectory(directory) {
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
