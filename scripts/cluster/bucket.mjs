// A bucket for trying out and for tests: the S3 emulator of moto, a Python program, in a folder of the project's own. It
// enforces conditional writes, on which a cluster stands, and forgets everything when it stops.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Problem, follow, killGroup, spawnTied } from "../run.mjs";
import { TOOLS_DIR } from "../tools.mjs";

const VERSION = "5.2.5";
/** moto's own `server` extra brings much more than S3. */
const PACKAGES = [`moto[s3]==${VERSION}`, "flask==3.1.3", "flask-cors==6.0.5"];
const FOLDER = join(TOOLS_DIR, `moto-${VERSION}`);
const NAME = "sockjs-edge";
const START_MS = 30_000;

/** Installs the emulator where it is missing: 15 s and 115 MB. */
export async function installBucket() {
  if (existsSync(join(FOLDER, "complete"))) return;
  rmSync(FOLDER, { recursive: true, force: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", FOLDER, ...PACKAGES];
  const { code, output } = await follow("python3", pip);
  if (code === 127) throw new Problem("python3 is missing: the S3 emulator is a Python program", "install Python 3.10 or later");
  if (code !== 0) throw new Problem(`pip install moto failed:\n${output.trim()}`, "install Python 3.10 or later with pip");
  writeFileSync(join(FOLDER, "complete"), "");
}

/**
 * Starts the emulator with one bucket.
 *
 * @returns {Promise<{ url: string, endpoint: string, options: Record<string, string>, kill: () => void }>} `url` and `options` are
 *   what a cluster is given
 */
export async function startBucket() {
  const env = { ...process.env, PYTHONPATH: FOLDER, PYTHONUNBUFFERED: "1" };
  const child = spawnTied("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], { env, stdio: ["pipe", "pipe"] });
  const endpoint = await listening(child);
  const response = await fetch(`${endpoint}/${NAME}`, { method: "PUT" });
  if (!response.ok) throw new Problem(`the S3 emulator did not make a bucket: ${await response.text()}`);
  return { url: `s3://${NAME}/cluster`, endpoint, options: optionsFor(endpoint), pid: child.pid, kill: () => killGroup(child) };
}

/** The settings of the bucket at `endpoint`, which may be a proxy's. The emulator takes any key. */
export function optionsFor(endpoint) {
  return {
    aws_endpoint: endpoint,
    aws_region: "us-east-1",
    aws_access_key_id: "anybody",
    aws_secret_access_key: "anything",
  };
}

/** Resolves to the URL at which it says that it listens. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    const failed = () => reject(new Problem(`the S3 emulator did not start:\n${said.trim()}`));
    const limit = setTimeout(failed, START_MS);
    child.on("exit", failed);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        said = (said + text).slice(-4_000);
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
        if (!url) return;
        clearTimeout(limit);
        resolve(url);
      });
    }
  });
}
