// Arguments of the commands that start the Worker. An argument that cannot be used is an error that names it.

import { readFileSync } from "node:fs";

/** Reads a whole number from `least` to `most`. */
export function readNumber(name, text, least, most) {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new Error(`${name} takes a number from ${least} to ${most}, not ${text}`);
  }
  return number;
}

/** Reads the certificates of a file, each in PEM. */
export function readCertificates(name, file) {
  const certificates = readFileSync(file, "utf8").match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g);
  if (!certificates) throw new Error(`${name} takes a file with certificates in PEM, and ${file} has none`);
  return certificates.map((certificate) => `${certificate}\n`);
}

/** Reads variables, each NAME=VALUE. */
export function readVars(assignments) {
  const pairs = assignments.map((assignment) => {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(assignment);
    if (!match) throw new Error(`--var takes NAME=VALUE, not ${assignment}`);
    return match.slice(1);
  });
  return Object.fromEntries(pairs);
}
