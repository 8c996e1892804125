// A self-signed certificate for this machine, in one file with its key, as HAProxy wants it. nginx and Caddy read the same file.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Problem, follow } from "../../scripts/run.mjs";
import { temporaryDirectory } from "../harness/machine/temporary.mjs";
import { findProgram } from "./programs.mjs";

/** Resolves to the directory, which the caller removes, and the files in it. */
export async function makeCertificate() {
  const directory = temporaryDirectory();
  const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => join(directory, name));
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, "-keyout", key, "-out", certificate];
  const { code, output } = await follow(findProgram("openssl", "openssl"), args);
  if (code !== 0) throw new Problem(`openssl made no certificate:\n${output}`);
  writeFileSync(certificate, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  return { directory, certificate, key };
}
