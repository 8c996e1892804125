import { describe, test } from "node:test";
import { payloadCases } from "./payloads.mjs";

describe("a large body costs at most three times its size", () => {
  for (const { name, run } of payloadCases("short")) test(name, async (t) => t.diagnostic(await run(t)));
});
