// Sends refused requests, one kind after the other, and fails if an object was started or anything was written.

import { REFUSALS, refuse } from "./refusals.mjs";

const requests = Number(process.argv[2]);
const kinds = Object.keys(REFUSALS).filter((name) => REFUSALS[name].objectRequests === 0);
const columns = ["requests", "objects started", "requests to objects", "rows written", "alarms set", "seconds"];

process.stdout.write(`| refused for its | ${columns.join(" | ")} |\n|---${"|---:".repeat(columns.length)}|\n`);
for (const name of kinds) {
  const began = performance.now();
  const counted = await refuse(name, requests);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const { workerRequests, constructions, fetches, sqlRowsWritten, setAlarms } = counted;
  process.stdout.write(`| ${[name, workerRequests, constructions, fetches, sqlRowsWritten, setAlarms, seconds].join(" | ")} |\n`);
  if (workerRequests !== requests || constructions + fetches + sqlRowsWritten + setAlarms > 0) process.exitCode = 1;
}
