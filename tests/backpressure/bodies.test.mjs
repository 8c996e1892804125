import { describe, test } from "node:test";
import { bodyCases } from "./bodies.mjs";

describe("many large bodies cost no more than may be read at once, and small messages pass", () => {
  for (const { name, run } of bodyCases("short")) test(name, async (t) => t.diagnostic(await run(t)));
});
