// Certificates of a private authority, made by openssl.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const openssl = (...args) => execFileSync("openssl", args, { stdio: "pipe" });

/** Makes an authority, whose files are in `directory`. Returns its certificate in PEM. */
export function makeAuthority(directory, name) {
  const { at, newKey } = files(directory);
  openssl("req", "-x509", ...newKey(name), "-out", at(`${name}.pem`), "-days", "2", "-subj", `/CN=${name}`);
  return readFileSync(at(`${name}.pem`), "utf8");
}

/** Makes a certificate for this host, signed by an authority of the same directory. Returns it and its key in PEM. */
export function makeCertificate(directory, authority, host) {
  const { at, newKey } = files(directory);
  openssl("req", "-new", ...newKey(host), "-out", at(`${host}.csr`), "-subj", `/CN=${host}`);
  writeFileSync(at(`${host}.ext`), `subjectAltName=DNS:${host}\n`);
  const signedBy = ["-CA", at(`${authority}.pem`), "-CAkey", at(`${authority}.key`), "-CAcreateserial"];
  openssl("x509", "-req", "-in", at(`${host}.csr`), ...signedBy, "-out", at(`${host}.pem`), "-days", "2", "-extfile", at(`${host}.ext`));
  return { key: readFileSync(at(`${host}.key`), "utf8"), cert: readFileSync(at(`${host}.pem`), "utf8") };
}

function files(directory) {
  const at = (name) => join(directory, name);
  return { at, newKey: (name) => ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at(`${name}.key`)] };
}
