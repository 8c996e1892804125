// The text format of Prometheus, version 0.0.4, read as strictly as it is written.

import assert from "node:assert/strict";
import { request } from "./http.mjs";
import { until } from "../waiting/wait.mjs";

export const TOKEN = "metrics-token-of-at-least-32-characters";
export const OTHER_TOKEN = "another-token-of-at-least-32-characters";
export const VARS = { SOCKJS_METRICS: "true", SOCKJS_METRICS_TOKENS: `${OTHER_TOKEN}, ${TOKEN}` };

/** What an operator is promised after the load. */
export const WITHIN_MS = 15_000;

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gy;

/** One answer of /metrics: `{ status, headers, body }`. */
export function scrape(server, authorization = `Bearer ${TOKEN}`) {
  return request(`${server.url}/metrics`, { headers: authorization ? { Authorization: authorization } : {} });
}

/** The samples, by name and labels such as `sockjs_connections_open{service="/echo",transport="websocket"}`. */
export async function readMetrics(server) {
  const { status, headers, body } = await scrape(server);
  assert.deepEqual([status, headers["content-type"]], [200, "text/plain; version=0.0.4; charset=utf-8"], body);
  return parse(body);
}

export function parse(text) {
  assert.ok(text.endsWith("\n"));
  const types = new Map();
  const samples = {};
  let family;
  for (const line of text.slice(0, -1).split("\n")) {
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      assert.ok(!types.has(name), `${name} comes once`);
      family = name;
    } else if (keyword === "TYPE") {
      assert.equal(name, family);
      assert.match(rest, /^(counter|gauge)$/);
      assert.equal(name.endsWith("_total"), rest === "counter", name);
      types.set(name, rest);
    } else {
      const [, sample, labels = "", value] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
      assert.equal(sample, family, "samples stand with their family");
      assert.equal([...labels.matchAll(LABEL)].map(([label]) => label).join(""), labels, line);
      const key = `${sample}{${labels}}`;
      assert.ok(!(key in samples), `${key} comes once`);
      samples[key] = Number(value);
      assert.ok(samples[key] >= 0, line);
    }
  }
  return samples;
}

/** Waits until the samples that are named in `expected` are these. */
export async function untilMetrics(server, expected, ms = 45_000) {
  let found;
  const agree = async () => {
    const samples = await readMetrics(server);
    found = Object.fromEntries(Object.keys(expected).map((key) => [key, samples[key] ?? 0]));
    return Object.keys(expected).every((key) => found[key] === expected[key]);
  };
  await until(agree, "the metrics", ms).catch(() => {});
  assert.deepEqual(found, expected);
}
